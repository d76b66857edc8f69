//! The facts that a request head states, or the reason why it cannot be served.
//!
//! This file reads the fields that frame and address a request. It does not read the forwarding fields: `request` passes
//! them to `policy::client::client_ip`, which believes them only from a trusted proxy. Invariant: an ambiguous head is
//! refused and never repaired.

use std::borrow::Cow;

use crate::judge::head::{Head, Version};
use crate::policy::bytes::is_word;
use crate::policy::forward::connection_overreaches;
use crate::policy::outcome::Reason;
use crate::policy::routing::authority::Host;
use crate::wire::body::Framing;
use crate::wire::fields::join;

/// The longest method of the registry is BASELINE-CONTROL (16).
pub(crate) const MAX_METHOD: usize = 20;

/// What the gate needs to know of a request.
#[derive(Debug)]
pub struct Facts<'b> {
    /// The value of the Host field.
    pub host: &'b [u8],
    /// The host in it, without the port, in the form in which routes compare it.
    pub name: Host<'b>,
    /// The target in origin form: path and query.
    pub target: &'b [u8],
    /// The path without the query.
    pub path: &'b [u8],
    /// How long the body is.
    pub framing: Framing,
    /// The values of all Connection fields, joined.
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
    /// The first reason for which the head cannot be served.
    pub fn read(head: &'b Head) -> Result<Self, Reason> {
        // Methods are case-sensitive, and all registered ones are upper case. Anything else is a mistake, or a probe
        // for a filter that ignores case.
        let registered = |b: &u8| b.is_ascii_uppercase() || *b == b'-';
        if head.method().len() > MAX_METHOD || !head.method().iter().all(registered) {
            return Err(Reason::MalformedHead);
        }
        let mut seen = Lines::default();
        for (name, value) in head.fields() {
            seen.note(name, value)?;
        }
        if matches!(head.method(), b"CONNECT" | b"TRACE") || head.target() == b"*" {
            return Err(Reason::BadMethod);
        }
        let host = seen.host.ok_or(Reason::BadHost)?;
        let name = Host::read(host).ok_or(Reason::BadHost)?;
        let target = origin_form(head.target(), host)?;
        let path = &target[..memchr::memchr(b'?', target).unwrap_or(target.len())];
        let framing = seen.framing(head.version)?;
        let connection = seen.connection;
        if connection_overreaches(&connection) {
            return Err(Reason::BadConnection);
        }
        let close = head.version == Version::Http10 || crate::policy::forward::names(&connection, b"close");
        let expects_continue = match seen.expect {
            None => false,
            // A sender of HTTP/1.0 does not understand an interim response (RFC 9110 section 10.1.1).
            Some(value) if value.eq_ignore_ascii_case(b"100-continue") => head.version != Version::Http10,
            Some(_) => return Err(Reason::BadExpectation),
        };
        Ok(Self { host, name, target, path, framing, connection, close, expects_continue })
    }
}

/// The fields that frame or address a request.
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
        let is = |other: &str| is_word(name, other.as_bytes());
        match name.len() {
            4 if is("host") => once(&mut self.host, value, Reason::BadHost),
            6 if is("expect") => once(&mut self.expect, value, Reason::BadExpectation),
            10 if is("connection") => {
                join(&mut self.connection, value);
                Ok(())
            }
            14 if is("content-length") => once(&mut self.length, value, Reason::BadFraming),
            17 if is("transfer-encoding") => once(&mut self.coding, value, Reason::BadFraming),
            _ => Ok(()),
        }
    }

    /// The framing by RFC 9112 section 6.3. Everything that two parsers could read differently is refused.
    fn framing(&self, version: Version) -> Result<Framing, Reason> {
        match (self.length, self.coding) {
            (None, None) if version == (Version::Http2 { body: true }) => Ok(Framing::Chunked),
            (None, None) => Ok(Framing::None),
            (Some(_), Some(_)) => Err(Reason::BadFraming),
            (Some(digits), None) => {
                let plain = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
                let add = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
                // Eighteen digits always fit into a u64.
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

/// The reason to refuse a list of codings: an unknown coding before a final `chunked` is not implemented, and anything
/// else is malformed.
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

/// The part of a target that may be logged, in any form of target: the path, without query, fragment, user name and
/// password.
#[must_use]
pub(crate) fn loggable(target: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
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
}
