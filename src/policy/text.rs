//! Writes numbers and addresses as text, directly into a buffer.
//!
//! Every request writes a dozen of them into a head and a log line. The standard formatting costs more for
//! that than admission does; these functions are a few stores each. Invariant: the text equals that of
//! `Display` for the same value.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::policy::address::addr::Address;

/// Every number below 256 as its digits and a point, and how many digits it has.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([b'.'; 4], 0u8); 256];
    let mut number = 0u8;
    loop {
        let (hundreds, tens, ones) = (b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10);
        table[number as usize] = match number {
            100.. => ([hundreds, tens, ones, b'.'], 3),
            10.. => ([tens, ones, b'.', b'.'], 2),
            _ => ([ones, b'.', b'.', b'.'], 1),
        };
        if number == u8::MAX {
            break;
        }
        number += 1;
    }
    table
};

/// Writes a number in decimal.
pub(crate) fn decimal(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes sixteen hexadecimal digits, lower case, into sixteen bytes.
pub(crate) fn hex(out: &mut [u8], number: u64) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
}

/// Writes an address.
pub(crate) fn address(out: &mut Vec<u8>, address: Address) {
    ip(out, address.ip());
}

/// Writes a prefix: its address, a slash, its length.
pub(crate) fn prefix(out: &mut Vec<u8>, prefix: IpNet) {
    ip(out, prefix.addr());
    out.push(b'/');
    decimal(out, prefix.prefix_len());
}

/// Writes milliseconds with three decimals, as in `0.412`.
pub(crate) fn milliseconds(out: &mut Vec<u8>, time: std::time::Duration) {
    let whole = time.as_secs().saturating_mul(1000) + u64::from(time.subsec_millis());
    let mut digits = *b".000";
    let mut rest = time.subsec_micros() % 1000;
    for digit in digits[1..].iter_mut().rev() {
        *digit += (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    decimal(out, whole);
    out.extend_from_slice(&digits);
}

fn ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => v4(out, ip),
        // IPv6 is rare, and the standard library knows its rules (RFC 5952). Writing to a Vec cannot fail.
        IpAddr::V6(ip) => drop(write!(out, "{ip}")),
    }
}

fn v4(out: &mut Vec<u8>, ip: Ipv4Addr) {
    let mut text = [0; 16];
    let mut end = 0;
    for octet in ip.octets() {
        // All four bytes, of which the next octet overwrites what is too many: one store.
        let (digits, count) = OCTETS[usize::from(octet)];
        text[end..end + 4].copy_from_slice(&digits);
        end += usize::from(count) + 1;
    }
    out.extend_from_slice(&text[..end - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn every_number_is_written_as_display_writes_it(number: u64, ip: IpAddr, length in 0u8..=32, us in 0..u64::MAX / 2) {
            prop_assert_eq!(written(|out| decimal(out, number)), number.to_string());
            let mut digits = [0; 16];
            hex(&mut digits, number);
            let wanted = format!("{number:016x}");
            prop_assert_eq!(digits.as_slice(), wanted.as_bytes());
            let canonical = Address::new(ip);
            prop_assert_eq!(written(|out| address(out, canonical)), canonical.to_string());
            let net = IpNet::new(ip, length).unwrap();
            prop_assert_eq!(written(|out| prefix(out, net)), net.to_string());
            let time = std::time::Duration::from_micros(us);
            let wanted = format!("{}.{:03}", us / 1000, us % 1000);
            prop_assert_eq!(written(|out| milliseconds(out, time)), wanted);
        }
    }

    #[test]
    fn every_octet_is_written_in_decimal() {
        for octet in 0..=255u8 {
            let ip = Ipv4Addr::new(octet, 255 - octet, octet, 0);
            assert_eq!(written(|out| v4(out, ip)), ip.to_string());
        }
    }
}
