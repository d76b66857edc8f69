//! One event a request, whatever became of it; the only place that names the log's fields.
//!
//! Written by hand: the line is made once, in one buffer, without a value tree in between. Query
//! strings, headers and bodies are never part of it: they hold phone numbers, message texts and
//! signatures.

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
/// Bytes that most lines have room in.
const USUAL_LINE: usize = 1024;

thread_local! {
    /// Where a thread writes its lines, one after the other.
    static LINE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(USUAL_LINE));
}

/// Where access events go.
#[derive(Clone, Debug)]
pub struct AccessLog {
    sink: LineSink,
    form: Form,
    flood: Arc<LogLimiter>,
}

impl AccessLog {
    /// Writes events to `sink`.
    #[must_use]
    pub fn new(sink: LineSink, form: Form) -> Self {
        Self { sink, form, flood: Arc::new(LogLimiter::new(Instant::now())) }
    }

    /// Writes one event. What anybody can have as often as he likes is counted in a flood of it and said in
    /// a summary.
    pub fn write(&self, event: &Event<'_>) {
        let anybodys = matches!(event.reason.outcome(), Outcome::Denied | Outcome::Served);
        if anybodys && !self.flood.lets_through(event.reason, event.peer, Instant::now()) {
            return;
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            match self.form {
                Form::Json => event.write_json(line),
                Form::Text => event.write_text(line),
            }
            self.sink.push(line);
            // A path may be as long as a head: one such line does not make every thread keep as much.
            line.shrink_to(USUAL_LINE);
        });
    }

    /// Says what was only counted; `all` at the end of the process.
    pub fn sum_up(&self, all: bool) {
        for summary in self.flood.summaries(Instant::now(), all) {
            let mut line = Vec::with_capacity(160);
            match self.form {
                Form::Json => summary_json(&mut line, summary),
                Form::Text => summary_text(&mut line, summary),
            }
            self.sink.push(&line);
        }
    }

    /// Opens a file again, which may have been rotated, and waits for that, for `within` at most.
    pub fn reopen(&self, within: Duration) {
        self.sink.reopen(within);
    }

    /// Why lines do not go to the file that the configuration names.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.sink.trouble()
    }

    /// Lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.sink.dropped()
    }
}

/// A key with what stands around it.
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
        word(out, key!("outcome"), Some(outcome.word()));
        word(out, key!("reason"), Some(self.reason.word()));
        quoted(out, key!("client_ip"), self.client, text::address);
        quoted(out, key!("peer_ip"), Some(self.peer), text::address);
        string(out, key!("list"), self.list.map(str::as_bytes));
        quoted(out, key!("prefix"), self.prefix, text::prefix);
        string(out, key!("route"), self.route.map(str::as_bytes));
        word(out, key!("webhook"), self.webhook);
        string(out, key!("method"), Some(self.method).filter(|m| !m.is_empty()));
        string(out, key!("path"), Some(self.path).filter(|p| !p.is_empty()));
        bare(out, key!("status"), self.status, text::decimal);
        bare(out, key!("upstream_status"), self.upstream_status, text::decimal);
        bare(out, key!("delivered"), Some(outcome == Outcome::Delivered), truth);
        bare(out, key!("attempts"), Some(self.attempts), text::decimal);
        bare(out, key!("bytes_in"), Some(self.bytes_in), text::decimal);
        bare(out, key!("bytes_out"), Some(self.bytes_out), text::decimal);
        bare(out, key!("duration_ms"), Some(self.duration), text::milliseconds);
        bare(out, key!("upstream_ms"), self.upstream, text::milliseconds);
        bare(out, key!("generation"), Some(self.generation), text::decimal);
        bare(out, key!("tls"), Some(self.tls), truth);
        word(out, key!("http"), self.http);
        word(out, key!("would_deny"), self.would_deny.map(Reason::word));
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

/// Told apart from a request's line by `suppressed`: events that have no line of their own.
fn summary_json(out: &mut Vec<u8>, summary: Summary) {
    out.extend_from_slice(b"{\"ts\":\"");
    timestamp::write(out, SystemTime::now());
    out.push(b'"');
    word(out, key!("outcome"), Some(summary.reason.outcome().word()));
    word(out, key!("reason"), Some(summary.reason.word()));
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

/// A string that may hold anything.
fn string(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => json_string(out, value),
        None => out.extend_from_slice(NULL),
    }
}

/// A word of our own, which needs no escaping.
fn word(out: &mut Vec<u8>, key: &[u8], word: Option<&'static str>) {
    quoted(out, key, word, |out, word| out.extend_from_slice(word.as_bytes()));
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

fn truth(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}
