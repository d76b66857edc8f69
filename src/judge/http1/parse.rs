//! The syntax of an HTTP/1 head: `httparse` turns bytes into a [`Head`].
//!
//! What the head means is in `request::facts`. Invariant: no other file parses the head of a request.

use std::mem::MaybeUninit;

use crate::judge::head::{Head, MAX_FIELDS, Version};
use crate::policy::outcome::Reason;
use crate::wire::fields::{Fields, span_within};

/// Parses a head that [`super::head::read`] returned, whole.
///
/// # Errors
/// The syntax is wrong, or the head has too many lines.
pub fn parse(bytes: &[u8]) -> Result<Head, Reason> {
    match parse_text(bytes) {
        Err(Reason::MalformedHead) => match with_plain_query(bytes) {
            Some(plain) => parse_text(&plain).map(|head| head.in_text(bytes)),
            None => Err(Reason::MalformedHead),
        },
        other => other,
    }
}

/// The head with a letter for each byte of the query that is not ASCII, where there is one. `httparse` takes a target
/// for text and refuses what is not UTF-8, but senders write Latin-1 into queries, and sign the bytes.
fn with_plain_query(bytes: &[u8]) -> Option<Vec<u8>> {
    let line = &bytes[..memchr::memchr(b'\r', bytes)?];
    let query = memchr::memchr(b'?', line)?;
    if line[query..].is_ascii() {
        return None;
    }
    let mut plain = bytes.to_vec();
    plain[query..line.len()].iter_mut().filter(|b| !b.is_ascii()).for_each(|b| *b = b'x');
    Some(plain)
}

fn parse_text(bytes: &[u8]) -> Result<Head, Reason> {
    let mut slots = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_request_with_uninit_headers(&mut request, bytes, &mut slots) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Reason::HeadTooLarge),
        // `head::read` has checked the version already. An error in it here comes from a blank in the target.
        _ => return Err(Reason::MalformedHead),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(Reason::MalformedHead);
    };
    let (method, target) = (span_within(bytes, method.as_bytes()), span_within(bytes, target.as_bytes()));
    let lines = request.headers.iter().map(|header| (header.name.as_bytes(), header.value));
    let fields = Fields::found(bytes, lines);
    if has_bare_line_feed(bytes, &fields) {
        return Err(Reason::MalformedHead);
    }
    let version = if request.version == Some(1) { Version::Http11 } else { Version::Http10 };
    Head::new(fields, method, target, version)
}

/// Whether a line ends in LF alone, which `httparse` takes for a line end. Every line begins with its name, so the end of
/// the line before it stands in front of that.
fn has_bare_line_feed(bytes: &[u8], fields: &Fields) -> bool {
    let after_crlf = |start: usize| bytes[..start].ends_with(b"\r\n");
    !fields.starts().all(after_crlf) || !bytes.ends_with(b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::facts::Facts;

    fn facts(text: &str) -> Result<String, Reason> {
        let head = parse(text.as_bytes())?;
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
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\nX: a\r\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", Reason::MalformedHead),
            ("GET / HTTP/1.1\r\n\nHost: a\r\n\r\n", Reason::MalformedHead),
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
    fn a_query_may_hold_any_byte_and_a_path_may_not() {
        let head = b"GET /a?text=caf\xe9+\xff&b=c HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n";
        let head = parse(head).unwrap();
        assert_eq!(head.target(), b"/a?text=caf\xe9+\xff&b=c");
        assert_eq!(head.fields().collect::<Vec<_>>(), [(&b"Host"[..], &b"h"[..]), (b"X", b"\xe9")]);
        assert_eq!(Facts::read(&head).unwrap().path, b"/a");
        for odd in [
            &b"GET /caf\xe9 HTTP/1.1\r\nHost: h\r\n\r\n"[..],
            b"GET /caf\xe9?a HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a?\xe9\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a?\xe9 b HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a?\xe9 HTTP/1.1\r\nHost\xe9: h\r\n\r\n",
        ] {
            assert_eq!(parse(odd).map(|_| ()), Err(Reason::MalformedHead), "{odd:?}");
        }
    }

    #[test]
    fn blanks_around_a_value_are_no_part_of_it() {
        let head = parse(b"GET / HTTP/1.1\r\nA: \t b \t c \t \r\nB:\t\r\nC:\r\nD:d\r\n\r\n").unwrap();
        let values: Vec<&[u8]> = head.fields().map(|(_, value)| value).collect();
        assert_eq!(values, [&b"b \t c"[..], b"", b"", b"d"]);
    }

    #[test]
    fn more_lines_than_the_bound_are_refused() {
        let lines = |n: usize| (0..n).map(|i| format!("X{i}: a\r\n")).collect::<String>();
        let head = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines(n));
        assert!(facts(&head(MAX_FIELDS - 1)).is_ok());
        assert_eq!(facts(&head(MAX_FIELDS)), Err(Reason::HeadTooLarge));
    }
}
