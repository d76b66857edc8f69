//! The tour: sends every sample from both senders, then one that is forged, and checks the results.
//!
//! Three records must agree: the reply that the sender got, the requests that reached the application, and
//! the line in the access log.

use std::net::Ipv4Addr;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::cli::child::{Child, Event};
use crate::cli::demo::application::{self, Accepted, Application};
use crate::cli::demo::sender::{self, ADMITTED, Reply, STRANGER};
use crate::cli::webhooks::connection::Failed;
use crate::cli::webhooks::samples::Sample;
use crate::policy::delivery::{Rules, relay};

/// The log line may come after the reply, because a thread of its own writes it.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// Stands for a missing log field.
const NOTHING: &str = "-";

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The vendor: from an address that a list admits, with a good signature.
    Vendor,
    /// A stranger: from an address in no list, without a signature.
    Stranger,
    /// A forger: from an address that a list admits, with another secret.
    Forger,
}

impl From {
    /// Its address.
    pub(super) fn address(self) -> Ipv4Addr {
        match self {
            Self::Vendor | Self::Forger => ADMITTED,
            Self::Stranger => STRANGER,
        }
    }

    /// The status, the outcome and the reason of a request that is denied; `None` for one that is not.
    fn denial(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Vendor => None,
            Self::Stranger => Some((403, "not_listed")),
            Self::Forger => Some((503, "bad_signature")),
        }
    }
}

/// The fields of an access log line that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct LogLine {
    /// The client's address.
    client_ip: Option<String>,
    /// The outcome of the request.
    outcome: Option<String>,
    /// The path of the request, without its query.
    path: Option<String>,
    /// The reason for the outcome.
    reason: Option<String>,
}

/// One request of the tour and its three records.
#[derive(Debug)]
pub(super) struct Visit {
    /// The sample's name.
    pub sample: String,
    /// The webhook's name.
    pub webhook: &'static str,
    /// The sender.
    pub from: From,
    /// The status that it got, or an error.
    pub got: Result<u16, Failed>,
    /// How many requests reached the application meanwhile.
    pub arrived: usize,
    /// The outcome and the reason in the log.
    pub logged: String,
    /// The line of the access log.
    pub line: String,
    /// What is not as expected; empty when all is well.
    pub wrong: Vec<String>,
}

/// Why the tour cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The gate has ended.
    GateEnded,
    /// The user wants to stop.
    Stopped,
}

/// Sends one sample from one address.
///
/// # Errors
/// The gate ended, or the user stopped the tour.
pub(super) fn visit(
    sample: &Sample,
    from: From,
    gate: &Child,
    application: &Application,
    events: &Receiver<Event>,
) -> Result<Visit, Broken> {
    let got = sender::send(sample, from.address(), gate.listen);
    let (log, line) =
        if got.is_ok() { next_line(sample, from.address(), events)? } else { (None, String::new()) };
    let arrived = application.take();
    let mut wrong = Vec::new();
    match (&got, from.denial()) {
        (Err(error), _) => wrong.push(format!("the sender: {error}")),
        (Ok(got), None) => {
            wrong.extend(admitted(sample, got, &arrived));
            wrong.extend(log_differs(log.as_ref(), "delivered", "success"));
        }
        (Ok(got), Some((status, reason))) => {
            wrong.extend(denied(status, got, &arrived));
            wrong.extend(log_differs(log.as_ref(), "denied", reason));
        }
    }
    Ok(Visit {
        sample: sample.name.clone(),
        webhook: sample.webhook.name(),
        from,
        got: got.map(|got| got.status),
        arrived: arrived.len(),
        logged: match log.as_ref().map(outcome_and_reason) {
            Some(("denied", reason)) => format!("denied {reason}"),
            Some((outcome, _)) => outcome.to_owned(),
            None => NOTHING.to_owned(),
        },
        line,
        wrong,
    })
}

/// The log line of this request; none if it does not come in time.
fn next_line(
    sample: &Sample,
    from: Ipv4Addr,
    events: &Receiver<Event>,
) -> Result<(Option<LogLine>, String), Broken> {
    let until = Instant::now() + LOG_TIMEOUT;
    loop {
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Access(line)) => {
                let log: LogLine = serde_json::from_str(&line).unwrap_or_default();
                let is_from = log.client_ip.as_deref() == Some(from.to_string().as_str());
                if is_from && log.path.as_deref() == Some(sample.path()) {
                    return Ok((Some(log), line));
                }
            }
            Ok(Event::Told(_)) => {}
            Ok(Event::Ended) => return Err(Broken::GateEnded),
            Ok(Event::Stop) => return Err(Broken::Stopped),
            Err(_) => return Ok((None, String::new())),
        }
    }
}

/// The differences from what an admitted sender and the application must see.
fn admitted(sample: &Sample, got: &Reply, arrived: &[Accepted]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (status, body) = application::answer_for(sample.path());
    let wanted = relay(status, Rules::of(sample.webhook)).status;
    if got.status != wanted {
        wrong.push(format!("the sender got {} instead of {wanted}", got.status));
    }
    if got.body != body.as_bytes() {
        wrong.push("the sender got another body than the application gave".to_owned());
    }
    match arrived {
        [one] => {
            if (&one.method, &one.target) != (&sample.method, &sample.target) {
                wrong.push("another method, path or query reached the application".to_owned());
            }
            if one.body != sample.body.as_bytes() {
                wrong.push("another body reached the application".to_owned());
            }
            if one.list != "demo" {
                wrong.push(format!("the application got the list name {:?}", one.list));
            }
        }
        others => wrong.push(format!("{} requests reached the application", others.len())),
    }
    wrong
}

/// The differences from what a denied sender and the application must see.
fn denied(status: u16, got: &Reply, arrived: &[Accepted]) -> Vec<String> {
    let mut wrong = Vec::new();
    if got.status != status {
        wrong.push(format!("the denied sender got {} instead of {status}", got.status));
    }
    if !arrived.is_empty() {
        wrong.push("the denied sender reached the application".to_owned());
    }
    wrong
}

fn log_differs(log: Option<&LogLine>, outcome: &str, reason: &str) -> Option<String> {
    let Some(log) = log else { return Some("the access log says nothing".to_owned()) };
    let logged = outcome_and_reason(log);
    (logged != (outcome, reason)).then(|| format!("the access log says {} {}", logged.0, logged.1))
}

/// The outcome and the reason in a line.
fn outcome_and_reason(log: &LogLine) -> (&str, &str) {
    (log.outcome.as_deref().unwrap_or(NOTHING), log.reason.as_deref().unwrap_or(NOTHING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::webhooks::samples;

    fn sample(name: &str) -> Sample {
        samples::all().unwrap().into_iter().find(|sample| sample.name == name).unwrap()
    }

    fn arrival(sample: &Sample) -> Accepted {
        Accepted {
            method: sample.method.clone(),
            target: sample.target.clone(),
            body: sample.body.clone().into_bytes(),
            list: "demo".to_owned(),
        }
    }

    #[test]
    fn a_message_that_arrived_whole_passes_the_comparison() {
        // The documents of Messages name only 200, so a 204 reaches the sender as 200.
        for (name, status) in
            [("messages-inbound", 200), ("sms-inbound-post-json", 204), ("voice-event-answered", 204)]
        {
            let sample = sample(name);
            let got = Reply { status, body: Vec::new() };
            assert_eq!(admitted(&sample, &got, &[arrival(&sample)]), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn the_comparison_sees_every_difference() {
        let sample = sample("voice-answer-post");
        let got = Reply { status: 200, body: application::NCCO.into() };
        let good = arrival(&sample);
        assert_eq!(admitted(&sample, &got, std::slice::from_ref(&good)), Vec::<String>::new());
        let bad: [(Reply, Vec<Accepted>); 7] = [
            (Reply { status: 503, ..got.clone() }, vec![good.clone()]),
            (Reply { body: Vec::new(), ..got.clone() }, vec![good.clone()]),
            (got.clone(), vec![]),
            (got.clone(), vec![good.clone(), good.clone()]),
            (got.clone(), vec![Accepted { target: "/webhooks/answer?".to_owned(), ..good.clone() }]),
            (got.clone(), vec![Accepted { body: good.body[1..].to_vec(), ..good.clone() }]),
            (got.clone(), vec![Accepted { list: String::new(), ..good.clone() }]),
        ];
        for (got, arrived) in bad {
            assert_eq!(admitted(&sample, &got, &arrived).len(), 1, "{got:?} {arrived:?}");
        }
        let forbidden = Reply { status: 403, body: Vec::new() };
        assert!(denied(403, &forbidden, &[]).is_empty());
        assert_eq!(denied(403, &forbidden, &[good]).len(), 1);
        assert_eq!(denied(403, &got, &[]).len(), 1);
    }

    #[test]
    fn the_comparison_includes_the_access_log() {
        assert!(log_differs(None, "delivered", "success").is_some());
        let line = r#"{ "outcome": "delivered", "reason": "success", "status": 200 }"#;
        let log: LogLine = serde_json::from_str(line).unwrap();
        assert_eq!(log_differs(Some(&log), "delivered", "success"), None);
        assert!(log_differs(Some(&log), "denied", "not_listed").is_some());
    }
}
