//! A request as it may be shown, in one piece: as a file that other commands read, and as a command of curl.
//!
//! Secrets are not in it, so a signature is not either. Invariant: nothing of it is given where its body is not.

use std::fmt::Write as _;

use crate::policy::mask::body::Given;
use crate::policy::mask::head::ShownHead;
use crate::policy::mask::json::Layout;
use crate::policy::mask::mode::Mask;
use crate::state::capture::exchange::Exchange;

/// Lines that the framing of the new request replaces.
const FRAMING: [&str; 6] =
    ["content-length", "transfer-encoding", "connection", "expect", "keep-alive", "content-encoding"];

/// A request whose body is shown.
pub(super) struct Request {
    head: ShownHead,
    body: String,
    tls: bool,
}

impl Request {
    /// The request of an exchange; `None` where it has no head, or a body that is not shown.
    pub(super) fn of(exchange: &Exchange, mask: Mask) -> Option<Self> {
        let request = &exchange.parts.request;
        if request.head.bytes.is_empty() || request.head.is_cut() {
            return None;
        }
        let given =
            Given { head: &request.head.bytes, body: &request.body.bytes, cut: request.body.is_cut() };
        let body =
            if request.body.whole == 0 { String::new() } else { mask.body(given, Layout::Line).text? };
        let mut head = mask.request_head(&request.head.bytes);
        head.fields.retain(|(name, _)| !FRAMING.iter().any(|other| name.eq_ignore_ascii_case(other)));
        Some(Self { head, body, tls: exchange.tls })
    }

    /// A file: the head, an empty line, the body.
    pub(super) fn file(&self) -> String {
        let mut words = self.head.line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or("/"));
        let fields: String =
            self.head.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = self.body.len();
        format!("{method} {target} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{}", self.body)
    }

    /// A command of curl for a POSIX shell.
    pub(super) fn curl(&self) -> String {
        let mut words = self.head.line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or("/"));
        let host = self.head.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let scheme = if self.tls { "https" } else { "http" };
        let host = host.map_or("localhost", |(_, host)| host.as_str());
        // An absolute target has its host already.
        let url =
            if target.starts_with('/') { format!("{scheme}://{host}{target}") } else { target.to_owned() };
        let mut command = format!("curl -i -X {} {}", quoted(method), quoted(&url));
        for (name, value) in self.head.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            let line = quoted(&format!("{name}: {value}"));
            // Writing to a String cannot fail, here and below.
            let _ = write!(command, " \\\n  -H {line}");
        }
        if !self.body.is_empty() {
            let _ = write!(command, " \\\n  --data-binary {}", quoted(&self.body));
        }
        command
    }
}

/// A word for a POSIX shell. A leading `@` would make curl read a file.
fn quoted(word: &str) -> String {
    let word = if word.starts_with('@') { format!(" {word}") } else { word.to_owned() };
    format!("'{}'", word.replace('\'', "'\\''"))
}
