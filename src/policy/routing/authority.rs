//! The host of a request, in one form for comparison.
//!
//! A host has many spellings: upper and lower case letters, a last dot, an IPv6 address with or without its
//! zeros. Applications treat them as equal, so the gate does too, before it chooses a route. A text that only
//! some programs accept as a host is refused: empty labels, and numbers that only some parsers take for an
//! IPv4 address.

use std::net::Ipv6Addr;

/// A host without its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A registered name or an IPv4 address, without a last dot, in the case in which it was written.
    Name(&'a [u8]),
    /// The IPv6 address in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads the host of a Host field or authority: a name, an IPv4 address or a bracketed IPv6 address, with
    /// an optional port (RFC 9110 section 7.2). `None` if it is none of these.
    #[must_use]
    pub fn read(authority: &'a [u8]) -> Option<Self> {
        let host = without_port(authority);
        if !is_port(&authority[host.len()..]) {
            return None;
        }
        if let Some(inside) = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            return std::str::from_utf8(inside).ok()?.parse().ok().map(Self::V6);
        }
        // One dot at the end stands for the root of all names, and is dropped.
        let name = host.strip_suffix(b".").unwrap_or(host);
        is_name(name).then_some(Self::Name(name))
    }

    /// Whether two hosts are equal.
    #[must_use]
    pub fn is(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(own), Host::Name(other)) => own.eq_ignore_ascii_case(other),
            (Self::V6(own), Host::V6(other)) => own == other,
            _ => false,
        }
    }
}

/// The host of a Host field or authority, as it is written.
#[must_use]
pub(crate) fn without_port(authority: &[u8]) -> &[u8] {
    match authority.iter().rposition(|b| *b == b':') {
        Some(colon) if authority[colon + 1..].iter().all(u8::is_ascii_digit) => &authority[..colon],
        _ => authority,
    }
}

/// Whether the text is empty or a colon with an optional port number (RFC 3986 section 3.2.3).
fn is_port(text: &[u8]) -> bool {
    match text {
        [] | [b':'] => true,
        [b':', digits @ ..] if digits.len() <= 5 => number(digits).is_some_and(|port| port <= 0xffff),
        _ => false,
    }
}

/// The bytes that a name may have besides dots.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128u8 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        byte += 1;
    }
    plain
};

fn is_name(name: &[u8]) -> bool {
    // One pass over the bytes, because every request has a host.
    let mut label = 0;
    for (place, byte) in name.iter().enumerate() {
        match byte {
            b'.' if place == label => return false,
            b'.' => label = place + 1,
            byte if PLAIN[usize::from(*byte)] => {}
            _ => return false,
        }
    }
    let last = &name[label..];
    if last.is_empty() || name.len() > 255 {
        return false;
    }
    // URL parsers take a name whose last part is a number for an IPv4 address, in any notation.
    !is_number(last) || is_ipv4(name)
}

/// Whether the name is an IPv4 address of four decimal numbers (RFC 3986 section 3.2.2). Faster than the
/// general parser: senders that use an address as the host send it with every request.
fn is_ipv4(name: &[u8]) -> bool {
    let (mut dots, mut value, mut digits) = (0, 0, 0);
    for byte in name {
        match byte {
            b'.' if digits > 0 => (dots, value, digits) = (dots + 1, 0, 0),
            b'0'..=b'9' if digits == 0 || value > 0 => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return false;
                }
            }
            _ => return false,
        }
    }
    dots == 3 && digits > 0
}

/// The value of a few decimal digits.
fn number(digits: &[u8]) -> Option<u32> {
    let digit = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
    if digits.is_empty() { None } else { digits.iter().try_fold(0, digit) }
}

/// Whether the label is decimal, octal or hexadecimal, as in the URL standard's "ends in a number".
fn is_number(label: &[u8]) -> bool {
    match label {
        [first, ..] if !first.is_ascii_digit() => false,
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(one: &str, other: &str) -> bool {
        let read = |text: &'static str| Host::read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        let [one, other] = [one, other].map(|text| read(Box::leak(text.to_owned().into_boxed_str())));
        one.is(other)
    }

    #[test]
    fn every_spelling_of_a_host_is_the_same_host() {
        for (one, other, wanted) in [
            ("internal.example", "INTERNAL.example", true),
            ("internal.example", "internal.example.", true),
            ("internal.example:80", "internal.example.:8080", true),
            ("internal.example", "internal.example:", true),
            ("[2001:db8::1]", "[2001:0DB8:0:0:0:0:0:1]:443", true),
            ("[::ffff:192.0.2.1]", "[::ffff:c000:201]", true),
            ("192.0.2.1", "192.0.2.1.", true),
            ("internal.example", "xinternal.example", false),
            ("192.0.2.1", "[::ffff:192.0.2.1]", false),
        ] {
            assert_eq!(same(one, other), wanted, "{one} {other}");
        }
    }

    #[test]
    fn a_host_that_parsers_disagree_about_is_refused() {
        for text in [
            "",
            ":80",
            ".",
            "..",
            "a..",
            ".a",
            "a..b",
            "a/b",
            "a,b",
            "u@a",
            "a:b",
            "a:65536",
            "a:+1",
            "[a]",
            "[::1",
            "::1",
            "[::1%25eth0]",
            "[1.2.3.4]",
            "a%2eb",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "192.0.2.0x1",
            "192.0.02.1",
            "a.1",
            "a b",
            "\u{e4}",
            "a.0x",
            "256.1.1.1",
        ] {
            assert_eq!(Host::read(text.as_bytes()), None, "{text}");
        }
        for text in ["a", "a.b", "a-b_c~d", "1.a", "0xg", "a.0xg", "192.0.2.1:1", "localhost:3000"] {
            assert!(Host::read(text.as_bytes()).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_host_is_an_address_exactly_where_the_standard_library_says_so(name in "[0-9]{1,4}(\\.[0-9]{0,4}){2,4}") {
            let wanted = name.parse::<std::net::Ipv4Addr>().is_ok();
            prop_assert_eq!(is_ipv4(name.as_bytes()), wanted, "{}", name);
        }

        #[test]
        fn a_host_is_the_same_in_any_case_and_with_any_port(name in "[a-z][a-z0-9_-]{0,8}(\\.[a-z][a-z0-9-]{0,5}){0,3}", port in any::<u16>()) {
            let spelled = format!("{}.:{port}", name.to_uppercase());
            prop_assert!(same(&name, &spelled));
        }
    }
}
