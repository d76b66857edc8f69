//! The tour: every sample from both senders, and whether everybody saw what they must see.
//!
//! Three records have to agree: what the sender was told, what reached the application, and what the
//! access log says.

use std::io;
use std::net::Ipv4Addr;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use crate::cli::demo::application::{self, Accepted, Application};
use crate::cli::demo::gate::{Event, Gate, LogLine};
use crate::cli::demo::samples::Sample;
use crate::cli::demo::sender::{self, ADMITTED, Told};
use crate::policy::delivery::{Rules, relay};

/// The log is written beside the request, not before its answer.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// What stands where the log says nothing.
const NOTHING: &str = "-";

/// One request of the tour and its three records.
#[derive(Debug)]
pub(super) struct Visit {
    /// The sample's name.
    pub sample: String,
    /// The webhook's name.
    pub webhook: &'static str,
    /// The sender.
    pub from: Ipv4Addr,
    /// What it was told.
    pub told: io::Result<u16>,
    /// How many requests the application saw meanwhile.
    pub arrived: usize,
    /// The outcome and the reason in the log.
    pub logged: String,
    /// The line of the access log.
    pub line: String,
    /// What is not as it must be; empty when all is well.
    pub wrong: Vec<String>,
}

/// Why the tour cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The gate is gone.
    GateEnded,
    /// The person wants to stop.
    Stopped,
}

/// Sends one sample from one address.
///
/// # Errors
/// The gate ended, or the person did not want to wait.
pub(super) fn visit(
    sample: &Sample,
    from: Ipv4Addr,
    gate: &Gate,
    application: &Application,
    events: &Receiver<Event>,
) -> Result<Visit, Broken> {
    let told = sender::send(sample, from, gate.listen);
    let (log, line) = if told.is_ok() { next_line(sample, from, events)? } else { (None, String::new()) };
    let arrived = application.take();
    let mut wrong = Vec::new();
    match &told {
        Err(error) => wrong.push(format!("the sender: {error}")),
        Ok(told) if from == ADMITTED => {
            wrong.extend(admitted(sample, told, &arrived));
            wrong.extend(log_differs(log.as_ref(), "delivered", "success"));
        }
        Ok(told) => {
            wrong.extend(denied(told, &arrived));
            wrong.extend(log_differs(log.as_ref(), "denied", "not_listed"));
        }
    }
    Ok(Visit {
        sample: sample.name.clone(),
        webhook: sample.webhook.name(),
        from,
        told: told.map(|told| told.status),
        arrived: arrived.len(),
        logged: match log.as_ref().map(said) {
            Some(("denied", reason)) => format!("denied {reason}"),
            Some((outcome, _)) => outcome.to_owned(),
            None => NOTHING.to_owned(),
        },
        line,
        wrong,
    })
}

/// The log line of this request; nothing when none comes in time.
fn next_line(
    sample: &Sample,
    from: Ipv4Addr,
    events: &Receiver<Event>,
) -> Result<(Option<LogLine>, String), Broken> {
    let until = Instant::now() + LOG_TIMEOUT;
    loop {
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Log(log, line)) => {
                let is_from = log.client_ip.as_deref() == Some(from.to_string().as_str());
                if is_from && log.path.as_deref() == Some(sample.path()) {
                    return Ok((Some(log), line));
                }
            }
            Ok(Event::Ended) => return Err(Broken::GateEnded),
            Ok(Event::Stop) => return Err(Broken::Stopped),
            Err(_) => return Ok((None, String::new())),
        }
    }
}

/// What an admitted sender and the application must see.
fn admitted(sample: &Sample, told: &Told, arrived: &[Accepted]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (status, body) = application::says(sample.path());
    let wanted = relay(status, Rules::of(sample.webhook)).status;
    if told.status != wanted {
        wrong.push(format!("the sender was told {} instead of {wanted}", told.status));
    }
    if told.body != body.as_bytes() {
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
                wrong.push(format!("the application was told of the list {:?}", one.list));
            }
        }
        others => wrong.push(format!("{} requests reached the application", others.len())),
    }
    wrong
}

/// What a stranger and the application must see.
fn denied(told: &Told, arrived: &[Accepted]) -> Vec<String> {
    let mut wrong = Vec::new();
    if told.status != 403 {
        wrong.push(format!("the stranger was told {} instead of 403", told.status));
    }
    if !arrived.is_empty() {
        wrong.push("the stranger reached the application".to_owned());
    }
    wrong
}

fn log_differs(log: Option<&LogLine>, outcome: &str, reason: &str) -> Option<String> {
    let Some(log) = log else { return Some("the access log says nothing".to_owned()) };
    let said = said(log);
    (said != (outcome, reason)).then(|| format!("the access log says {} {}", said.0, said.1))
}

/// The outcome and the reason of a line.
fn said(log: &LogLine) -> (&str, &str) {
    (log.outcome.as_deref().unwrap_or(NOTHING), log.reason.as_deref().unwrap_or(NOTHING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::samples;

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
    fn a_message_that_arrived_whole_is_as_it_must_be() {
        // The documents of Messages name 200 only, so a 204 reaches the sender as that.
        for (name, status) in
            [("messages-inbound", 200), ("sms-inbound-post-json", 204), ("voice-event-answered", 204)]
        {
            let sample = sample(name);
            let told = Told { status, body: Vec::new() };
            assert_eq!(admitted(&sample, &told, &[arrival(&sample)]), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn every_difference_is_seen() {
        let sample = sample("voice-answer-post");
        let told = Told { status: 200, body: application::NCCO.into() };
        let good = arrival(&sample);
        assert_eq!(admitted(&sample, &told, std::slice::from_ref(&good)), Vec::<String>::new());
        let bad: [(Told, Vec<Accepted>); 7] = [
            (Told { status: 503, ..told.clone() }, vec![good.clone()]),
            (Told { body: Vec::new(), ..told.clone() }, vec![good.clone()]),
            (told.clone(), vec![]),
            (told.clone(), vec![good.clone(), good.clone()]),
            (told.clone(), vec![Accepted { target: "/webhooks/answer?".to_owned(), ..good.clone() }]),
            (told.clone(), vec![Accepted { body: good.body[1..].to_vec(), ..good.clone() }]),
            (told.clone(), vec![Accepted { list: String::new(), ..good.clone() }]),
        ];
        for (told, arrived) in bad {
            assert_eq!(admitted(&sample, &told, &arrived).len(), 1, "{told:?} {arrived:?}");
        }
        let forbidden = Told { status: 403, body: Vec::new() };
        assert!(denied(&forbidden, &[]).is_empty());
        assert_eq!(denied(&forbidden, &[good]).len(), 1);
        assert_eq!(denied(&told, &[]).len(), 1);
    }

    #[test]
    fn the_log_must_say_it_too() {
        assert!(log_differs(None, "delivered", "success").is_some());
        let line = r#"{ "outcome": "delivered", "reason": "success", "status": 200 }"#;
        let log: LogLine = serde_json::from_str(line).unwrap();
        assert_eq!(log_differs(Some(&log), "delivered", "success"), None);
        assert!(log_differs(Some(&log), "denied", "not_listed").is_some());
    }
}
