use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::prelude::*;

use crate::policy::hold::*;

fn list(prefixes: &[&str]) -> Prefixes {
    Prefixes::new(prefixes.iter().map(|text| text.parse::<IpNet>().unwrap()))
}

fn verdict_of(old: &[&str], new: &[&str]) -> String {
    judge(&list(old), None, &list(new)).map_or(String::new(), |verdict| verdict.to_string())
}

/// The shipped lists: five /28 and two /18.
const SHIPPED: [&str; 7] = [
    "119.81.44.0/28",
    "169.60.146.16/28",
    "169.63.86.160/28",
    "5.10.112.112/28",
    "169.50.200.64/28",
    "216.147.0.0/18",
    "168.100.64.0/18",
];

fn with(old: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    old.iter().chain(more).copied().collect()
}

#[test]
fn exactly_half_is_not_more_than_half() {
    assert_eq!(verdict_of(&["192.0.2.1/32", "192.0.2.3/32"], &["192.0.2.1/32"]), "");
    let three = ["192.0.2.1/32", "192.0.2.3/32", "192.0.2.5/32"];
    assert_eq!(verdict_of(&three, &["192.0.2.1/32"]), "would lose 2 of 3 prefixes");
    let (old, new) =
        (["10.0.0.0/24", "192.0.2.1/32", "192.0.2.3/32"], ["10.0.0.0/25", "192.0.2.1/32", "192.0.2.3/32"]);
    assert_eq!(verdict_of(&old, &new), "");
}

#[test]
fn one_large_prefix_outweighs_many_small_ones_of_its_family() {
    let old = ["10.0.0.0/16", "192.0.2.1/32", "192.0.2.3/32"];
    assert_eq!(
        verdict_of(&old, &["192.0.2.1/32", "192.0.2.3/32"]),
        "would lose 65536 of 65538 IPv4 addresses"
    );
    assert_eq!(verdict_of(&["10.0.0.0/16", "192.0.2.1/32"], &["10.0.0.0/16"]), "");
}

#[test]
fn an_ipv6_prefix_does_not_hide_that_ipv4_is_gone() {
    let (old, new) = (["10.0.0.0/8", "2001:db8::/32", "2001:db9::/32"], ["2001:db8::/32", "2001:db9::/32"]);
    assert_eq!(verdict_of(&old, &new), "would lose 16777216 of 16777216 IPv4 addresses");
}

#[test]
fn ordinary_additions_to_any_list_are_not_held() {
    for old in [&SHIPPED[..1], &SHIPPED[..5], &SHIPPED[..]] {
        for more in [
            &["198.51.100.0/28"][..],
            &["198.51.100.0/28", "198.51.100.32/28", "198.51.100.64/28", "203.0.113.0/24", "192.0.2.7/32"],
            &["10.0.0.0/18"],
            &["10.0.0.0/16"],
            &["10.0.0.0/15"],
            &["2001:db8::/32"],
            &["2001:db8::/48", "2001:db9::/29"],
        ] {
            assert_eq!(verdict_of(old, &with(old, more)), "", "{more:?}");
        }
    }
    // A list that is as large already may double.
    assert_eq!(verdict_of(&["10.0.0.0/9"], &["10.0.0.0/9", "12.0.0.0/9"]), "");
}

#[test]
fn a_prefix_far_larger_than_its_list_is_held() {
    for old in [&SHIPPED[..1], &SHIPPED[..5], &SHIPPED[..]] {
        for more in [
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.0.0.0/12",
            "10.0.0.0/14",
            "2001::/16",
            "2001:c00::/22",
            "2001:db0::/27",
        ] {
            let text = verdict_of(old, &with(old, &[more]));
            assert!(text.starts_with("would grow from "), "{more}: {text}");
        }
    }
    assert_eq!(
        verdict_of(&["192.0.2.0/28"], &["192.0.2.0/28", "10.0.0.0/8"]),
        "would grow from 16 to 16777232 IPv4 addresses"
    );
    // Instead of the prefix that was meant, and beside an IPv6 prefix that outweighs all of IPv4.
    assert_eq!(
        verdict_of(&["10.0.0.0/28", "2001:db8::/32"], &["10.0.0.0/8", "2001:db8::/32"]),
        "would grow from 16 to 16777216 IPv4 addresses"
    );
    let new = ["2001:db8::/32", "3000::/16"];
    assert_eq!(verdict_of(&new[..1], &new), "would grow from about 2^96 to about 2^112 IPv6 addresses");
}

#[test]
fn what_nobody_has_approved_yet_may_be_taken_back() {
    let (approved, grown) = (list(&["192.0.2.0/28"]), list(&["192.0.2.0/28", "10.0.0.0/15", "12.0.0.0/20"]));
    assert!(judge(&grown, None, &approved).is_some());
    assert_eq!(judge(&grown, Some(&approved), &approved), None);
    assert_eq!(judge(&grown, Some(&approved), &list(&["192.0.2.0/28", "14.0.0.0/15"])), None);
    // For a config only an approved version may come back: a key that was added counts as present.
    let text = ["deny: hide\n", "deny: hide\nmode: observe\n", "mode: observe\n", "deny: drop\n"];
    let [approved, grown] = [outline(text[0], &["deny"], 0), outline(text[1], &["deny", "mode"], 0)];
    assert_eq!(judge(&grown, Some(&approved), &approved), None);
    assert!(judge(&grown, Some(&approved), &outline(text[2], &["mode"], 0)).is_some());
    assert!(judge(&grown, Some(&approved), &outline(text[3], &["deny"], 0)).is_some());
}

#[test]
fn many_small_steps_are_as_good_as_a_large_one() {
    let all: Vec<String> = (0..100).map(|n| format!("192.0.{n}.1/32")).collect();
    let first = |n: usize| list(&all[..n].iter().map(String::as_str).collect::<Vec<_>>());
    let approved = first(100);
    assert_eq!(judge(&first(60), Some(&approved), &first(50)), None);
    let verdict = judge(&first(50), Some(&approved), &first(45)).unwrap();
    assert_eq!(verdict.to_string(), "would lose 55 of 100 prefixes in several steps");
    let blocks: Vec<String> = (0..3).map(|n| format!("10.{n}.0.0/16")).collect();
    let first = |n: usize| {
        list(
            &with(&["192.0.2.0/28"], &[])
                .into_iter()
                .chain(blocks[..n].iter().map(String::as_str))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(judge(&first(1), Some(&first(0)), &first(2)), None);
    let verdict = judge(&first(2), Some(&first(0)), &first(3)).unwrap();
    assert_eq!(verdict.to_string(), "would grow from 16 to 196624 IPv4 addresses in several steps");
}

fn outline(text: &str, keys: &[&str], routes: usize) -> Outline {
    Outline { text: text.to_owned(), keys: keys.iter().map(|key| (*key).to_owned()).collect(), routes }
}

#[test]
fn a_config_that_lost_a_key_most_routes_or_its_end_is_told_as_such() {
    let old = outline("deny: hide\nlimits: {}\nroutes: []\n", &["deny", "limits", "routes"], 11);
    for (new, wanted) in [
        (outline("deny: drop\nlimits: {}\nroutes: []\n", &["deny", "limits", "routes"], 11), ""),
        (
            outline(
                "deny: hide\nlimits: {}\nroutes: []\nmode: x\n",
                &["deny", "limits", "mode", "routes"],
                11,
            ),
            "",
        ),
        (outline("deny: drop\nlimits: {}\nroutes: []\n", &["deny", "limits", "routes"], 6), ""),
        (outline("#\n", &["deny", "limits", "routes"], 5), "would lose 6 of 11 routes"),
        (outline("#\n", &["limits"], 11), "would lose deny, routes"),
        (
            outline("deny: hide\nlimits: {}\n", &["deny", "limits"], 0),
            "would lose routes, and ends after the first 2 lines of the configuration that is loaded",
        ),
        (
            outline("deny: drop\nrou", &["deny", "limits", "routes"], 11),
            "ends without a newline, so it may be cut off",
        ),
    ] {
        let text = judge(&old, None, &new).map_or(String::new(), |verdict| verdict.to_string());
        assert_eq!(text, wanted);
    }
    let same = judge(&old, None, &outline("deny: hide", &["deny", "limits", "routes"], 11)).unwrap();
    assert_eq!(same.of_same_meaning(), None);
    let open = outline("deny: hide", &["deny"], 0);
    assert_eq!(judge(&open, None, &outline("deny: drop", &["deny"], 0)), None, "it never had one");
}

/// Prefixes inside the last 16 addresses of a family: few enough to count every address.
fn small() -> impl Strategy<Value = Vec<IpNet>> {
    let one = (any::<bool>(), 0u32..16, 0u8..=4).prop_map(|(v4, low, length)| {
        let ip: IpAddr = if v4 {
            Ipv4Addr::from(u32::MAX - low).into()
        } else {
            Ipv6Addr::from(u128::MAX - u128::from(low)).into()
        };
        IpNet::new_assert(ip, if v4 { 28 } else { 124 } + length).trunc()
    });
    prop::collection::vec(one, 1..10)
}

/// The addresses of one family, each as its last four bits.
fn addresses<'a>(list: impl IntoIterator<Item = &'a IpNet>, v4: bool) -> BTreeSet<u8> {
    let all = list.into_iter().filter(|net| net.addr().is_ipv4() == v4);
    all.flat_map(|net| {
        let low = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets()[3] & 15,
            IpAddr::V6(ip) => ip.octets()[15] & 15,
        };
        low(net.network())..=low(net.broadcast())
    })
    .collect()
}

/// The same rule by counting every address: whether the list loses too much, and whether it gains too much.
fn oracle(old: &[IpNet], new: &[IpNet], ordinary: usize) -> (bool, bool) {
    let distinct: BTreeSet<IpNet> = old.iter().copied().collect();
    let whole = |net: &&IpNet| {
        let v4 = net.addr().is_ipv4();
        addresses([**net].iter(), v4).is_subset(&addresses(new, v4))
    };
    let mut loses = distinct.iter().filter(whole).count() * 2 < distinct.len();
    let mut gains = false;
    for v4 in [true, false] {
        let (had, has) = (addresses(old, v4), addresses(new, v4));
        loses |= had.intersection(&has).count() * 2 < had.len();
        let gained = has.difference(&had).count();
        gains |= gained > had.len() && gained > ordinary;
    }
    (loses, gains)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_list_is_judged_as_by_counting_every_address(old in small(), new in small(), ordinary in 0usize..16) {
        let prefixes = |list: &[IpNet]| Prefixes::new(list.iter().copied());
        let bounds = Ordinary { v4: ordinary as u128, v6: ordinary as u128 };
        let accidents = weigh(&between(&prefixes(&old), &prefixes(&new)), bounds);
        let loses = accidents.iter().any(|one| matches!(one, Accident::Shrinks { .. }));
        let gains = accidents.iter().any(|one| matches!(one, Accident::Grows { .. }));
        prop_assert_eq!((loses, gains), oracle(&old, &new, ordinary));
    }

    /// In any number of steps, a version that was not held is never an accident compared with the approved
    /// one.
    #[test]
    fn no_way_of_small_steps_leads_to_an_accident(all in prop::collection::vec(small(), 2..12)) {
        let prefixes = |list: &[IpNet]| Prefixes::new(list.iter().copied());
        let approved = prefixes(&all[0]);
        let mut serving = approved.clone();
        for new in &all[1..] {
            let new = prefixes(new);
            if judge(&serving, Some(&approved), &new).is_none() {
                serving = new;
            }
            prop_assert_eq!(serving.accidents(&approved), []);
        }
    }

    /// A file that is cut at any place is held, unless nothing that matters is missing.
    #[test]
    fn a_config_that_is_cut_anywhere_is_held(text in "([a-z]{1,3}: [a-z]{1,3}\n){1,6}", cut in any::<prop::sample::Index>()) {
        let cut = &text[..cut.index(text.len())];
        prop_assert!(judge(&outline(&text, &[], 0), None, &outline(cut, &[], 0)).is_some());
    }

    #[test]
    fn a_config_is_judged_as_by_its_definition(
        old in (prop::sample::subsequence(vec!["a", "b", "routes"], 0..=3), 0usize..7),
        new in (prop::sample::subsequence(vec!["a", "b", "routes"], 0..=3), 0usize..7),
    ) {
        // Routes count only with their key.
        let [old, new] = [old, new].map(|(keys, routes)| {
            let routes = if keys.contains(&"routes") { routes } else { 0 };
            (keys, routes)
        });
        let lost_key = old.0.iter().any(|key| !new.0.contains(key));
        // Pairs each remaining route with one that is gone.
        let held = lost_key || (0..=old.1).any(|stay| stay == new.1 && old.1 - stay > stay);
        prop_assert_eq!(judge(&outline("#\n", &old.0, old.1), None, &outline("#\n", &new.0, new.1)).is_some(), held);
    }
}
