//! One event a request, whatever became of it; the only place that names the log's fields.
//!
//! Written by hand: the line is made once, in one buffer, without a value tree in between. Query
//! strings, headers and bodies are never part of it: they hold phone numbers, message texts and
//! signatures.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ipnet::IpNet;

use super::flood::{Flood, Summary};
use crate::policy::addr::Address;
use crate::policy::outcome::{Outcome, Reason};
use crate::telemetry::LineSink;
use crate::telemetry::events::{Form, json_string};
use crate::telemetry::timestamp;

/// What is known of a request when it has ended.
#[derive(Debug)]
pub struct AccessEvent<'a> {
    /// Names the request in this log and the application's.
    pub request_id: &'a [u8],
    /// Why it ended as it did; the outcome follows from it.
    pub reason: Reason,
    /// Who asked, where it could be named.
    pub client: Option<Address>,
    /// The other end of the TCP connection.
    pub peer: Address,
    /// The list that admitted the client.
    pub list: Option<&'a str>,
    /// The prefix of it.
    pub prefix: Option<IpNet>,
    /// The route's label.
    pub route: Option<&'a str>,
    /// The route's webhook.
    pub webhook: Option<&'static str>,
    /// The method.
    pub method: &'a [u8],
    /// The path, without the query.
    pub path: &'a [u8],
    /// What the sender was told; `None` when nothing could be said.
    pub status: Option<u16>,
    /// What the upstream said.
    pub upstream_status: Option<u16>,
    /// Times the message was sent to the upstream.
    pub attempts: u8,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the first byte of the request to the last of the answer.
    pub duration: Duration,
    /// From the first attempt to the end of the upstream's answer.
    pub upstream: Option<Duration>,
    /// The snapshot that judged it.
    pub generation: u64,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// The version, `1.1` or `1.0`.
    pub http: Option<&'static str>,
    /// The reason for which it would be denied, where only `mode: observe` let it pass.
    pub would_deny: Option<Reason>,
    /// What an operator should know and can mend.
    pub note: Option<&'a str>,
}

/// Where access events go.
#[derive(Clone, Debug)]
pub struct AccessLog {
    sink: LineSink,
    form: Form,
    flood: Arc<Flood>,
}

impl AccessLog {
    /// Writes events to `sink`.
    #[must_use]
    pub fn new(sink: LineSink, form: Form) -> Self {
        Self { sink, form, flood: Arc::new(Flood::new(Instant::now())) }
    }

    /// Writes one event. A denial in a flood of them is counted and said in a summary.
    pub fn write(&self, event: &AccessEvent<'_>) {
        let denied = event.reason.outcome() == Outcome::Denied;
        if denied && !self.flood.lets_through(event.reason, event.peer, Instant::now()) {
            return;
        }
        let mut line = Vec::with_capacity(768);
        match self.form {
            Form::Json => event.write_json(&mut line),
            Form::Text => event.write_text(&mut line),
        }
        self.sink.push(&line);
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

    /// Opens a file again: it may have been rotated.
    pub fn reopen(&self) {
        self.sink.reopen();
    }

    /// Lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.sink.dropped()
    }
}

impl AccessEvent<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"ts\":\"");
        timestamp::write(out, SystemTime::now());
        out.push(b'"');
        string(out, "request_id", Some(self.request_id));
        string(out, "outcome", Some(self.reason.outcome().word().as_bytes()));
        string(out, "reason", Some(self.reason.word().as_bytes()));
        shown(out, "client_ip", self.client, true);
        shown(out, "peer_ip", Some(self.peer), true);
        string(out, "list", self.list.map(str::as_bytes));
        shown(out, "prefix", self.prefix, true);
        string(out, "route", self.route.map(str::as_bytes));
        string(out, "webhook", self.webhook.map(str::as_bytes));
        string(out, "method", Some(self.method).filter(|m| !m.is_empty()));
        string(out, "path", Some(self.path).filter(|p| !p.is_empty()));
        shown(out, "status", self.status, false);
        shown(out, "upstream_status", self.upstream_status, false);
        shown(out, "delivered", Some(self.reason.outcome() == Outcome::Delivered), false);
        shown(out, "attempts", Some(self.attempts), false);
        shown(out, "bytes_in", Some(self.bytes_in), false);
        shown(out, "bytes_out", Some(self.bytes_out), false);
        shown(out, "duration_ms", Some(Milliseconds(self.duration)), false);
        shown(out, "upstream_ms", self.upstream.map(Milliseconds), false);
        shown(out, "generation", Some(self.generation), false);
        shown(out, "tls", Some(self.tls), false);
        string(out, "http", self.http.map(str::as_bytes));
        string(out, "would_deny", self.would_deny.map(|reason| reason.word().as_bytes()));
        string(out, "note", self.note.map(str::as_bytes));
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
        let _ = write!(out, " {}ms", Milliseconds(self.duration));
        if let Some(note) = self.note {
            let _ = write!(out, " note={note:?}");
        }
        out.push(b'\n');
    }
}

/// Told apart from a request's line by `suppressed`: denials that have no line of their own.
fn summary_json(out: &mut Vec<u8>, summary: Summary) {
    out.extend_from_slice(b"{\"ts\":\"");
    timestamp::write(out, SystemTime::now());
    out.push(b'"');
    string(out, "outcome", Some(summary.reason.outcome().word().as_bytes()));
    string(out, "reason", Some(summary.reason.word().as_bytes()));
    shown(out, "suppressed", Some(summary.count), false);
    shown(out, "last_peer_ip", Some(summary.last), true);
    out.extend_from_slice(b"}\n");
}

fn summary_text(out: &mut Vec<u8>, summary: Summary) {
    timestamp::write(out, SystemTime::now());
    let (outcome, reason) = (summary.reason.outcome().word(), summary.reason.word());
    // Writing to a Vec cannot fail.
    let _ = writeln!(out, " {outcome:11} {} more, reason={reason} last_peer={}", summary.count, summary.last);
}

struct Milliseconds(Duration);

impl std::fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let us = self.0.as_micros();
        write!(f, "{}.{:03}", us / 1000, us % 1000)
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn string(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    key(out, name);
    match value {
        Some(value) => json_string(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn shown(out: &mut Vec<u8>, name: &str, value: Option<impl std::fmt::Display>, quoted: bool) {
    key(out, name);
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    // Writing to a Vec cannot fail.
    let _ = if quoted { write!(out, "\"{value}\"") } else { write!(out, "{value}") };
}
