//! Whether a string is an address or CIDR, or only looks like one.
//!
//! What looks like one and is none is an error: a list that was read without it would be another list than its author's.
//! Invariant: whatever the strict parser takes looks like an address.

use ipnet::IpNet;

use crate::policy::address::range_list::likeness::Likeness;
use crate::policy::address::range_list::{ParsePrefixError, parse_prefix};

/// What a string is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An address or a CIDR.
    Prefix(IpNet),
    /// It looks like one, and is none.
    Bad(ParsePrefixError),
    /// Something else.
    Other,
}

impl Look {
    pub(super) fn of(text: &str) -> Self {
        if !is_like(&Likeness::of(text).text) {
            return Self::Other;
        }
        parse_prefix(text).map_or_else(Self::Bad, Self::Prefix)
    }
}

/// Whether it has four dotted numbers or two colons, or is one of the forms that some programs take for a range.
fn is_like(text: &str) -> bool {
    let mut dotted = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let mut groups = text.split(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':'));
    dotted.any(has_four_numbers) || groups.any(has_two_colons) || is_short_form(text.trim())
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_four_numbers(piece: &str) -> bool {
    let mut in_a_row = 0;
    piece.split('.').any(|part| {
        in_a_row = if is_number(part) { in_a_row + 1 } else { 0 };
        in_a_row == 4
    })
}

fn has_two_colons(piece: &str) -> bool {
    piece.matches(':').count() >= 2 && !is_time_of_day(piece)
}

/// `16:11:23` and `16:11:23.087`: documents say when they were made.
fn is_time_of_day(piece: &str) -> bool {
    let (clock, fraction) = piece.split_once('.').unwrap_or((piece, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let below = |part: &str, end: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|number| number < end);
    let [hour, minute, second] = parts[..] else { return false };
    let all_digits = parts.iter().all(|part| is_number(part)) && is_number(fraction);
    all_digits && below(hour, 24) && below(minute, 60) && below(second, 61)
}

/// `192.0.2.*`, `192.0.2.`, `192.0.2.[0-7]`, `10.0/8`, `8/8`, `2001:db8/32`.
fn is_short_form(text: &str) -> bool {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let has_length = length.is_some_and(|length| length.len() <= 3 && is_number(length));
    let parts: Vec<&str> = address.split('.').collect();
    let numbers = parts.iter().take_while(|part| is_number(part)).count();
    let rest = parts.get(numbers..).unwrap_or_default();
    let is_any = |part: &&str| matches!(*part, "*" | "x" | "X");
    let is_begun = numbers > 0 && parts.len() <= 4;
    let is_wild = is_begun && !rest.is_empty() && rest.iter().all(is_any);
    let is_dotted = numbers > 1 && is_begun && rest == [""];
    let has_four = parts.len() == 4
        && parts.iter().all(|part| is_part(part))
        && address.starts_with(|c: char| c.is_ascii_digit());
    let is_short_v6 = has_length
        && address.contains(':')
        && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let is_short_v4 = has_length && is_begun && rest.iter().all(|part| part.is_empty());
    is_wild || is_dotted || has_four || is_short_v4 || is_short_v6
}

/// A part of an address, or of several: `7`, `0x7`, `*`, `[0-7]`, `{1,2}`.
fn is_part(part: &str) -> bool {
    let number = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
    let is_hex = number
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let of_several = |c: char| c.is_ascii_digit() || "*xX?-[](){},".contains(c);
    is_hex || (!part.is_empty() && part.chars().all(of_several))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_like_an_address_is_one_or_an_error() {
        for good in
            ["192.0.2.1", "192.0.2.0/24", "::1", "2001:db8::/32", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"]
        {
            assert!(matches!(Look::of(good), Look::Prefix(_)), "{good}");
        }
        for bad in [
            "192.0.2.256",
            " 192.0.2.1",
            "192.0.2.1/24",
            "192.0.2.0 - 192.0.2.15",
            "192.0.2.0/255.255.255.0",
            "192.0.2.1:443",
            "[2001:db8::1]:443",
            "fe80::1%eth0",
            "http://192.0.2.1/",
            "v1.2.3.4",
            "192.0.2.1, 192.0.2.2",
            "192.0.2.*",
            "192.0.x.x",
            "10.0/8",
            "192.0.2/24",
            "2001:db8::g",
            "1.2.3.4.5",
            "010.0.0.1",
            "0.0.0.0/0",
            "::/0",
            "00:1b:44:11:3a:b7",
            "25:00:00",
            "8/8",
            "24/7",
            "8.8.8.",
            "8.8./16",
            "8.8.[0-3].*",
            "8[.]8[.]8[.]8",
            "0x8.0x8.0x8.0x8",
            "2001:db8/32",
            "192.0.2.0 / 24",
            "192. 0. 2. 0",
            "\u{ff18}.\u{ff18}.\u{ff18}.\u{ff18}",
            "\u{661}\u{669}\u{662}.0.2.1",
            "\u{2460}.\u{2460}.\u{2460}.\u{2460}",
            "192.0.2\u{200b}.1",
            "2001\u{ff1a}db8\u{ff1a}\u{ff1a}1",
            "192.0.2.1#x",
        ] {
            assert!(matches!(Look::of(bad), Look::Bad(_)), "{bad}");
        }
        for other in [
            "",
            "us-east-1",
            "2014-11-19-23-29-02",
            "2021-07-14T10:01:33.087737",
            "2026-11-27 21:30:00+01:00",
            "Tue, 24 Sep 2024 16:11:23 GMT",
            "1416435608",
            "1.2.3",
            "1.2.3-4",
            "see 1. Then: added: 2 / 3",
            "2026/11/27",
            "and/or",
            "1.5",
            "*.github.com",
            "https://example.com:8443/x",
            "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        ] {
            assert_eq!(Look::of(other), Look::Other, "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_strict_parser_takes_is_seen(text in "[0-9a-f.:/]{1,20}") {
            if let Ok(net) = parse_prefix(&text) {
                prop_assert_eq!(Look::of(&text), Look::Prefix(net));
            }
        }

        #[test]
        fn every_address_is_seen(ip in any::<std::net::IpAddr>(), around in "[ a-z,-]{0,3}") {
            prop_assert!(matches!(Look::of(&ip.to_string()), Look::Prefix(_)));
            let text = format!("{around}{ip}{around}");
            prop_assert!(Look::of(&text) != Look::Other, "{}", text);
        }
    }
}
