//! The message for a range that is refused: what was written, and what was probably meant.
//!
//! Invariant: a message repeats only text that may have been meant as an address.

use std::net::IpAddr;

/// The length of the longest prefix: eight groups of IPv6 and `/128`.
const LONGEST: usize = 43;

/// What was written, if it may have been meant as a prefix. Anything else may be a secret: a range file may
/// be a link to a private key, and messages appear in logs and on pages.
#[must_use]
pub(crate) fn shown(text: &str) -> String {
    let of_an_address = |b: u8| b.is_ascii_hexdigit() || b".:/-% ".contains(&b);
    // A dump of a key has many pairs of digits.
    let pairs = text.split(':').filter(|part| part.len() == 2).count();
    let parted = text.contains(['.', ':', '/']) && pairs < 4;
    if parted && text.len() <= LONGEST && text.bytes().all(of_an_address) {
        return format!("{text:?}");
    }
    match text.chars().count() {
        1 => "one character that is not an address".to_owned(),
        count => format!("{count} characters that are not an address"),
    }
}

/// What an unreadable address was probably meant to be. What is said again is digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseAddressError {
    /// `fe80::1%eth0`
    #[error("a zone id names a network interface of one machine; leave it out")]
    ZoneId,
    /// Something with a colon.
    #[error("is not an IPv6 address")]
    BadIpv6,
    /// `192.0.2.15-192.0.2.0`
    #[error("a range from one address to another must be written as CIDRs, from the lower to the higher")]
    FromTo,
    /// A name, or anything else.
    #[error("is not an IP address; names are not looked up")]
    Other,
    /// `192.0.2.256`
    #[error("each part of an IPv4 address is 0 to 255")]
    LargePart,
    /// `192.0.2.0.1`, or too few that no range may have
    #[error("an IPv4 address has four parts")]
    Parts,
    /// `192.0.02.1`, and the same without the zero.
    #[error("a leading zero is octal to some programs and decimal to others; write {0} if decimal was meant")]
    LeadingZero(String),
}

/// Guesses what an unreadable address was meant to be.
pub(super) fn meant_address(address: &str, length: Option<&str>) -> ParseAddressError {
    // Repeat only text that is a length.
    let length = length.filter(|l| !l.is_empty() && l.len() <= 3 && l.bytes().all(|b| b.is_ascii_digit()));
    let length = length.map_or(String::new(), |l| format!("/{l}"));
    if address.contains('%') {
        return ParseAddressError::ZoneId;
    }
    if address.contains(':') {
        return ParseAddressError::BadIpv6;
    }
    let parts: Vec<&str> = address.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(numeric) {
        if address.contains('-') && address.split('-').all(|side| side.trim().parse::<IpAddr>().is_ok()) {
            return ParseAddressError::FromTo;
        }
        return ParseAddressError::Other;
    }
    if parts.iter().any(|part| part.parse::<u16>().is_ok_and(|n| n > 255) || part.len() > 3) {
        return ParseAddressError::LargePart;
    }
    if parts.len() != 4 {
        return ParseAddressError::Parts;
    }
    let plain = parts.iter().map(|p| p.parse::<u16>().unwrap_or(0).to_string()).collect::<Vec<_>>().join(".");
    ParseAddressError::LeadingZero(format!("{plain}{length}"))
}
