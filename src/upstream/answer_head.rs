//! The head of an answer: its syntax, its framing, and which of its lines are relayed.
//!
//! It reads no socket. Invariant: a head whose framing is ambiguous is refused.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::policy::bytes::has_bare_line_feed;
use crate::policy::forward::{names, response_drops};
use crate::policy::outcome::Reason;
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

/// The head at the front of `raw` and its length; `None` if it is not complete.
///
/// # Errors
/// The head is malformed or too large.
pub fn parse_head(raw: &[u8]) -> Result<Option<(ParsedHead, usize)>, Reason> {
    let mut slots = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, raw, &mut slots);
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if raw.len() > MAX_HEAD => return Err(Reason::ResponseTooLarge),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Reason::UpstreamMalformed),
    };
    if len > MAX_HEAD {
        return Err(Reason::ResponseTooLarge);
    }
    let status = response.code.unwrap_or_default();
    if has_bare_line_feed(0, &raw[..len]) || !(100..=599).contains(&status) || status == 101 {
        return Err(Reason::UpstreamMalformed);
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

impl ParsedHead {
    fn read_fields(&mut self, headers: &[httparse::Header<'_>]) -> Result<(), Reason> {
        let mut named = Cow::Borrowed(&b""[..]);
        for header in headers.iter().filter(|header| header.name.eq_ignore_ascii_case("connection")) {
            join(&mut named, header.value);
        }
        if names(&named, b"close") {
            self.persistent = false;
        }
        for header in headers {
            let (name, value) = (header.name.as_bytes(), header.value.trim_ascii());
            let is = |other: &str| header.name.eq_ignore_ascii_case(other);
            match name.len() {
                8 if is("location") => {
                    self.location = value.split(|b| *b == b'?' || *b == b'#').next().map(<[u8]>::to_vec);
                }
                14 if is("content-length") => self.read_length(value)?,
                17 if is("transfer-encoding") => {
                    if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Reason::UpstreamMalformed);
                    }
                    self.chunked = true;
                }
                _ => {}
            }
            if !response_drops(name) && !names(&named, name) {
                self.fields.push(name, value);
            }
        }
        if self.chunked && self.length.is_some() { Err(Reason::UpstreamMalformed) } else { Ok(()) }
    }

    fn read_length(&mut self, value: &[u8]) -> Result<(), Reason> {
        let plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| plain).and_then(|t| t.parse().ok());
        if number.is_none() || self.length.is_some() {
            return Err(Reason::UpstreamMalformed);
        }
        self.length = number;
        Ok(())
    }
}
