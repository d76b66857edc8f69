//! Host names, addresses and ports in URLs and Host fields (RFC 3986 section 3.2.2).
//!
//! Only hosts that need no decoding are accepted: letters, digits, `-`, `_` and dots, an IPv4 address, or an
//! IPv6 address in brackets.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::config::read::units::quote;

/// A host in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name or an address, without brackets.
    pub name: String,
    v6: bool,
}

impl Host {
    /// As in a URL or a Host field: IPv6 in brackets.
    pub(crate) fn bracketed(&self) -> String {
        if self.v6 { format!("[{}]", self.name) } else { self.name.clone() }
    }
}

/// Reads a host without a port.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(crate) fn host(text: &str) -> Result<Host, String> {
    match authority(text)? {
        (host, None) => Ok(host),
        (host, Some(_)) => Err(format!("leave the port out; write {:?}", host.bracketed())),
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(crate) fn authority(text: &str) -> Result<(Host, Option<u16>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return Err(format!("{} has no closing bracket", quote(text)));
        };
        let Ok(ip) = inside.parse::<Ipv6Addr>() else {
            return Err(format!("{} is not an IPv6 address", quote(inside)));
        };
        let port = match after.strip_prefix(':') {
            Some(port) => Some(self::port(port)?),
            None if after.is_empty() => None,
            None => return Err(format!("{} is not allowed after the address", quote(after))),
        };
        return Ok((Host { name: ip.to_string(), v6: true }, port));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address must be in brackets; write \"[{text}]\""));
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((name(host)?, Some(self::port(port)?))),
        None => Ok((name(text)?, None)),
    }
}

fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(format!("the port {} is not a number from 1 to 65535", quote(text))),
    }
}

fn name(text: &str) -> Result<Host, String> {
    let shown = quote(text);
    if text.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if text.contains('*') {
        return Err(format!("{shown} has a wildcard, which a host cannot have"));
    }
    if !text.is_ascii() {
        return Err(format!("{shown} is not ASCII; write an international name in its xn-- form"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if let Some(odd) = text.bytes().find(|b| !plain(*b)) {
        return Err(format!("{shown} has {:?}, which no host name has", char::from(odd)));
    }
    if let Some(bare) = text.strip_suffix('.') {
        return Err(format!("leave the last dot out; write {}", quote(bare)));
    }
    if text.len() > 253 || text.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(format!("{shown} has an empty or overlong part"));
    }
    // Some resolvers take any name whose last part is a number for an IPv4 address.
    let last = text.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) && text.parse::<Ipv4Addr>().is_err() {
        return Err(format!("{shown} is neither a host name nor an IPv4 address"));
    }
    Ok(Host { name: text.to_ascii_lowercase(), v6: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        for (text, name, port) in [
            ("localhost", "localhost", None),
            ("App_1.Example:3000", "app_1.example", Some(3000)),
            ("192.0.2.1:80", "192.0.2.1", Some(80)),
            ("[2001:DB8::1]", "2001:db8::1", None),
            ("[::1]:8443", "::1", Some(8443)),
        ] {
            let (host, own) = authority(text).unwrap();
            assert_eq!((host.name.as_str(), own), (name, port), "{text}");
            assert_eq!(authority(&host.bracketed()).unwrap().0, host);
        }
    }

    #[test]
    fn a_text_that_is_no_host_is_refused_with_the_reason() {
        for (text, message) in [
            ("", "the host is missing"),
            (":80", "the host is missing"),
            ("a:", "the port \"\" is not a number from 1 to 65535"),
            ("a:0", "the port \"0\" is not a number from 1 to 65535"),
            ("a:+80", "the port \"+80\" is not a number from 1 to 65535"),
            ("a:65536", "the port \"65536\" is not a number from 1 to 65535"),
            ("::1", "an IPv6 address must be in brackets; write \"[::1]\""),
            ("[::1", "\"[::1\" has no closing bracket"),
            ("[::1]x", "\"x\" is not allowed after the address"),
            ("[1.2.3.4]", "\"1.2.3.4\" is not an IPv6 address"),
            ("*.example", "\"*.example\" has a wildcard, which a host cannot have"),
            (
                "münchen.example",
                "\"münchen.example\" is not ASCII; write an international name in its xn-- form",
            ),
            ("a b", "\"a b\" has ' ', which no host name has"),
            ("a.example.", "leave the last dot out; write \"a.example\""),
            ("a..b", "\"a..b\" has an empty or overlong part"),
            ("1.2.3", "\"1.2.3\" is neither a host name nor an IPv4 address"),
            ("256.1.1.1", "\"256.1.1.1\" is neither a host name nor an IPv4 address"),
        ] {
            assert_eq!(authority(text), Err(message.to_owned()), "{text}");
        }
        assert_eq!(host("a:80"), Err("leave the port out; write \"a\"".to_owned()));
    }
}
