//! One order in every format, as it was read by a person once; and what holds for all formats.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::*;
use crate::policy::export::header::Header;
use crate::policy::export::name::Name;
use crate::policy::export::order::Order;
use crate::policy::export::ranges::{Family, Ranges};

const GOLDEN: &str = include_str!("../../../../tests/fixtures/exports.txt");
/// Nested, adjacent, and both families.
const RANGES: &str = "192.0.2.0/25 192.0.2.128/25 192.0.2.7/32 198.51.100.4/30 203.0.113.9/32 2001:db8::/33 2001:db8:8000::/33";

fn nets(text: &str) -> Vec<IpNet> {
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

fn order(format: &Format, ranges: &str) -> Order {
    let whole = Ranges::of(nets(ranges));
    let (ranges, families) = if format.both_families {
        (whole, Family::ALL.to_vec())
    } else {
        (whole.only(Family::V4), vec![Family::V4])
    };
    let count = |family| ranges.prefixes(family, crate::policy::export::ranges::Widest::HALF).len();
    let header = Header {
        lists: vec!["sms".to_owned()],
        digest: ranges.digest(),
        counts: (count(Family::V4), count(Family::V6)),
        time: "2026-11-27T12:00:00.000Z".to_owned(),
        command: format!("nexmo-gate ranges export {} sms", format.name),
    };
    let port = (format.takes == Takes::Port).then_some(443);
    let have = if format.takes == Takes::Have { nets("192.0.2.0/24 10.0.0.0/8") } else { Vec::new() };
    Order { name: Name::chosen("sms").unwrap(), header, ranges, families, port, have }
}

#[test]
fn each_format_writes_what_a_person_has_read() {
    let written: String = FORMATS
        .iter()
        .map(|format| format!("=== {}\n{}", format.name, (format.render)(&order(format, RANGES))))
        .collect();
    assert!(GOLDEN == written, "tests/fixtures/exports.txt has something else than:\n{written}");
    assert_eq!(FORMATS.len(), 20);
}

#[test]
fn each_format_has_a_name_of_its_own_and_commands_that_use_it() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names.len(), FORMATS.len());
    for format in FORMATS {
        let begin = format!("nexmo-gate ranges export {} sms", format.name);
        assert!(format.load.starts_with(&begin), "{}", format.load);
        assert!(format.verify.contains(&begin) && format.verify.contains(" --check "), "{}", format.verify);
    }
}

#[test]
fn the_page_has_the_same_formats_with_the_same_commands() {
    let page = include_str!("../../../../docs/firewall.md");
    let mut sections = page.split("\n### ").skip(1);
    for format in FORMATS {
        let section = sections.next().unwrap_or_default();
        let commands = format!("\n```sh\n{}\n{}\n```\n", format.load, format.verify);
        assert!(section.starts_with(&format!("{}\n", format.name)), "{}: {section}", format.name);
        assert!(section.contains(&commands), "docs/firewall.md has something else than:{commands}");
    }
    assert_eq!(sections.next(), None);
}

#[test]
fn every_text_says_where_it_comes_from() {
    for format in FORMATS {
        let order = order(format, RANGES);
        let text = (format.render)(&order);
        let digest = &order.header.digest;
        let shown = if format.name == "cloudflare" { &digest[..12] } else { digest.as_str() };
        for word in ["sms", shown, "2026-11-27T12:00:00.000Z"] {
            assert!(text.contains(word), "{}: {word}: {text}", format.name);
        }
    }
}

#[test]
fn a_large_list_is_split_where_a_target_takes_no_more_at_once() {
    let many: String = (0..250).map(|n| format!("10.{n}.0.0/17 ")).collect();
    let of = |name: &str| {
        let format = FORMATS.iter().find(|format| format.name == name).unwrap();
        (format.render)(&order(format, &many))
    };
    let aws = of("aws");
    let calls: Vec<&str> = aws.split("\nmodify '").skip(1).collect();
    let entries = |call: &&str| call.matches("\"Cidr\"").count();
    assert_eq!(calls.iter().map(entries).collect::<Vec<_>>(), [100, 100, 50, 2]);
    assert!(calls[3].starts_with("{\"RemoveEntries\""), "what is new comes first: {}", calls[3]);
    assert_eq!(of("nft").matches("add element").count(), 3);
    assert_eq!(of("cloudflare").matches("\"ip\"").count(), 250);
}

#[test]
fn a_prefix_that_is_too_wide_for_a_target_is_split() {
    let of = |name: &str, ranges| {
        let format = FORMATS.iter().find(|format| format.name == name).unwrap();
        (format.render)(&order(format, ranges))
    };
    assert_eq!(of("cloudflare", "10.0.0.0/7 2000::/11").matches("\"ip\"").count(), 4);
    let everything = of("ipset", "0.0.0.0/0 ::/0");
    assert!(!everything.contains("/0\n"), "{everything}");
    assert!(everything.contains("add sms_v4-new 128.0.0.0/1\n"), "{everything}");
}
