//! An IP address in canonical form.
//!
//! Invariant: an IPv4 address is never held in its IPv4-mapped IPv6 form (`::ffff:a.b.c.d`, RFC 4291 section
//! 2.5.5.2). A dual-stack listener gets IPv4 peers in that form, and a list of IPv4 prefixes would match none
//! of them. The only constructor converts, so that no caller can forget it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A canonical address, to compare, look up and print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(IpAddr);

impl Address {
    /// Converts IPv4-mapped IPv6 to IPv4.
    #[must_use]
    pub fn new(ip: IpAddr) -> Self {
        Self(ip.to_canonical())
    }

    /// The address as the standard library's type, canonical.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Reads one hop of a forwarding header: an address, optionally with a port, an IPv6 address
    /// with a port in brackets (RFC 7239 section 6 and common practice for X-Forwarded-For).
    ///
    /// Anything else is `None`, also a name and an empty element: a hop that cannot be read must never be
    /// skipped to reach an older one.
    #[must_use]
    pub fn from_hop(hop: &[u8]) -> Option<Self> {
        // The longest valid form: a bracketed IPv6 address with an embedded IPv4 address and a port.
        if hop.is_empty() || hop.len() > 64 {
            return None;
        }
        if let Some(ip) = dotted(hop) {
            return Some(Self(IpAddr::V4(ip)));
        }
        let text = std::str::from_utf8(hop).ok()?;
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, after) = rest.split_once(']')?;
            let ip: Ipv6Addr = inside.parse().ok()?;
            return (after.is_empty() || after.strip_prefix(':').is_some_and(is_port))
                .then(|| Self::new(IpAddr::V6(ip)));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::new(ip));
        }
        let (host, port) = text.split_once(':')?;
        let ip: Ipv4Addr = host.parse().ok()?;
        is_port(port).then(|| Self::new(IpAddr::V4(ip)))
    }
}

/// Reads an IPv4 address in the only form that the standard library accepts, but faster: most hops behind a
/// proxy are IPv4, and so are most lines of a long range file.
#[must_use]
pub(crate) fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let (mut place, mut digits, mut value) = (0, 0, 0u16);
    for byte in text {
        match byte {
            // No leading zero: some programs read it as octal.
            b'0'..=b'9' if digits < 3 && (digits == 0 || value > 0) => {
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && place < 3 => {
                octets[place] = u8::try_from(value).ok()?;
                (place, digits, value) = (place + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = u8::try_from(value).ok()?;
    (place == 3 && digits > 0).then(|| Ipv4Addr::from(octets))
}

fn is_port(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 5
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self::new(ip)
    }
}

/// The address range of one subscriber: an IPv4 address or an IPv6 /64.
#[must_use]
pub(crate) fn subscriber(address: Address) -> IpAddr {
    match address.ip() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn dotted_reads_what_the_standard_library_reads(
            text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{0,4}\\.[0-9]{1,3}|[0-9.]{0,16}|\\PC{0,12}",
            any in any::<u32>().prop_map(Ipv4Addr::from),
        ) {
            prop_assert_eq!(dotted(text.as_bytes()), text.parse().ok());
            prop_assert_eq!(dotted(any.to_string().as_bytes()), Some(any));
        }
    }

    fn hop(text: &str) -> Option<String> {
        Address::from_hop(text.as_bytes()).map(|a| a.to_string())
    }

    #[test]
    fn mapped_ipv4_is_folded_whatever_its_spelling() {
        for text in ["::ffff:192.0.2.1", "::ffff:c000:201", "[::ffff:192.0.2.1]:443"] {
            assert_eq!(hop(text).as_deref(), Some("192.0.2.1"), "{text}");
        }
    }

    #[test]
    fn a_hop_may_carry_a_port_or_brackets() {
        assert_eq!(hop("192.0.2.1:8080").as_deref(), Some("192.0.2.1"));
        assert_eq!(hop("[2001:db8::1]").as_deref(), Some("2001:db8::1"));
        assert_eq!(hop("[2001:db8::1]:65535").as_deref(), Some("2001:db8::1"));
        assert_eq!(hop("2001:db8::1").as_deref(), Some("2001:db8::1"));
    }

    #[test]
    fn whatever_else_a_hop_says_is_no_address() {
        let odd = [
            "",
            " ",
            "unknown",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:+1",
            "192.0.2.01",
            "192.0.2",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "[2001:db8::1]:",
            "fe80::1%eth0",
            "192.0.2.1 ",
            "localhost",
            "\"192.0.2.1\"",
        ];
        for text in odd {
            assert_eq!(hop(text), None, "{text:?}");
        }
    }
}
