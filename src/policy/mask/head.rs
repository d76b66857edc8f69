//! The lines of a head as they may be shown.
//!
//! The first line is that of HTTP/1, whatever version the exchange had. Invariant: no value of `Authorization`, of a cookie,
//! of a key or of a token is in it.

use crate::policy::mask::mode::{LeftOut, Mask};
use crate::policy::mask::names::{self, Says};
use crate::policy::mask::text::length;

/// The headers whose values are of the exchange, and not of a person: their names, or what these begin with.
const KNOWN: [&str; 47] = [
    "accept",
    "accept-*",
    "access-control-*",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "cf-ipcountry",
    "cf-ray",
    "cdn-loop",
    "connection",
    "content-*",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "if-*",
    "keep-alive",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy-connection",
    "range",
    "referer",
    "retry-after",
    "sec-*",
    "server",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "traceparent",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-b3-*",
    "x-forwarded-*",
    "x-nexmo-gate-*",
    "x-real-ip",
    "x-request-id",
];

/// Whether a name is this one, or begins as a family does.
fn is_in_family(name: &str, known: &str) -> bool {
    match known.strip_suffix('*') {
        Some(begin) => name.get(..begin.len()).is_some_and(|own| own.eq_ignore_ascii_case(begin)),
        None => name.eq_ignore_ascii_case(known),
    }
}

/// A head as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShownHead {
    /// The first line.
    pub line: String,
    /// The other lines, each as name and value.
    pub fields: Vec<(String, String)>,
    /// The names of the fields and parameters that were left out.
    pub left_out: LeftOut,
}

impl Mask {
    /// The head of a request, written as HTTP/1 writes it.
    #[must_use]
    pub(crate) fn request_head(&self, head: &[u8]) -> ShownHead {
        let (first, rest) = first_line(head);
        let words: Vec<&[u8]> = first.splitn(3, |byte| *byte == b' ').collect();
        let [method, target, version] = words[..] else { return self.fields(String::new(), rest) };
        let (target, left_out) = self.target(target);
        let text = |bytes: &[u8]| self.text(&String::from_utf8_lossy(bytes));
        let mut shown = self.fields(format!("{} {target} {}", text(method), text(version)), rest);
        shown.left_out.add(&left_out);
        shown
    }

    /// The head of an answer, written as HTTP/1 writes it.
    #[must_use]
    pub(crate) fn answer_head(&self, head: &[u8]) -> ShownHead {
        let (first, rest) = first_line(head);
        self.fields(self.text(&String::from_utf8_lossy(first)), rest)
    }

    fn fields(&self, line: String, rest: &[u8]) -> ShownHead {
        let mut shown = ShownHead { line, ..ShownHead::default() };
        for (name, value) in lines(rest) {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            let is_known = KNOWN.iter().any(|known| is_in_family(&name, known));
            match self.names.of(&name) {
                Says::Secret => shown.left_out.note(&name),
                _ if !is_known && names::is_of_key(&name) => shown.left_out.note(&name),
                // Whoever made the name up may have put anything into it.
                _ if !is_known && !self.full => {
                    let value = if value.is_empty() { String::new() } else { length(&value) };
                    shown.fields.push((self.text(&name), value));
                }
                // The name of a header says who it is for, not what somebody wrote.
                Says::Private | Says::Nothing => {
                    let value =
                        if name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("referer") {
                            self.location(&value)
                        } else {
                            self.text(&value)
                        };
                    shown.fields.push((self.text(&name), value));
                }
            }
        }
        shown
    }

    /// A URL in a head: secrets may stand in its query.
    fn location(&self, url: &str) -> String {
        if self.full && url.contains('?') { self.target(url.as_bytes()).0 } else { self.text(url) }
    }
}

fn first_line(head: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memmem::find(head, b"\r\n") {
        Some(end) => (&head[..end], &head[end + 2..]),
        None => (head, &[]),
    }
}

/// The fields of lines in the syntax of HTTP/1, without surrounding blanks.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
    })
}

/// The value of the first field with this name, in a head as HTTP/1 writes it.
#[must_use]
pub(crate) fn value<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let (_, rest) = first_line(head);
    lines(rest).find(|(one, _)| one.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}
