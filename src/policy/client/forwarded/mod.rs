//! The `Forwarded` header (RFC 7239): one element of it as it is read, and as the gate writes it.
//!
//! **Every comma ends an element, a quoted one too.** No address, host or scheme holds a comma, so an
//! element that is cut by one cannot be read, and a hop that cannot be read denies. In return an
//! element is judged by its own bytes alone: nothing that a stranger puts to the left of it (an open
//! quote that swallows what a proxy appends, for one) changes what it says. A test holds this against
//! a parser that reads from the left.
//!
//! An unregistered parameter is read over where its syntax is right (section 5.5); blanks around `;`
//! are accepted because real proxies write them.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::policy::address::addr::Address;
use crate::policy::client::named::Client;
use crate::policy::token::is_token;

/// Parameters that an element may have. Four are registered; the bound keeps the search for
/// duplicates short.
const MAX_PAIRS: usize = 16;

/// The syntax of an element is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// What `for` or `by` names (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// An address, its port left out.
    Address(Address),
    /// `unknown`, or a made-up name that begins with an underscore: somebody, but nobody can say who.
    Hidden,
}

/// The elements of a line, the last one first. Empty ones are no elements (RFC 9110 section 5.6.1).
pub fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.rsplit(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// What an element says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// Whom it names.
    pub client: Option<Node>,
    /// The scheme of the request that the proxy was sent.
    pub proto: Option<Cow<'a, [u8]>>,
    /// The Host of it.
    pub host: Option<Cow<'a, [u8]>>,
}

/// Whom an element's `for` names; `None` when it has none.
///
/// # Errors
/// As [`parse`].
pub fn read(element: &[u8]) -> Result<Option<Node>, Invalid> {
    parse(element).map(|element| element.client)
}

/// Reads an element.
///
/// # Errors
/// Its syntax is wrong, a parameter is there twice, or `for`, `by`, `host` or `proto` is not what
/// the RFC allows there.
pub(crate) fn parse(element: &[u8]) -> Result<Element<'_>, Invalid> {
    let mut seen = [&b""[..]; MAX_PAIRS];
    let mut count = 0;
    let mut said = Element::default();
    let mut rest = element.trim_ascii_start();
    while let Some(first) = rest.first() {
        if *first == b';' {
            rest = rest[1..].trim_ascii_start();
            continue;
        }
        let (name, value, after) = pair(rest)?;
        if count == MAX_PAIRS || seen[..count].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Invalid);
        }
        seen[count] = name;
        count += 1;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        if is(b"for") {
            said.client = Some(node(&value)?);
        } else if is(b"by") {
            node(&value)?;
        } else if is(b"host") && is_host(&value) {
            said.host = Some(value);
        } else if is(b"proto") && is_scheme(&value) {
            said.proto = Some(value);
        } else if is(b"host") || is(b"proto") {
            return Err(Invalid);
        }
        rest = after.trim_ascii_start();
        if rest.first().is_some_and(|b| *b != b';') {
            return Err(Invalid);
        }
    }
    Ok(said)
}

/// A parameter's name and value, and what follows it.
type Pair<'a> = (&'a [u8], Cow<'a, [u8]>, &'a [u8]);

/// `name=value`, and what follows it. A value is a token or a quoted string.
fn pair(text: &[u8]) -> Result<Pair<'_>, Invalid> {
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix(b"=").ok_or(Invalid)?;
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let (value, rest) = unquote(quoted)?;
        return Ok((name, value, rest));
    }
    let (value, rest) = token(rest)?;
    Ok((name, Cow::Borrowed(value), rest))
}

/// The token at the front (RFC 9110 section 5.6.2) and what follows it.
fn token(text: &[u8]) -> Result<(&[u8], &[u8]), Invalid> {
    let end = text.iter().position(|b| !is_token(*b)).unwrap_or(text.len());
    if end == 0 { Err(Invalid) } else { Ok(text.split_at(end)) }
}

/// What stands in quotes (RFC 9110 section 5.6.4), the opening one already gone.
fn unquote(text: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Invalid> {
    let visible = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    let mut plain = Vec::new();
    let mut from = 0;
    let mut at = 0;
    loop {
        match *text.get(at).ok_or(Invalid)? {
            b'"' if plain.is_empty() => return Ok((Cow::Borrowed(&text[from..at]), &text[at + 1..])),
            b'"' => {
                plain.extend_from_slice(&text[from..at]);
                return Ok((Cow::Owned(plain), &text[at + 1..]));
            }
            b'\\' => {
                if !text.get(at + 1).is_some_and(|b| visible(*b)) {
                    return Err(Invalid);
                }
                plain.extend_from_slice(&text[from..at]);
                from = at + 1;
                at += 2;
            }
            other if visible(other) => at += 1,
            _ => return Err(Invalid),
        }
    }
}

/// An address in its own form, `unknown` or a hidden name, each with an optional port (section 6).
fn node(text: &[u8]) -> Result<Node, Invalid> {
    let text = std::str::from_utf8(text).map_err(|_| Invalid)?;
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inside, port) = rest.split_once(']').ok_or(Invalid)?;
        let ip: Ipv6Addr = inside.parse().map_err(|_| Invalid)?;
        (Node::Address(Address::new(ip.into())), port)
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        let hidden = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
        let found = if hidden {
            Node::Hidden
        } else {
            Node::Address(Address::new(name.parse::<Ipv4Addr>().map_err(|_| Invalid)?.into()))
        };
        (found, port)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(name),
        Some(port) if is_port(port) || is_obfuscated(port) => Ok(name),
        _ => Err(Invalid),
    }
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Section 6.3: an underscore and at least one more.
fn is_obfuscated(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.len() > 1 && text.starts_with('_') && text.bytes().all(inside)
}

/// Section 5.3: what a Host field may hold. It decides nothing here, so its characters are enough.
fn is_host(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_graphic() && !b"\"\\/?#@".contains(b))
}

/// Section 5.4: a URI scheme.
fn is_scheme(text: &[u8]) -> bool {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(inside)
}

/// Writes the chain as the gate believes it, the client first: how it reached the first trusted proxy,
/// then each proxy up to the gate's own peer.
pub fn write(out: &mut Vec<u8>, client: &Client, proto: &str, host: &[u8]) {
    write_node(out, client.address);
    out.extend_from_slice(b";proto=");
    out.extend_from_slice(proto.as_bytes());
    out.extend_from_slice(b";host=");
    if host.iter().all(|b| is_token(*b)) && !host.is_empty() {
        out.extend_from_slice(host);
    } else {
        out.push(b'"');
        for byte in host {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
    for proxy in &client.via {
        out.extend_from_slice(b", ");
        write_node(out, *proxy);
    }
}

fn write_node(out: &mut Vec<u8>, address: Address) {
    // Writing to a Vec cannot fail.
    let _ = match address.ip() {
        std::net::IpAddr::V4(ip) => write!(out, "for={ip}"),
        std::net::IpAddr::V6(ip) => write!(out, "for=\"[{ip}]\""),
    };
}

#[cfg(test)]
mod tests;
