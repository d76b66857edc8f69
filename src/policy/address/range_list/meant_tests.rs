//! What is proposed for the commonest mistakes, and that it can be pasted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::policy::address::addr::Address;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::address::range_list::meant::{cover, meant};
use crate::policy::address::range_list::*;

fn told(line: &str) -> String {
    let problems = parse(line.as_bytes()).expect_err(line);
    problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join(" / ")
}

/// The proposals in a message.
fn proposed(message: &str) -> Vec<IpNet> {
    let (_, texts) =
        message.rsplit_once("write ").or(message.rsplit_once("line of its own, ")).expect(message);
    let texts = texts.strip_prefix("each in a line of its own, ").unwrap_or(texts);
    let texts = texts.split_once(", and ").map_or(texts, |(texts, _)| texts);
    texts.split(", ").map(|text| parse_prefix(text).expect(message)).collect()
}

#[test]
fn the_commonest_mistakes_are_answered_with_what_to_paste() {
    let rows = [
        ("192.0.2.0/255.255.255.0", "a netmask is not a prefix length; write 192.0.2.0/24"),
        ("192.0.2.0 255.255.255.0", "netmask is not a prefix length; write 192.0.2.0/24"),
        ("192.0.2.7\t255.255.255.0", "netmask is not a prefix length; write 192.0.2.0/24"),
        ("192.0.2.7 netmask 255.255.255.255", "; write 192.0.2.7"),
        ("192.0.2.0 0.0.0.255", "a wildcard mask is not a prefix length; write 192.0.2.0/24"),
        ("192.0.2.0/0.0.0.15", "a wildcard mask is not a prefix length; write 192.0.2.0/28"),
        ("192.0.2.0 - 192.0.2.255", "must be written as CIDRs; write 192.0.2.0/24"),
        ("192.0.2.0-192.0.2.2", "; write, each in a line of its own, 192.0.2.0/31, 192.0.2.2"),
        ("192.0.2.0\u{2013}192.0.2.255", "; write 192.0.2.0/24"),
        ("192.0.2.0 to 192.0.2.255", "; write 192.0.2.0/24"),
        ("192.0.2.4-7", "; write 192.0.2.4/30"),
        ("2001:db8::-2001:db8::1:ffff", "; write 2001:db8::/111"),
        ("::ffff:192.0.2.0 - 192.0.2.3", "; write 192.0.2.0/30"),
        (
            "192.0.2.1 - 192.0.2.254",
            "each in a line of its own, 192.0.2.1, 192.0.2.2/31, 192.0.2.4/30, 192.0.2.8/29, 192.0.2.16/28, 192.0.2.32/27, 192.0.2.64/26, 192.0.2.128/26, and 6 more",
        ),
        ("192.0.2.*", "an IPv4 address has four parts; write 192.0.2.0/24"),
        ("192.0.2.x", "; write 192.0.2.0/24"),
        ("192.0.2.", "; write 192.0.2.0/24"),
        ("192.0.2", "; write 192.0.2.0/24"),
        ("198.51.*.*", "; write 198.51.0.0/16"),
        ("10.*", "; write 10.0.0.0/8"),
        ("192.0.2/25", "; write 192.0.2.0/25"),
        ("10.0/8", "; write 10.0.0.0/8"),
        ("192.0.2.1:443", "a port is no part of a range; write 192.0.2.1"),
        ("[2001:db8::1]:443", "a port is no part of a range; write 2001:db8::1"),
        ("[2001:db8::1]", "; write 2001:db8::1"),
        ("\"192.0.2.0/24\"", "a line holds one CIDR, and words only after a #; write 192.0.2.0/24"),
        ("'192.0.2.1'", "; write 192.0.2.1"),
        ("192.0.2.0/24,", "; write 192.0.2.0/24"),
        ("192.0.2.0/24;", "; write 192.0.2.0/24"),
        ("- 192.0.2.0/24", "; write 192.0.2.0/24"),
        ("allow 192.0.2.0/24;", "; write 192.0.2.0/24"),
        ("192.0.2.0/24 // office", "; write 192.0.2.0/24"),
        ("192.0.2.0/24\u{a0}", "; write 192.0.2.0/24"),
        ("192.0.2.1, 2001:db8::/32", "; write, each in a line of its own, 192.0.2.1, 2001:db8::/32"),
        (
            "\"192.0.2.0/24\",",
            "this is JSON, and a range file has one CIDR a line and nothing else; write 192.0.2.0/24",
        ),
        ("\"192.0.2.*\",", "an IPv4 address has four parts; write 192.0.2.0/24"),
        (
            "{ \"ipv4Prefix\": \"192.0.2.0/24\" },",
            "this is JSON, and a range file has one CIDR a line and nothing else; write 192.0.2.0/24",
        ),
        ("{ \"prefixes\": [", "this is JSON, and a range file has one CIDR a line and nothing else"),
        ("  ]", "this is JSON, and a range file has one CIDR a line and nothing else"),
        (
            "192.0.2.0 / 24",
            "it has blanks, or letters that only look like those of an address; write 192.0.2.0/24",
        ),
        ("\u{ff11}92.0.2.\u{ff10}", "letters that only look like those of an address; write 192.0.2.0"),
        ("2001:db8:: /32", "letters that only look like those of an address; write 2001:db8::/32"),
        ("192.0.2.0 24", "a prefix length stands after a slash; write 192.0.2.0/24"),
        ("192.0.2.1#office", "a comment begins at a # that stands first or after a blank; write 192.0.2.1"),
        ("192.0.2.0#/24", "a comment begins at a # that stands first or after a blank; write 192.0.2.0"),
        ("192.0.2.1/24", "write 192.0.2.0/24 for the range or 192.0.2.1/32 for the one address"),
    ];
    for (line, end) in rows {
        let message = told(line);
        assert!(message.ends_with(end) || message.contains(&format!("{end}, ")), "{line}: {message}");
        if message.contains("; write") && !message.contains(" for the range") {
            assert!(!proposed(&message).is_empty());
        }
    }
    assert!(told("192.0.2.1 - 192.51.100.7").contains(", and "));
    assert_eq!(rows.len(), 46);
}

#[test]
fn nothing_is_proposed_where_it_could_not_stand_or_nothing_was_meant() {
    for line in [
        "0.0.0.0 - 255.255.255.255",
        "0.0.0.0/0.0.0.0",
        "192.0.2.9 - 192.0.2.1",
        "192.0.2.0 - 2001:db8::1",
        "192.0.2.0/255.0.255.0",
        "192.0.2.0 255.0.255.0",
        "10.*/4",
        "*",
        "sms.example.com",
        "192.0.2.256",
        "192.0.2.01 - 192.0.2.3",
        "1.2.3.4.5",
        "01.2",
        "::1%eth0",
    ] {
        let message = told(line);
        assert!(!message.contains("; write"), "{line}: {message}");
    }
    // A line of megabytes is not searched.
    let long = format!("[{}", "\"192.0.2.1\",".repeat(10_000));
    assert!(told(&long).ends_with("nothing else"), "a file that is one line of JSON");
}

#[test]
fn text_of_sixteen_bits_a_letter_is_said_to_be_that_once() {
    let text = "192.0.2.0/24\r\n198.51.100.0/24\r\n";
    let marked = format!("\u{feff}{text}");
    let wide =
        |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    for bytes in [
        wide(&marked, u16::to_le_bytes),
        wide(&marked, u16::to_be_bytes),
        wide(text, u16::to_le_bytes),
        wide(text, u16::to_be_bytes),
    ] {
        let problems = parse(&bytes).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.ends_with("save the file as UTF-8"), "{problems:?}");
    }
    assert_eq!(told("192.0.2.1\0"), "holds NUL bytes, as UTF-16 text does; save the file as UTF-8");
    assert!(parse(b"192.0.2.1\n# caf\xe9\n").unwrap_err()[0].message.ends_with("save the file as UTF-8"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Of a range of a few hundred addresses each is asked for, and some on both sides.
    #[test]
    fn the_cidrs_of_a_range_cover_exactly_the_range(base: u32, high in any::<u64>(), len in 0u32..600, v6: bool) {
        // Away from the ends, so that there are addresses on both sides, and not so that a prefix is too short.
        let base = base.clamp(0x0100_0400, 0xfeff_0000);
        let ip = |offset: u32| -> IpAddr {
            if v6 { Ipv6Addr::from((u128::from(high | 1 << 61) << 64) + u128::from(offset)).into() } else { Ipv4Addr::from(offset).into() }
        };
        let cidrs = cover(ip(base), ip(base + len)).expect("a range").collect::<Vec<_>>();
        let set = PrefixSet::new(&cidrs);
        for at in base - 300..base + len + 300 {
            let wanted = (base..=base + len).contains(&at);
            prop_assert_eq!(set.contains(Address::new(ip(at))), wanted, "{}", ip(at));
        }
        let addresses: u128 = cidrs.iter().map(|net| 1u128 << (net.max_prefix_len() - net.prefix_len())).sum();
        prop_assert_eq!(addresses, u128::from(len) + 1, "no address twice");
    }

    #[test]
    fn whatever_is_proposed_can_be_pasted(text in "[0-9a-fx*.:/, \"'\\[\\]{};-]{0,60}") {
        if let Some(meant) = meant(&text) {
            let message = meant.to_string();
            if message.contains("; write") {
                prop_assert!(!proposed(&message).is_empty());
            }
            prop_assert!(message.len() < 500, "{}", message);
        }
    }
}
