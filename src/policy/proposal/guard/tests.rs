use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn days_ago(days: u64) -> Duration {
    NOW.checked_sub(Duration::from_secs(days * 86_400)).unwrap()
}

fn nets(texts: &[&str]) -> BTreeSet<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

struct Case<'a> {
    old: &'a [&'a str],
    new: &'a [&'a str],
    trusted: &'a [&'a str],
    hits: &'a [(&'a str, u64)],
    same_base: bool,
    days: u64,
}

const CASE: Case<'_> = Case { old: &[], new: &[], trusted: &[], hits: &[], same_base: true, days: 0 };

fn told(case: &Case<'_>) -> Vec<String> {
    let hit = |(prefix, days): &(&str, u64)| Hit { prefix: prefix.parse().unwrap(), at: days_ago(*days) };
    let hits: Vec<Hit> = case.hits.iter().map(hit).collect();
    let facts = Facts {
        old: &nets(case.old),
        new: &nets(case.new),
        trusted: &nets(case.trusted),
        hits: &hits,
        is_read: true,
        same_base: case.same_base,
        proposed: days_ago(case.days),
        now: NOW,
    };
    objections(&facts).iter().map(|one| format!("{}: {one}", one.word())).collect()
}

#[test]
fn an_ordinary_change_meets_no_objection() {
    let old = &["216.147.0.0/18", "119.81.44.0/28"];
    for new in [
        &["216.147.0.0/18", "119.81.44.0/28"][..],
        &["216.147.0.0/18", "5.10.112.112/28"],
        &["216.147.0.0/18", "119.81.44.0/28", "168.100.0.0/17"],
        &["216.147.0.0/18", "119.81.44.0/28", "2606:4700::/32"],
        &["216.147.0.0/19", "216.147.32.0/19", "119.81.44.0/28"],
    ] {
        let case = Case { old, new, days: 7, ..CASE };
        assert_eq!(told(&case), [""; 0], "{new:?}");
    }
    assert_eq!(told(&Case { new: old, ..CASE }), [""; 0], "the first list");
}

#[test]
fn a_family_that_was_not_there_begins_small() {
    let case =
        Case { old: &["5.10.112.112/28"], new: &["5.10.112.112/28", "2600::/32", "2601::/32"], ..CASE };
    assert!(told(&case)[0].starts_with("grows: it grows more than 4 times: from 0 to"), "{:?}", told(&case));
}

#[test]
fn each_objection_names_its_numbers() {
    let old = &["216.147.0.0/18", "119.81.44.0/28", "5.10.112.112/28"];
    for (case, wanted) in [
        (
            Case { old, new: &["119.81.44.0/28", "5.10.112.112/28"], ..CASE },
            "shrinks: more than half goes: 16384 of 16416 IPv4 addresses",
        ),
        (Case { old, new: &["216.147.0.0/18"], ..CASE }, "shrinks: more than half goes: 2 of 3 prefixes"),
        (
            Case { old: &["119.81.44.0/28"], new: &["119.81.44.0/28", "216.147.0.0/26"], ..CASE },
            "grows: it grows more than 4 times: from 16 to 80 IPv4 addresses",
        ),
        (
            Case { new: &["216.0.0.0/15", "2600::/31"], ..CASE },
            "wide: new prefixes are shorter than /16 (IPv4) or /32 (IPv6): 216.0.0.0/15, 2600::/31",
        ),
        (
            Case { new: &["10.0.0.0/24", "127.0.0.1/32"], ..CASE },
            "reserved: 2 new prefixes have addresses that no sender on the internet has: 10.0.0.0/24 is private, 127.0.0.1/32 is loopback",
        ),
        (
            Case { new: &["216.147.0.0/18"], trusted: &["216.147.3.0/24"], ..CASE },
            "trusted: new prefixes overlap with trusted_proxies, so whoever sends through that proxy is admitted: 216.147.0.0/18",
        ),
        (
            Case { old, new: &old[..2], hits: &[("5.10.112.112/28", 30), ("216.147.0.0/18", 1)], ..CASE },
            "hit: 1 removed prefixes sent requests lately: 5.10.112.112/28 last on 2026-12-16",
        ),
        (
            Case { old, new: old, days: 8, ..CASE },
            "old: it was proposed 8 days ago, and 7 is the most; propose it again",
        ),
        (
            Case { old, new: old, same_base: false, ..CASE },
            "moved: the list has changed since it was proposed; propose it again",
        ),
    ] {
        assert_eq!(told(&case), [wanted]);
    }
}

#[test]
fn what_is_in_the_list_already_is_no_objection_again() {
    let old = &["10.0.0.0/8", "127.0.0.0/24", "fd00::/16"];
    let new = &["10.0.0.0/8", "127.0.0.0/24", "fd00::/16", "119.81.44.0/28"];
    assert_eq!(told(&Case { old, new, trusted: &["10.0.0.1/32"], ..CASE }), [""; 0]);
    let parts = &["10.0.0.0/9", "10.128.0.0/15", "127.0.0.0/24", "fd00::/17", "fd00:8000::/17"];
    assert_eq!(told(&Case { old, new: parts, trusted: &["10.0.0.1/32"], ..CASE }), [""; 0], "parts of them");
}

#[test]
fn a_hit_counts_for_thirty_days_and_not_where_the_prefix_stays_in_a_wider_one() {
    let old = &["119.81.44.0/28", "5.10.112.112/28"];
    let hits = &[("119.81.44.0/28", 31)];
    assert_eq!(told(&Case { old, new: &old[1..], hits, ..CASE }), [""; 0]);
    let hits = &[("119.81.44.0/28", 1)];
    let new = &["119.81.44.0/27", "5.10.112.112/28"];
    assert_eq!(told(&Case { old, new, hits, ..CASE }), [""; 0]);
    assert_eq!(told(&Case { old, new: &["119.81.44.0/29", "5.10.112.112/28"], hits, ..CASE }).len(), 1);
}

#[test]
fn all_objections_are_told_at_once() {
    let case = Case {
        old: &["119.81.44.0/28", "5.10.112.112/28"],
        new: &["10.0.0.0/8"],
        trusted: &["10.0.0.1/32"],
        hits: &[("119.81.44.0/28", 1)],
        same_base: false,
        days: 9,
    };
    let told = told(&case);
    let words: Vec<&str> = told.iter().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(words, ["shrinks", "shrinks", "grows", "wide", "trusted", "reserved", "hit", "old", "moved"]);
}
