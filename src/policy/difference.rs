//! What changes when one range list takes the place of another.
//!
//! Lists are compared twice: by prefix values, which is what a person sees in the file, and by the
//! addresses that they cover, which is what senders feel. One prefix split into its halves changes
//! the text and loses nobody.

use std::net::IpAddr;

use ipnet::IpNet;

use super::range_list::{RangeList, ends};

/// The difference between an old and a new list. Prefixes are counted by value: twice the same line
/// is one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Prefixes that only the new list has.
    pub added: usize,
    /// Prefixes that only the old list has.
    pub removed: usize,
    /// Prefixes that the old list has.
    pub old_prefixes: usize,
    /// Those of the old list that the new one does not cover to the last address.
    pub lost_prefixes: usize,
    /// What became of the IPv4 addresses that the old list covers.
    pub v4: Addresses,
    /// What became of the IPv6 addresses that the old list covers.
    pub v6: Addresses,
}

/// The old list's addresses of one family. All of IPv6 is counted as one address less, for it to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Those that the new list covers too.
    pub kept: u128,
    /// Those that it does not.
    pub lost: u128,
}

impl Difference {
    /// Whether the lists hold the same prefixes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.added == 0 && self.removed == 0
    }

    /// Whether more than half of the old list is gone: of its prefixes, or of its addresses.
    ///
    /// Addresses are weighed a family at a time, because one IPv6 prefix outweighs all of IPv4 and
    /// would hide that every IPv4 sender is shut out.
    #[must_use]
    pub fn removes_more_than_half(&self) -> bool {
        self.lost_prefixes > self.old_prefixes - self.lost_prefixes
            || self.v4.lost > self.v4.kept
            || self.v6.lost > self.v6.kept
    }
}

/// Compares two lists in `O(n log n)`.
#[must_use]
pub fn compare(old: &RangeList, new: &RangeList) -> Difference {
    between(&values(old), &values(new))
}

/// Whether the new list would shut out more than half of the old one.
#[must_use]
pub fn removes_more_than_half(old: &RangeList, new: &RangeList) -> bool {
    compare(old, new).removes_more_than_half()
}

fn values(list: &RangeList) -> Vec<IpNet> {
    let mut prefixes: Vec<IpNet> = list.entries().iter().map(|e| e.prefix).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// Compares two sorted rows of distinct prefixes.
fn between(old: &[IpNet], new: &[IpNet]) -> Difference {
    let (cover_v4, cover_v6) = (Cover::new(new, true), Cover::new(new, false));
    let lost = |prefix: &&IpNet| {
        let (is_v4, first, last) = span(prefix);
        !if is_v4 { &cover_v4 } else { &cover_v6 }.holds(first, last)
    };
    let only_in = |these: &[IpNet], others: &[IpNet]| {
        these.iter().filter(|prefix| others.binary_search(prefix).is_err()).count()
    };
    Difference {
        added: only_in(new, old),
        removed: only_in(old, new),
        old_prefixes: old.len(),
        lost_prefixes: old.iter().filter(lost).count(),
        v4: Cover::new(old, true).addresses(&cover_v4),
        v6: Cover::new(old, false).addresses(&cover_v6),
    }
}

fn span(prefix: &IpNet) -> (bool, u128, u128) {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let (first, last) = ends(prefix);
    (first.is_ipv4(), bits(first), bits(last))
}

/// What the prefixes of one family cover, as closed intervals in order, neither overlapping nor
/// touching: so a range is covered exactly when one interval holds both of its ends.
struct Cover(Vec<(u128, u128)>);

impl Cover {
    /// The prefixes must be sorted.
    fn new(prefixes: &[IpNet], v4: bool) -> Self {
        let mut row: Vec<(u128, u128)> = Vec::new();
        for (is_v4, first, last) in prefixes.iter().map(span) {
            if is_v4 != v4 {
                continue;
            }
            match row.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => row.push((first, last)),
            }
        }
        Self(row)
    }

    fn holds(&self, first: u128, last: u128) -> bool {
        let after = self.0.partition_point(|interval| interval.0 <= first);
        after.checked_sub(1).is_some_and(|at| last <= self.0[at].1)
    }

    fn addresses(&self, new: &Self) -> Addresses {
        let mut sum = Addresses::default();
        let mut rest = new.0.iter().peekable();
        for &(first, last) in &self.0 {
            // `next` is the first address of the old interval that is not accounted for yet.
            let mut next = Some(first);
            while let Some(at) = next.filter(|at| *at <= last) {
                while rest.next_if(|interval| interval.1 < at).is_some() {}
                let (until, slot) = match rest.peek() {
                    Some((from, to)) if *from <= at => (last.min(*to), &mut sum.kept),
                    Some((from, _)) if *from <= last => (*from - 1, &mut sum.lost),
                    _ => (last, &mut sum.lost),
                };
                // Saturates only at the whole of IPv6, and then the other count is 0: comparing the
                // two stays exact.
                *slot = slot.saturating_add(until - at).saturating_add(1);
                next = until.checked_add(1);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::policy::range_list::parse;

    fn list(prefixes: &[&str]) -> RangeList {
        parse(prefixes.join("\n").as_bytes()).unwrap()
    }

    fn loses(old: &[&str], new: &[&str]) -> bool {
        removes_more_than_half(&list(old), &list(new))
    }

    #[test]
    fn order_comments_and_duplicates_are_no_difference() {
        let old = list(&["192.0.2.0/28", "203.0.113.0/24"]);
        let new = list(&["# moved", "203.0.113.0/24", "192.0.2.0/28", "192.0.2.0/28"]);
        assert!(compare(&old, &new).is_none());
    }

    #[test]
    fn a_prefix_split_into_its_halves_loses_nothing() {
        let difference = compare(
            &list(&["192.0.2.0/24", "2001:db8::/32"]),
            &list(&["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/33", "2001:db8:8000::/33"]),
        );
        assert_eq!((difference.added, difference.removed, difference.lost_prefixes), (4, 2, 0));
        assert_eq!(difference.v4, Addresses { kept: 256, lost: 0 });
        assert_eq!(difference.v6, Addresses { kept: 1 << 96, lost: 0 });
        assert!(!difference.removes_more_than_half());
    }

    #[test]
    fn exactly_half_is_not_more_than_half() {
        assert!(!loses(&["192.0.2.1", "192.0.2.3"], &["192.0.2.1"]));
        assert!(loses(&["192.0.2.1", "192.0.2.3", "192.0.2.5"], &["192.0.2.1"]));
        assert!(!loses(
            &["10.0.0.0/24", "192.0.2.1", "192.0.2.3"],
            &["10.0.0.0/25", "192.0.2.1", "192.0.2.3"]
        ));
    }

    #[test]
    fn one_large_prefix_outweighs_many_small_ones_of_its_family() {
        assert!(loses(&["10.0.0.0/16", "192.0.2.1", "192.0.2.3"], &["192.0.2.1", "192.0.2.3"]));
        assert!(!loses(&["10.0.0.0/16", "192.0.2.1"], &["10.0.0.0/16"]));
    }

    #[test]
    fn an_ipv6_prefix_does_not_hide_that_ipv4_is_gone() {
        assert!(loses(
            &["10.0.0.0/8", "2001:db8::/32", "2001:db9::/32"],
            &["2001:db8::/32", "2001:db9::/32"]
        ));
    }

    #[test]
    fn the_whole_address_space_is_counted() {
        let all: Vec<String> =
            (0..=0xffff_u32).map(|high| format!("{high:x}::/16")).filter(|t| *t != "0::/16").collect();
        let all: Vec<&str> = std::iter::once("::/16").chain(all.iter().map(String::as_str)).collect();
        let lost = compare(&list(&all), &list(&["2001:db8::/32"]));
        assert_eq!(lost.v6, Addresses { kept: 1 << 96, lost: u128::MAX - (1 << 96) + 1 });
        assert_eq!(compare(&list(&all), &list(&all)).v6, Addresses { kept: u128::MAX, lost: 0 });
        assert_eq!(compare(&list(&all), &list(&["10.0.0.0/8"])).v6, Addresses { kept: 0, lost: u128::MAX });
    }

    /// Prefixes inside the last 16 addresses of a family: small enough to count every address, and
    /// at the top, where arithmetic overflows.
    fn small() -> impl Strategy<Value = IpNet> {
        (any::<bool>(), 0u32..16, 0u8..=4).prop_map(|(v4, low, length)| {
            let ip: IpAddr = if v4 {
                Ipv4Addr::from(u32::MAX - low).into()
            } else {
                Ipv6Addr::from(u128::MAX - u128::from(low)).into()
            };
            let bits = if v4 { 28 } else { 124 };
            IpNet::new_assert(ip, bits + length).trunc()
        })
    }

    fn sorted(prefixes: &[IpNet]) -> Vec<IpNet> {
        prefixes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn every_address(prefixes: &[IpNet]) -> HashSet<IpAddr> {
        prefixes
            .iter()
            .flat_map(|prefix| {
                let (is_v4, first, last) = span(prefix);
                (0..=last - first).map(move |step| {
                    if is_v4 {
                        IpAddr::V4(Ipv4Addr::from(u32::try_from(first + step).unwrap()))
                    } else {
                        IpAddr::V6(Ipv6Addr::from(first + step))
                    }
                })
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_equals_counting_every_address(
            old in prop::collection::vec(small(), 1..12),
            new in prop::collection::vec(small(), 0..12),
        ) {
            let (old, new) = (sorted(&old), sorted(&new));
            let seen = between(&old, &new);
            let (had, has) = (every_address(&old), every_address(&new));
            let count = |v4: bool, kept: bool| {
                had.iter().filter(|ip| ip.is_ipv4() == v4 && has.contains(ip) == kept).count() as u128
            };
            let lost = old.iter().filter(|p| !every_address(&[**p]).is_subset(&has)).count();
            prop_assert_eq!(seen.added, new.iter().filter(|p| !old.contains(p)).count());
            prop_assert_eq!(seen.removed, old.iter().filter(|p| !new.contains(p)).count());
            prop_assert_eq!(seen.lost_prefixes, lost);
            prop_assert_eq!(seen.v4, Addresses { kept: count(true, true), lost: count(true, false) });
            prop_assert_eq!(seen.v6, Addresses { kept: count(false, true), lost: count(false, false) });
            let more = lost * 2 > old.len()
                || count(true, false) > count(true, true)
                || count(false, false) > count(false, true);
            prop_assert_eq!(seen.removes_more_than_half(), more);
        }
    }
}
