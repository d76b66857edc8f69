//! What a request head says, or why it cannot be served. The only reader of request headers.
//!
//! Two things are decided here for the whole program: what is ambiguous is refused and never repaired,
//! and nothing that a stranger writes is believed (the forwarding fields are handed on as they are, to
//! be walked by `policy::client_ip`, and read only where the peer is trusted).

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::policy::forward::connection_overreaches;
use crate::policy::outcome::Reason;
use crate::policy::routing::authority::Host;
use crate::wire::body::Framing;

/// Header lines that a request may have.
pub const MAX_FIELDS: usize = 100;
/// The longest method of the registry is BASELINE-CONTROL (16).
const MAX_METHOD: usize = 20;

/// Room for the lines of one head.
pub type Slots<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_FIELDS];

/// The version of HTTP that a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2 {
        /// The stream did not end with its header: a body follows, announced or not.
        body: bool,
    },
}

impl Version {
    /// The word in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 { .. } => "2",
        }
    }
}

/// A head whose syntax is right.
#[derive(Debug)]
pub struct Head<'h, 'b> {
    /// The method.
    pub method: &'b [u8],
    /// The request target as it came.
    pub target: &'b [u8],
    /// The version.
    pub version: Version,
    fields: &'h [httparse::Header<'b>],
}

impl<'h, 'b> Head<'h, 'b> {
    /// Parses a head that [`crate::gate::http1::head::read`] returned.
    ///
    /// # Errors
    /// Its syntax is wrong, or it has too many lines.
    pub fn parse(bytes: &'b [u8], slots: &'h mut Slots<'b>) -> Result<Self, Reason> {
        let mut request = httparse::Request::new(&mut []);
        match httparse::ParserConfig::default().parse_request_with_uninit_headers(&mut request, bytes, slots)
        {
            Ok(httparse::Status::Complete(len)) if len == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Reason::HeadTooLarge),
            // The version was judged when the line arrived: a wrong one here is a blank in the target.
            _ => return Err(Reason::MalformedHead),
        }
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(Reason::MalformedHead);
        };
        Ok(Self {
            method: method.as_bytes(),
            target: target.as_bytes(),
            version: if request.version == Some(1) { Version::Http11 } else { Version::Http10 },
            fields: request.headers,
        })
    }

    /// A head that came as HTTP/2 header fields, `:authority` as `host`.
    #[must_use]
    pub fn new(
        method: &'b [u8],
        target: &'b [u8],
        version: Version,
        fields: &'h [httparse::Header<'b>],
    ) -> Self {
        Self { method, target, version, fields }
    }

    /// The header lines in their order: name, value without surrounding blanks.
    pub fn fields(&self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
        self.fields.iter().map(|field| (field.name.as_bytes(), field.value.trim_ascii()))
    }

    /// The values of all lines of this name.
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &'b [u8]> {
        self.fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value.trim_ascii())
    }
}

/// What the gate needs to know of a request.
#[derive(Debug)]
pub struct Facts<'b> {
    /// The Host field.
    pub host: &'b [u8],
    /// The host that it names, without its port, as routes compare it.
    pub name: Host<'b>,
    /// The target in origin form: path and query.
    pub target: &'b [u8],
    /// The path alone.
    pub path: &'b [u8],
    /// How long the body is.
    pub framing: Framing,
    /// What the Connection field names, joined.
    pub connection: Cow<'b, [u8]>,
    /// The connection ends after this request.
    pub close: bool,
    /// The sender waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

impl<'b> Facts<'b> {
    /// Reads a head.
    ///
    /// # Errors
    /// The first reason for which it cannot be served.
    pub fn read(head: &Head<'_, 'b>) -> Result<Self, Reason> {
        // Methods are case-sensitive and all registered ones are upper case: anything else is either a
        // mistake or a probe for a filter that folds case.
        let registered = |b: &u8| b.is_ascii_uppercase() || *b == b'-';
        if head.method.len() > MAX_METHOD || !head.method.iter().all(registered) {
            return Err(Reason::MalformedHead);
        }
        let mut seen = Lines::default();
        for (name, value) in head.fields() {
            seen.note(name, value)?;
        }
        if matches!(head.method, b"CONNECT" | b"TRACE") || head.target == b"*" {
            return Err(Reason::BadMethod);
        }
        let host = seen.host.ok_or(Reason::BadHost)?;
        let name = Host::read(host).ok_or(Reason::BadHost)?;
        let target = origin_form(head.target, host)?;
        let path = target.split(|b| *b == b'?').next().unwrap_or_default();
        let framing = seen.framing(head.version)?;
        if connection_overreaches(&seen.connection) {
            return Err(Reason::BadConnection);
        }
        let close =
            head.version == Version::Http10 || crate::policy::forward::names(&seen.connection, b"close");
        let expects_continue = match seen.expect {
            None => false,
            // A 1.0 sender cannot understand an interim answer (RFC 9110 section 10.1.1).
            Some(value) if value.eq_ignore_ascii_case(b"100-continue") => head.version != Version::Http10,
            Some(_) => return Err(Reason::BadExpectation),
        };
        Ok(Self { host, name, target, path, framing, connection: seen.connection, close, expects_continue })
    }
}

/// The lines that decide something.
#[derive(Default)]
struct Lines<'b> {
    host: Option<&'b [u8]>,
    length: Option<&'b [u8]>,
    coding: Option<&'b [u8]>,
    connection: Cow<'b, [u8]>,
    expect: Option<&'b [u8]>,
}

impl<'b> Lines<'b> {
    fn note(&mut self, name: &'b [u8], value: &'b [u8]) -> Result<(), Reason> {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match name.len() {
            4 if is("host") => once(&mut self.host, value, Reason::BadHost),
            6 if is("expect") => once(&mut self.expect, value, Reason::BadExpectation),
            10 if is("connection") => {
                if self.connection.is_empty() {
                    self.connection = Cow::Borrowed(value);
                } else {
                    let joined = self.connection.to_mut();
                    joined.push(b',');
                    joined.extend_from_slice(value);
                }
                Ok(())
            }
            14 if is("content-length") => once(&mut self.length, value, Reason::BadFraming),
            17 if is("transfer-encoding") => once(&mut self.coding, value, Reason::BadFraming),
            _ => Ok(()),
        }
    }

    /// RFC 9112 section 6.3, with everything that two parsers could read differently refused.
    fn framing(&self, version: Version) -> Result<Framing, Reason> {
        match (self.length, self.coding) {
            (None, None) if version == (Version::Http2 { body: true }) => Ok(Framing::Chunked),
            (None, None) => Ok(Framing::None),
            (Some(_), Some(_)) => Err(Reason::BadFraming),
            (Some(digits), None) => {
                let plain = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
                let add = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
                // Eighteen digits fit.
                if plain { Ok(Framing::Length(digits.iter().fold(0, add))) } else { Err(Reason::BadFraming) }
            }
            (None, Some(_)) if version != Version::Http11 => Err(Reason::BadFraming),
            (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (None, Some(coding)) => Err(unserved(coding)),
        }
    }
}

fn once<'b>(slot: &mut Option<&'b [u8]>, value: &'b [u8], twice: Reason) -> Result<(), Reason> {
    if slot.replace(value).is_some() { Err(twice) } else { Ok(()) }
}

/// A coding under a final `chunked` is one that is not implemented; anything else is malformed.
fn unserved(codings: &[u8]) -> Reason {
    let mut parts: Vec<&[u8]> = codings.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
    let is_chunked = |part: &[u8]| part.eq_ignore_ascii_case(b"chunked");
    let last = parts.pop().is_some_and(is_chunked);
    let known = parts
        .iter()
        .any(|part| is_chunked(part) || part.is_empty() || part.eq_ignore_ascii_case(b"identity"));
    if last && !known { Reason::UnknownCoding } else { Reason::BadFraming }
}

/// The target in origin form. Absolute form is accepted when it names the Host (RFC 9112 section 3.2.2).
fn origin_form<'b>(target: &'b [u8], host: &[u8]) -> Result<&'b [u8], Reason> {
    if target.first() == Some(&b'/') {
        return Ok(target);
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|s| target.len() > s.len() && target[..s.len()].eq_ignore_ascii_case(s))
        .ok_or(Reason::BadTarget)?;
    let rest = &target[scheme.len()..];
    let authority = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    if !rest[..authority].eq_ignore_ascii_case(host) {
        return Err(Reason::BadHost);
    }
    match rest.get(authority) {
        Some(b'/') => Ok(&rest[authority..]),
        Some(_) => Err(Reason::BadTarget),
        None => Ok(b"/"),
    }
}

/// What a log may say of a target, whatever form it has: its path, without a query, a fragment, or a user's name and
/// password.
#[must_use]
pub fn loggable(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(target.len());
    let target = &target[..end];
    if target.first() == Some(&b'/') {
        return target;
    }
    match target.windows(3).position(|three| three == b"://") {
        Some(colon) => {
            let rest = &target[colon + 3..];
            rest.iter().position(|b| *b == b'/').map_or(b"/", |slash| &rest[slash..])
        }
        None => target.rsplit(|b| *b == b'@').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_the_path_of_any_target_and_no_more() {
        for (target, path) in [
            ("/a/b?key=secret", "/a/b"),
            ("/a#secret", "/a"),
            ("http://user:secret@host/a@b?c", "/a@b"),
            ("http://user:secret@host", "/"),
            ("http://host?secret", "/"),
            ("user:secret@host:443", "host:443"),
            ("*", "*"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(loggable(target.as_bytes())), path, "{target}");
        }
    }

    fn facts(text: &str) -> Result<String, Reason> {
        let mut slots: Slots<'_> = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let head = Head::parse(text.as_bytes(), &mut slots)?;
        let facts = Facts::read(&head)?;
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        Ok(format!(
            "{} {} {} {:?}{}{}",
            show(facts.host),
            show(facts.target),
            show(facts.path),
            facts.framing,
            if facts.close { " close" } else { "" },
            if facts.expects_continue { " expect" } else { "" }
        ))
    }

    #[test]
    fn plain_requests_are_understood() {
        let cases = [
            ("GET /a?b=/c?d HTTP/1.1\r\nHost: h\r\n\r\n", "h /a?b=/c?d /a None"),
            ("POST / HTTP/1.1\r\nhost: h:80\r\ncontent-length: 05\r\n\r\n", "h:80 / / Length(5)"),
            (
                "POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\n\r\n",
                "[::1]:80 / / Chunked",
            ),
            (
                "GET http://H/x HTTP/1.1\r\nHost: h\r\nConnection: x-hop\r\nConnection: Close\r\n\r\n",
                "h /x /x None close",
            ),
            ("GET https://h HTTP/1.0\r\nHost: h\r\n\r\n", "h / / None close"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
                "h / / Length(1) expect",
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(facts(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_refused_with_its_reason() {
        let cases = [
            ("GET / HTTP/1.1\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.0\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Reason::BadHost),
            ("GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", Reason::BadHost),
            ("GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadHost),
            ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadHost),
            ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadTarget),
            ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadTarget),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", Reason::MalformedHead),
            ("get / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::MalformedHead),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Reason::BadMethod),
            ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadMethod),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BadMethod),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
                Reason::BadFraming,
            ),
            ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::BadFraming),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Reason::UnknownCoding),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", Reason::BadFraming),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Reason::BadFraming),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
                Reason::BadFraming,
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
                Reason::BadFraming,
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", Reason::BadFraming),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", Reason::BadFraming),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", Reason::BadFraming),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n", Reason::BadConnection),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", Reason::BadExpectation),
        ];
        for (text, wanted) in cases {
            assert_eq!(facts(text), Err(wanted), "{text}");
        }
    }

    #[test]
    fn more_lines_than_the_bound_are_refused() {
        let lines = |n: usize| (0..n).map(|i| format!("X{i}: a\r\n")).collect::<String>();
        let head = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines(n));
        assert!(facts(&head(MAX_FIELDS - 1)).is_ok());
        assert_eq!(facts(&head(MAX_FIELDS)), Err(Reason::HeadTooLarge));
    }
}
