//! The grammar of one range: a CIDR or a bare address.
//!
//! It is strict, because this text decides who reaches the application. Text that two tools read differently
//! (leading zeros, host bits, short forms) is refused; what was meant then is in [`super::meant`]. A very
//! short prefix is refused too, because it is probably a line that was cut.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::policy::address::addr::dotted;
use crate::policy::address::range_list::hint::{ParseAddressError, meant_address};

/// The shortest prefix length that a list or a trusted proxy may have: /8 is 16 million addresses.
pub const MIN_V4_LENGTH: u8 = 8;
/// The shortest IPv6 prefix length that a list or a trusted proxy may have.
pub const MIN_V6_LENGTH: u8 = 16;

/// Why a text is no CIDR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseCidrError {
    /// What stands before the slash cannot be read.
    #[error(transparent)]
    Address(#[from] ParseAddressError),
    /// What stands after it is no length.
    #[error(transparent)]
    Length(#[from] ParseLengthError),
    /// The address is one of the range, not its first.
    #[error(
        "the address has bits beyond its prefix length; write {} for the range or {}/{} for the one address",
        .0.trunc(), .0.addr(), .0.max_prefix_len()
    )]
    HostBits(IpNet),
    /// Shorter than this, which is more than a list of senders may hold.
    #[error(
        "a prefix shorter than /{0} is refused: it is more likely a line cut short than a list of one sender"
    )]
    Short(u8),
}

/// Why a text is no prefix length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseLengthError {
    /// Nothing after the slash.
    #[error("the prefix length is missing; write {ip}/{bits} for the one address")]
    Missing {
        /// The address before the slash.
        ip: IpAddr,
        /// The length of a prefix of one.
        bits: u8,
    },
    /// A netmask that means no length that a range may have.
    #[error("a netmask is not a prefix length")]
    Netmask,
    /// Anything else that has not only digits.
    #[error("the prefix length is not a number")]
    NoNumber,
    /// A zero before this.
    #[error("the prefix length has a leading zero; write /{0}")]
    LeadingZero(String),
    /// More than the bits of an address.
    #[error("the prefix length must be 0 to {0}")]
    Long(u8),
    /// Shorter than the bits that say that it is an IPv4 address.
    #[error("an IPv4-mapped range needs a prefix length of 96 or more")]
    ShortMapped,
    /// The address has no such length. The bounds are looked at before.
    #[error("the prefix length is too long")]
    Impossible,
}

/// Reads one CIDR or bare address.
///
/// # Errors
/// What is wrong.
pub(super) fn strict(text: &str) -> Result<IpNet, ParseCidrError> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let ip = match dotted(address.as_bytes()) {
        Some(ip) => IpAddr::V4(ip),
        None => address.parse().map_err(|_| meant_address(address, length))?,
    };
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => bits,
        Some(length) => parse_length(length, ip, bits)?,
    };
    let net = fold(ip, length)?;
    if net.trunc() != net {
        return Err(ParseCidrError::HostBits(net));
    }
    match floor(&net) {
        floor if net.prefix_len() < floor => Err(ParseCidrError::Short(floor)),
        _ => Ok(net),
    }
}

/// The shortest length that a list may hold of this family.
pub(super) fn floor(net: &IpNet) -> u8 {
    if net.addr().is_ipv4() { MIN_V4_LENGTH } else { MIN_V6_LENGTH }
}

fn parse_length(text: &str, ip: IpAddr, bits: u8) -> Result<u8, ParseLengthError> {
    if text.is_empty() {
        return Err(ParseLengthError::Missing { ip, bits });
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let is_mask = ip.is_ipv4() && text.parse::<Ipv4Addr>().is_ok();
        return Err(if is_mask { ParseLengthError::Netmask } else { ParseLengthError::NoNumber });
    }
    let plain = text.trim_start_matches('0');
    // What is longer is no length whatever stands before it.
    if text.len() > 1 && plain.len() < text.len() && plain.len() <= 3 {
        let plain = if plain.is_empty() { "0" } else { plain };
        return Err(ParseLengthError::LeadingZero(plain.to_owned()));
    }
    match text.parse::<u8>() {
        Ok(length) if length <= bits => Ok(length),
        _ => Err(ParseLengthError::Long(bits)),
    }
}

/// Converts an IPv4-mapped IPv6 range to the IPv4 range.
fn fold(ip: IpAddr, length: u8) -> Result<IpNet, ParseLengthError> {
    let net = |ip: IpAddr, length: u8| IpNet::new(ip, length).map_err(|_| ParseLengthError::Impossible);
    let IpAddr::V6(v6) = ip else { return net(ip, length) };
    let Some(v4) = v6.to_ipv4_mapped() else { return net(ip, length) };
    if length < 96 {
        return Err(ParseLengthError::ShortMapped);
    }
    net(IpAddr::V4(v4), length - 96)
}
