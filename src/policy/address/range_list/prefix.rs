//! The grammar of one range: a CIDR or a bare address.
//!
//! It is strict, because this text decides who reaches the application. Text that two tools read differently
//! (leading zeros, host bits, short forms) is refused, and the message says what was probably meant. A very
//! short prefix is refused too, because it is probably a line that was cut.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::policy::address::addr::dotted;
use crate::policy::address::range_list::hint::meant_address;

/// The shortest prefix length that a list or a trusted proxy may have: /8 is 16 million addresses.
pub const MIN_V4_LENGTH: u8 = 8;
/// The shortest IPv6 prefix length that a list or a trusted proxy may have.
pub const MIN_V6_LENGTH: u8 = 16;

/// Reads one CIDR or bare address under the rules of a range file. Trusted proxies use them too.
///
/// # Errors
/// What is wrong and, where it can be guessed, what was meant.
pub(crate) fn parse_prefix(text: &str) -> Result<IpNet, String> {
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
        return Err(format!(
            "the address has bits beyond its prefix length; write {} for the range or {}/{} for the one address",
            net.trunc(),
            net.addr(),
            net.max_prefix_len()
        ));
    }
    let floor = if net.addr().is_ipv4() { MIN_V4_LENGTH } else { MIN_V6_LENGTH };
    if net.prefix_len() < floor {
        return Err(format!(
            "a prefix shorter than /{floor} is refused: it is more likely a line cut short than a list of one sender"
        ));
    }
    Ok(net)
}

fn parse_length(text: &str, ip: IpAddr, bits: u8) -> Result<u8, String> {
    if text.is_empty() {
        return Err(format!("the prefix length is missing; write {ip}/{bits} for the one address"));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(match (ip, text.parse::<Ipv4Addr>().map(ipnet::ipv4_mask_to_prefix)) {
            (IpAddr::V4(_), Ok(Ok(length))) => {
                format!("a netmask is not a prefix length; write {ip}/{length}")
            }
            (IpAddr::V4(_), Ok(Err(_))) => "a netmask is not a prefix length".to_owned(),
            _ => "the prefix length is not a number".to_owned(),
        });
    }
    if text.len() <= 4 && text.len() > 1 && text.starts_with('0') {
        let plain = text.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        return Err(format!("the prefix length has a leading zero; write /{plain}"));
    }
    match text.parse::<u8>() {
        Ok(length) if length <= bits => Ok(length),
        _ => Err(format!("the prefix length must be 0 to {bits}")),
    }
}

/// Converts an IPv4-mapped IPv6 range to the IPv4 range.
fn fold(ip: IpAddr, length: u8) -> Result<IpNet, String> {
    let net = |ip: IpAddr, length: u8| {
        IpNet::new(ip, length).map_err(|_| "the prefix length is too long".to_owned())
    };
    let IpAddr::V6(v6) = ip else { return net(ip, length) };
    let Some(v4) = v6.to_ipv4_mapped() else { return net(ip, length) };
    if length < 96 {
        return Err("an IPv4-mapped range needs a prefix length of 96 or more".to_owned());
    }
    net(IpAddr::V4(v4), length - 96)
}
