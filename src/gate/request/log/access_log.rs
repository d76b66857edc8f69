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
use crate::policy::text;
use crate::telemetry::events::{Form, json_string};
use crate::telemetry::{LineSink, timestamp};

const NULL: &[u8] = b"null";
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
        let limited = matches!(event.reason.outcome(), Outcome::Denied | Outcome::Served);
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
            // A path may be as long as a head. Give that memory back, or each thread could keep as much.
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
        timestamp::write(out, SystemTime::now());
        out.push(b'"');
        string(out, key!("request_id"), Some(self.request_id));
        constant(out, key!("outcome"), Some(outcome.word()));
        constant(out, key!("reason"), Some(self.reason.word()));
        quoted(out, key!("client_ip"), self.client, text::address);
        quoted(out, key!("peer_ip"), Some(self.peer), text::address);
        string(out, key!("list"), self.list.map(str::as_bytes));
        quoted(out, key!("prefix"), self.prefix, text::prefix);
        string(out, key!("route"), self.route.map(str::as_bytes));
        constant(out, key!("webhook"), self.webhook);
        string(out, key!("method"), Some(self.method).filter(|m| !m.is_empty()));
        string(out, key!("path"), Some(self.path).filter(|p| !p.is_empty()));
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
        string(out, key!("client_cert"), self.client_cert.map(str::as_bytes));
        string(out, key!("note"), self.note.map(str::as_bytes));
        out.extend_from_slice(b"}\n");
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        timestamp::write(out, SystemTime::now());
        let outcome = self.reason.outcome().word();
        // Writing to a Vec cannot fail.
        let _ = write!(out, " {outcome:11} {} ", self.status.map_or("-".to_owned(), |s| s.to_string()));
        out.extend_from_slice(self.method);
        out.push(b' ');
        out.extend_from_slice(String::from_utf8_lossy(self.path).escape_debug().to_string().as_bytes());
        let who = self.client.map_or("-".to_owned(), |c| c.to_string());
        let _ = write!(out, " client={who} peer={} reason={}", self.peer, self.reason.word());
        for (name, value) in [("list", self.list), ("webhook", self.webhook)] {
            if let Some(value) = value {
                let _ = write!(out, " {name}={value}");
            }
        }
        if let Some(status) = self.upstream_status {
            let _ = write!(out, " upstream={status}");
        }
        if let Some(reason) = self.would_deny {
            let _ = write!(out, " would_deny={}", reason.word());
        }
        if let Some(subject) = self.client_cert {
            let _ = write!(out, " client_cert={subject:?}");
        }
        out.push(b' ');
        text::milliseconds(out, self.duration);
        out.extend_from_slice(b"ms");
        if let Some(note) = self.note {
            let _ = write!(out, " note={note:?}");
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

/// A string that may hold any byte, so it is escaped.
fn string(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => json_string(out, value),
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
