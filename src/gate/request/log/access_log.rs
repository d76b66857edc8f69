//! The access log: one line per event, and the only place that names the fields of the log.
//!
//! The line is written by hand into one buffer, because a tree of values would allocate for every request. What a field
//! means is decided elsewhere (`policy::outcome` has the reasons). Invariant: query strings, bodies and header lines of
//! a request are not logged (except the `X-Request-Id` of a trusted proxy), because they hold phone numbers, message
//! texts and signatures.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::gate::request::log::event::Event;
use crate::gate::request::log::limiter::{LogLimiter, Summary};
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::signature::finding::Scheme;
use crate::policy::text;
use crate::telemetry::bounded::{self, json_string};
use crate::telemetry::events::Form;
use crate::telemetry::{LineSink, timestamp};

const NULL: &[u8] = b"null";
/// The bytes of the longest path in a line, after escaping. A sender may choose one as long as a head. All of these add up
/// to less than [`bounded::MOST_LINE`], with more than a KiB for the rest of the line.
const MOST_PATH: usize = 3072;
/// A note may quote a Location, which the application chooses.
const MOST_NOTE: usize = 1024;
/// The subject of a certificate.
const MOST_SUBJECT: usize = 1024;
/// A route's label or a list's name, which the configuration chooses.
const MOST_NAME: usize = 512;
/// An id, a method, or what a signature names.
const MOST_WORD: usize = 160;
const _: () = assert!(
    MOST_PATH + MOST_NOTE + MOST_SUBJECT + 2 * MOST_NAME + 5 * MOST_WORD + 1024 <= bounded::MOST_LINE
);
/// The capacity for a line, enough for most.
const USUAL_LINE: usize = 1024;

thread_local! {
    /// The buffer in which a thread writes its lines, one after the other.
    static LINE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(USUAL_LINE));
}

/// Writes events as lines to a sink.
#[derive(Clone, Debug)]
pub struct AccessLog {
    sink: LineSink,
    form: Form,
    limiter: Arc<LogLimiter>,
}

impl AccessLog {
    /// A log that writes to `sink`.
    #[must_use]
    pub fn new(sink: LineSink, form: Form) -> Self {
        Self { sink, form, limiter: Arc::new(LogLimiter::new(Instant::now())) }
    }

    /// Writes one event. Outcomes that any peer can cause are limited: in a flood of them a summary replaces the lines.
    pub fn write(&self, event: &Event<'_>) {
        let limited = matches!(event.reason.outcome(), Outcome::Denied | Outcome::Rejected | Outcome::Served);
        if limited && !self.limiter.lets_through(event.reason, event.peer, Instant::now()) {
            return;
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            match self.form {
                Form::Json => event.write_json(line),
                Form::Text => event.write_text(line),
            }
            self.sink.push(line);
            // Few paths are long. Give their memory back, or each thread would keep as much.
            line.shrink_to(USUAL_LINE);
        });
    }

    /// Writes the summaries of events that got no line; `all` is for the end of the process.
    pub fn sum_up(&self, all: bool) {
        for summary in self.limiter.summaries(Instant::now(), all) {
            let mut line = Vec::with_capacity(160);
            match self.form {
                Form::Json => summary_json(&mut line, summary),
                Form::Text => summary_text(&mut line, summary),
            }
            self.sink.push(&line);
        }
    }

    /// Reopens the log file, which may have been rotated. Waits for that, for `within` at most.
    pub fn reopen(&self, within: Duration) {
        self.sink.reopen(within);
    }

    /// Why lines do not go to the configured file; `None` if they do.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.sink.trouble()
    }

    /// The number of lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.sink.dropped()
    }
}

/// A JSON key with its comma, quotes and colon.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

impl Event<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        let outcome = self.reason.outcome();
        out.extend_from_slice(b"{\"ts\":\"");
        timestamp::write(out, self.ended);
        out.push(b'"');
        string(out, key!("request_id"), Some(self.request_id), MOST_WORD);
        constant(out, key!("outcome"), Some(outcome.word()));
        constant(out, key!("reason"), Some(self.reason.word()));
        quoted(out, key!("client_ip"), self.client, text::address);
        quoted(out, key!("peer_ip"), Some(self.peer), text::address);
        string(out, key!("list"), self.list.map(str::as_bytes), MOST_NAME);
        quoted(out, key!("prefix"), self.prefix, text::prefix);
        string(out, key!("route"), self.route.map(str::as_bytes), MOST_NAME);
        constant(out, key!("webhook"), self.webhook);
        string(out, key!("method"), Some(self.method).filter(|m| !m.is_empty()), MOST_WORD);
        string(out, key!("path"), Some(self.path).filter(|p| !p.is_empty()), MOST_PATH);
        bare(out, key!("status"), self.status, text::decimal);
        bare(out, key!("upstream_status"), self.upstream_status, text::decimal);
        bare(out, key!("delivered"), Some(outcome == Outcome::Delivered), boolean);
        bare(out, key!("attempts"), Some(self.attempts), text::decimal);
        bare(out, key!("bytes_in"), Some(self.bytes_in), text::decimal);
        bare(out, key!("bytes_out"), Some(self.bytes_out), text::decimal);
        bare(out, key!("duration_ms"), Some(self.duration), text::milliseconds);
        bare(out, key!("upstream_ms"), self.upstream, text::milliseconds);
        bare(out, key!("generation"), Some(self.generation), text::decimal);
        bare(out, key!("tls"), Some(self.tls), boolean);
        constant(out, key!("http"), self.http);
        constant(out, key!("would_deny"), self.would_deny.map(Reason::word));
        string(out, key!("client_cert"), self.client_cert.map(str::as_bytes), MOST_SUBJECT);
        self.write_signature(out);
        string(out, key!("note"), self.note.map(str::as_bytes), MOST_NOTE);
        out.extend_from_slice(b"}\n");
    }

    /// Five of the six values are null in most lines, so they are written at once.
    fn write_signature(&self, out: &mut Vec<u8>) {
        let Some(signed) = self.signature else {
            out.extend_from_slice(
                b",\"signature\":null,\"signature_scheme\":null,\"api_key\":null,\"application_id\":null,\
                  \"token_id\":null,\"signature_age_s\":null",
            );
            return;
        };
        constant(out, key!("signature"), Some(signed.finding.word()));
        constant(out, key!("signature_scheme"), signed.scheme.map(Scheme::word));
        string(out, key!("api_key"), signed.account.map(str::as_bytes), MOST_WORD);
        string(out, key!("application_id"), signed.application.map(str::as_bytes), MOST_WORD);
        string(out, key!("token_id"), signed.id.map(str::as_bytes), MOST_WORD);
        bare(out, key!("signature_age_s"), signed.age, text::decimal);
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        timestamp::write(out, self.ended);
        let outcome = self.reason.outcome().word();
        // Writing to a Vec cannot fail.
        let _ = write!(out, " {outcome:11} {} ", self.status.map_or("-".to_owned(), |s| s.to_string()));
        bounded::text(out, self.method, MOST_WORD);
        out.push(b' ');
        bounded::text(out, self.path, MOST_PATH);
        let who = self.client.map_or("-".to_owned(), |c| c.to_string());
        let _ = write!(out, " client={who} peer={} reason={}", self.peer, self.reason.word());
        for (name, value) in [("list", self.list), ("webhook", self.webhook)] {
            if let Some(value) = value {
                let _ = write!(out, " {name}=");
                bounded::text(out, value.as_bytes(), MOST_NAME);
            }
        }
        if let Some(status) = self.upstream_status {
            let _ = write!(out, " upstream={status}");
        }
        if let Some(reason) = self.would_deny {
            let _ = write!(out, " would_deny={}", reason.word());
        }
        if let Some(subject) = self.client_cert {
            out.extend_from_slice(b" client_cert=\"");
            bounded::text(out, subject.as_bytes(), MOST_SUBJECT);
            out.push(b'"');
        }
        if let Some(signed) = self.signature {
            let _ = write!(out, " signature={}", signed.finding.word());
        }
        out.push(b' ');
        text::milliseconds(out, self.duration);
        out.extend_from_slice(b"ms");
        if let Some(note) = self.note {
            out.extend_from_slice(b" note=\"");
            bounded::text(out, note.as_bytes(), MOST_NOTE);
            out.push(b'"');
        }
        out.push(b'\n');
    }
}

/// A summary. Its field `suppressed`, the number of events without a line, distinguishes it from the line of a request.
fn summary_json(out: &mut Vec<u8>, summary: Summary) {
    out.extend_from_slice(b"{\"ts\":\"");
    timestamp::write(out, SystemTime::now());
    out.push(b'"');
    constant(out, key!("outcome"), Some(summary.reason.outcome().word()));
    constant(out, key!("reason"), Some(summary.reason.word()));
    bare(out, key!("suppressed"), Some(summary.count), text::decimal);
    quoted(out, key!("last_peer_ip"), Some(summary.last), text::address);
    out.extend_from_slice(b"}\n");
}

fn summary_text(out: &mut Vec<u8>, summary: Summary) {
    timestamp::write(out, SystemTime::now());
    let (outcome, reason) = (summary.reason.outcome().word(), summary.reason.word());
    // Writing to a Vec cannot fail.
    let _ = writeln!(out, " {outcome:11} {} more, reason={reason} last_peer={}", summary.count, summary.last);
}

/// A string that may hold any byte and be of any length, so it is escaped and bounded.
fn string(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>, most: usize) {
    out.extend_from_slice(key);
    match value {
        Some(value) => json_string(out, value, most),
        None => out.extend_from_slice(NULL),
    }
}

/// A constant of this program, which needs no escaping.
fn constant(out: &mut Vec<u8>, key: &[u8], value: Option<&'static str>) {
    quoted(out, key, value, |out, value| out.extend_from_slice(value.as_bytes()));
}

fn quoted<T>(out: &mut Vec<u8>, key: &[u8], value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    bare(out, key, value, |out, value| {
        out.push(b'"');
        write(out, value);
        out.push(b'"');
    });
}

fn bare<T>(out: &mut Vec<u8>, key: &[u8], value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.extend_from_slice(key);
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(NULL),
    }
}

fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::addr::Address;
    use proptest::prelude::*;

    fn odd(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..most),
            (0..most).prop_map(|count| vec![b'"'; count]),
            (0..most).prop_map(|count| vec![1; count]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn whatever_strangers_choose_a_line_is_json_of_at_most_8_kib(
            path in odd(20_000), method in odd(9000), id in odd(400), words in "\\PC{0,4000}|[\"\u{1}]{0,4000}",
        ) {
            let peer = Address::new("2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap());
            let event = Event {
                request_id: &id,
                client: Some(peer),
                list: Some(&words),
                prefix: "2001:db8:1111:2222:3333:4444:5555:6666/128".parse().ok(),
                route: Some(&words),
                webhook: Some("messages-inbound"),
                method: &method,
                path: &path,
                status: Some(u16::MAX),
                upstream_status: Some(u16::MAX),
                attempts: u8::MAX,
                bytes_in: u64::MAX,
                bytes_out: u64::MAX,
                duration: Duration::from_secs(u32::MAX.into()),
                upstream: Some(Duration::from_secs(u32::MAX.into())),
                generation: u64::MAX,
                http: Some("1.1"),
                would_deny: Some(Reason::Redirect),
                client_cert: Some(&words),
                note: Some(&words),
                ..Event::new(Reason::Redirect, peer, tokio::time::Instant::now())
            };
            let (mut json, mut text) = (Vec::new(), Vec::new());
            event.write_json(&mut json);
            event.write_text(&mut text);
            for line in [&json, &text] {
                prop_assert!(line.len() <= bounded::MOST_LINE, "{}", line.len());
                prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            }
            let line: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let shown = line["path"].as_str().unwrap_or_default();
            let whole = String::from_utf8_lossy(&path);
            prop_assert!(shown == whole || whole.starts_with(shown.strip_suffix('…').unwrap()));
            prop_assert!(std::str::from_utf8(&text).is_ok());
        }
    }
}
