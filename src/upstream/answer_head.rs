//! The head of an answer: its syntax, its framing, and which of its lines are relayed.
//!
//! It reads no socket. Invariant: a head whose framing is ambiguous is refused.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::policy::bytes::{has_bare_line_feed, is_word};
use crate::policy::forward::{names, response_drops};
use crate::upstream::flaw::Flaw;
use crate::wire::fields::{Fields, join};

/// The largest number of header lines.
const MAX_FIELDS: usize = 100;
/// The largest size of a head in bytes.
pub(crate) const MAX_HEAD: usize = 64 * 1024;

/// The head of an answer.
#[derive(Debug, Default)]
pub struct ParsedHead {
    /// 100 to 599, except 101.
    pub status: u16,
    /// The header lines that are relayed.
    pub fields: Fields,
    /// The announced Content-Length.
    pub length: Option<u64>,
    /// The body is chunked.
    pub chunked: bool,
    /// The connection stays open after the answer.
    pub persistent: bool,
    /// The target of a redirect, without its query.
    pub location: Option<Vec<u8>>,
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHead {
    /// It is larger than any may be.
    TooLarge,
    /// It is malformed.
    Flawed(Flaw),
}

impl From<Flaw> for BadHead {
    fn from(flaw: Flaw) -> Self {
        Self::Flawed(flaw)
    }
}

/// The head at the front of `raw` and its length; `None` if it is not complete.
///
/// # Errors
/// The head is malformed or too large.
pub fn parse_head(raw: &[u8]) -> Result<Option<(ParsedHead, usize)>, BadHead> {
    let mut slots = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, raw, &mut slots);
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if raw.len() > MAX_HEAD => return Err(BadHead::TooLarge),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(flaw_of(error, raw).into()),
    };
    if len > MAX_HEAD {
        return Err(BadHead::TooLarge);
    }
    let status = response.code.unwrap_or_default();
    if has_bare_line_feed(0, &raw[..len]) {
        return Err(Flaw::BareLf.into());
    }
    if status == 101 {
        return Err(Flaw::Switches.into());
    }
    if !(100..=599).contains(&status) {
        return Err(Flaw::Status(status).into());
    }
    let mut head = ParsedHead {
        status,
        persistent: response.version == Some(1),
        fields: Fields::with_capacity(len),
        ..ParsedHead::default()
    };
    head.read_fields(response.headers)?;
    Ok(Some((head, len)))
}

fn flaw_of(error: httparse::Error, raw: &[u8]) -> Flaw {
    match error {
        httparse::Error::TooManyHeaders => Flaw::Lines(MAX_FIELDS),
        httparse::Error::HeaderName | httparse::Error::HeaderValue | httparse::Error::NewLine => Flaw::Line,
        _ if raw.starts_with(b"HTTP/1.") => Flaw::Line,
        _ => Flaw::of_beginning(raw),
    }
}

impl ParsedHead {
    fn read_fields(&mut self, headers: &[httparse::Header<'_>]) -> Result<(), Flaw> {
        let mut named = Cow::Borrowed(&b""[..]);
        for header in headers.iter().filter(|header| is_word(header.name.as_bytes(), b"connection")) {
            join(&mut named, header.value);
        }
        if names(&named, b"close") {
            self.persistent = false;
        }
        for header in headers {
            let (name, value) = (header.name.as_bytes(), header.value.trim_ascii());
            let is = |other: &str| is_word(name, other.as_bytes());
            match name.len() {
                8 if is("location") => {
                    self.location = value.split(|b| *b == b'?' || *b == b'#').next().map(<[u8]>::to_vec);
                }
                14 if is("content-length") => self.read_length(value)?,
                17 if is("transfer-encoding") => {
                    if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Flaw::Coding);
                    }
                    self.chunked = true;
                }
                _ => {}
            }
            if !response_drops(name) && !names(&named, name) {
                self.fields.push(name, value);
            }
        }
        if self.chunked && self.length.is_some() { Err(Flaw::LengthAndCoding) } else { Ok(()) }
    }

    /// The same length said more than once, in one line or in several, is one (RFC 9112 section 6.3).
    fn read_length(&mut self, value: &[u8]) -> Result<(), Flaw> {
        for one in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if one.is_empty() || one.len() > 18 || !one.iter().all(u8::is_ascii_digit) {
                return Err(Flaw::Length);
            }
            // Eighteen digits fit.
            let number = one.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            if self.length.replace(number).is_some_and(|before| before != number) {
                return Err(Flaw::Lengths);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<(Option<u64>, bool), BadHead> {
        let found = parse_head(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes())?;
        Ok(found.map(|(head, _)| (head.length, head.chunked)).unwrap())
    }

    #[test]
    fn one_length_that_is_said_again_is_one() {
        for lines in [
            "Content-Length: 5\r\n",
            "Content-Length: 5\r\ncontent-length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 5 ,\t5\r\nX: y\r\nContent-Length: 05\r\n",
        ] {
            assert_eq!(read(lines), Ok((Some(5), false)), "{lines}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many = "A: b\r\n".repeat(MAX_FIELDS + 1);
        for (lines, flaw) in [
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Flaw::Lengths),
            ("Content-Length: 5, 6\r\n", Flaw::Lengths),
            ("Content-Length: 5,\r\n", Flaw::Length),
            ("Content-Length: 5,, 5\r\n", Flaw::Length),
            ("Content-Length: -1\r\n", Flaw::Length),
            ("Content-Length:\r\n", Flaw::Length),
            ("Content-Length: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n", Flaw::Length),
            ("Content-Length: 1234567890123456789\r\n", Flaw::Length),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Flaw::LengthAndCoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Flaw::Coding),
            ("Transfer-Encoding: gzip, chunked\r\n", Flaw::Coding),
            ("no colon\r\n", Flaw::Line),
            ("A: b\0\r\n", Flaw::Line),
            ("A: b\nC: d\r\n", Flaw::BareLf),
            (&many, Flaw::Lines(MAX_FIELDS)),
        ] {
            assert_eq!(read(lines), Err(BadHead::Flawed(flaw)), "{lines}");
        }
        for (raw, flaw) in [
            (&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], Flaw::Switches),
            (b"HTTP/1.1 099 Odd\r\n\r\n", Flaw::Status(99)),
            (b"\x15\x03\x03\0\x02\x02\x32", Flaw::Tls),
            (b"hello there\r\n\r\n", Flaw::NotHttp),
            (b"HTTP/1.1 20 OK\r\n\r\n", Flaw::Line),
        ] {
            assert_eq!(parse_head(raw).map(|_| ()), Err(BadHead::Flawed(flaw)), "{raw:?}");
        }
    }
}
