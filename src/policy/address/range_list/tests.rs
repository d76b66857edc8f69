//! Good and bad files, and secrets that no message may repeat.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::policy::address::range_list::*;

fn problems(text: &str) -> Vec<String> {
    match parse(text.as_bytes()) {
        Ok(list) => panic!("accepted: {:?}", list.entries),
        Err(problems) => problems.iter().map(|p| format!("{}: {}", p.line, p.message)).collect(),
    }
}

#[test]
fn a_file_of_another_kind_costs_no_more_than_so_many_problems() {
    let text = "no address\n".repeat(3 * MOST_PROBLEMS);
    assert_eq!(parse(text.as_bytes()).unwrap_err().len(), MOST_PROBLEMS);
    let dump = parse(b"05:ba:4b:b6:0f\n").unwrap_err();
    assert!(!dump[0].message.contains("4b"), "{}", dump[0].message);
}

#[test]
fn comments_blank_lines_crlf_bom_and_a_missing_last_newline_are_fine() {
    let text = "\u{feff}# source: somewhere\r\n# as-of: 2019-01-31\r\n\r\n192.0.2.0/28 # tail # of it\r\n\t2001:db8::/32\t#tail\n# reviewed: 2026-11-21\n203.0.113.7";
    let list = parse(text.as_bytes()).unwrap();
    let seen: Vec<_> = list.entries().iter().map(|e| (e.prefix.to_string(), e.line)).collect();
    let wanted = [("192.0.2.0/28", 4), ("2001:db8::/32", 5), ("203.0.113.7/32", 7)];
    assert_eq!(seen, wanted.map(|(p, l)| (p.to_owned(), l)));
    assert_eq!(list.as_of().map(|d| d.to_string()).as_deref(), Some("2019-01-31"));
    assert_eq!(list.reviewed().map(|d| d.to_string()).as_deref(), Some("2026-11-21"));
}

#[test]
fn a_length_has_no_zero_before_it_however_many_there_are() {
    for zeros in 1..50 {
        let length = format!("{}24", "0".repeat(zeros));
        let problems = parse(format!("192.0.2.0/{length}\n").as_bytes()).unwrap_err();
        assert!(
            problems[0].message.ends_with("the prefix length has a leading zero; write /24"),
            "{problems:?}"
        );
    }
    assert!(parse(b"192.0.2.0/000001234\n").unwrap_err()[0].message.ends_with("must be 0 to 32"));
    assert!(parse(b"0.0.0.0/0\n").unwrap_err()[0].message.contains("shorter than /8"));
}

#[test]
fn every_bad_line_is_reported_with_what_was_meant() {
    let seen = problems("1.2.3.4/24\nok.example\n192.0.2.0/28\n010.0.0.0/8\n1.2.3.0/2\n");
    let wanted = [
        "1: \"1.2.3.4/24\": the address has bits beyond its prefix length; write 1.2.3.0/24 for the range or 1.2.3.4/32 for the one address",
        "2: 10 characters that are not an address: is not an IP address; names are not looked up",
        "4: \"010.0.0.0/8\": a leading zero is octal to some programs and decimal to others; write 10.0.0.0/8 if decimal was meant",
        "5: \"1.2.3.0/2\": the address has bits beyond its prefix length; write 0.0.0.0/2 for the range or 1.2.3.0/32 for the one address",
    ];
    assert_eq!(seen, wanted);
}

/// A link to a key, a token, a list of passwords: none of it may be in a message.
#[test]
fn text_that_is_no_address_is_not_repeated() {
    let secrets = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "00:b4:31:98:0a:c4:bc:62:c1:88:aa:dc:b0:c8:bb:",
        "hunter2",
        "1.2/hunter2",
        "10.0.0.1/hunter2",
        "01.2.3.4/hunter2",
        "2001:db8::/hunter2",
        "fe80::1%hunter2",
        "10.1.2.3-hunter2",
    ];
    for secret in secrets {
        let message = problems(secret)[0].clone();
        let parts =
            secret.split(['/', '%', '-']).filter(|part| part.len() > 6 && part.parse::<IpAddr>().is_err());
        for part in parts {
            assert!(!message.contains(part), "{message}");
        }
        assert!(
            message.contains("characters that are not an address") || message.contains("prefix length"),
            "{message}"
        );
    }
    // A mistyped address is repeated.
    for (text, meant) in [
        ("1.2.3/24", "1: \"1.2.3/24\": an IPv4 address has four parts; write 1.2.3.0/24"),
        (
            "1.2.3.4 - 1.2.3.9",
            "1: \"1.2.3.4 - 1.2.3.9\": a range from one address to another must be written as CIDRs; write, each in a line",
        ),
        (
            "1.2.3.0/255.255.255.0",
            "1: \"1.2.3.0/255.255.255.0\": a netmask is not a prefix length; write 1.2.3.0/24",
        ),
        ("x", "1: one character that is not an address: is not an IP address"),
    ] {
        let message = &problems(text)[0];
        assert!(message.starts_with(meant), "{message}");
    }
}

#[test]
fn a_file_without_a_range_is_refused() {
    for text in ["", "\n\n", "# only words\n"] {
        assert!(problems(text)[0].starts_with("0: holds no address range"), "{text:?}");
    }
}

/// tests/fixtures/range-line-parsers.json: lines that three parsers read differently, and what this one must
/// do.
#[test]
fn lines_that_parsers_disagree_about_come_out_as_wanted() {
    let text = include_str!("../../../../tests/fixtures/range-line-parsers.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let rows = file["rows"].as_array().unwrap();
    for row in rows {
        let (line, wanted) = (row[0].as_str().unwrap(), row[4].as_str().unwrap());
        let accept = wanted.starts_with("accept") || wanted.starts_with("treat as");
        assert_eq!(parse(line.as_bytes()).is_ok(), accept, "{line}: {wanted}");
    }
    assert_eq!(rows.len(), 15);
    let mapped = parse(b"::ffff:1.2.3.0/120").unwrap();
    assert_eq!(mapped.entries()[0].prefix.to_string(), "1.2.3.0/24");
}

fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u32>(), 8u8..=32).prop_map(|(b, l)| IpNet::new_assert(Ipv4Addr::from(b).into(), l).trunc()),
        (1u128 << 120.., 16u8..=128)
            .prop_map(|(b, l)| IpNet::new_assert(Ipv6Addr::from(b).into(), l).trunc()),
    ]
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn parsing_range_like_text_never_panics(text in "[0-9a-f:./#% \r\n-]{0,80}") {
        let _ = parse(text.as_bytes());
    }

    /// A message never repeats a long run of letters that is no address.
    #[test]
    fn no_run_of_letters_of_a_bad_line_is_repeated(secret in "[g-zG-Z+=]{7,70}", before in "[0-9a-f.:/]{0,8}", after in "[0-9a-f.:/]{0,8}") {
        for problem in parse(format!("{before}{secret}{after}").as_bytes()).unwrap_err() {
            prop_assert!(!problem.message.contains(&secret), "{}", problem.message);
        }
    }

    #[test]
    fn a_rendered_list_parses_to_itself(prefixes in prop::collection::vec(prefix(), 1..50)) {
        let text = prefixes.iter().map(|p| format!("{p}\n")).collect::<String>();
        let list = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(parse(list.render().as_bytes()).unwrap(), list);
    }
}
