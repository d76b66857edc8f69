//! The message for a range that is refused: what was written, and what was probably meant.
//!
//! Invariant: a message repeats only text that may have been meant as an address.

use std::net::IpAddr;

/// The length of the longest prefix: eight groups of IPv6 and `/128`.
const LONGEST: usize = 43;

/// What was written, if it may have been meant as a prefix. Anything else may be a secret: a range file may
/// be a link to a private key, and messages appear in logs and on pages.
#[must_use]
pub(super) fn shown(text: &str) -> String {
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

/// Guesses what an unreadable address was meant to be.
pub(super) fn meant_address(address: &str, length: Option<&str>) -> String {
    // Repeat only text that is a length.
    let length = length.filter(|l| !l.is_empty() && l.len() <= 3 && l.bytes().all(|b| b.is_ascii_digit()));
    let length = length.map_or(String::new(), |l| format!("/{l}"));
    if address.contains('%') {
        return "a zone id names a network interface of one machine; leave it out".to_owned();
    }
    if address.contains(':') {
        return "is not an IPv6 address".to_owned();
    }
    let parts: Vec<&str> = address.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(numeric) {
        if address.contains('-') && address.split('-').all(|side| side.trim().parse::<IpAddr>().is_ok()) {
            return "a from-to range must be written as CIDR, e.g. 192.0.2.0/28".to_owned();
        }
        return "is not an IP address; names are not looked up".to_owned();
    }
    if parts.iter().any(|part| part.parse::<u16>().is_ok_and(|n| n > 255) || part.len() > 3) {
        return "each part of an IPv4 address is 0 to 255".to_owned();
    }
    if parts.len() < 4 {
        let full = (0..4).map(|i| *parts.get(i).unwrap_or(&"0")).collect::<Vec<_>>().join(".");
        return format!("an IPv4 address has four parts; {full}{length}?");
    }
    if parts.len() > 4 {
        return "an IPv4 address has four parts".to_owned();
    }
    let plain = parts.iter().map(|p| p.parse::<u16>().unwrap_or(0).to_string()).collect::<Vec<_>>().join(".");
    format!(
        "a leading zero is octal to some programs and decimal to others; write {plain}{length} if decimal was meant"
    )
}
