//! The difference between two versions of a range list.
//!
//! Lists are compared twice: by prefix values, which a person sees in the file, and by the addresses that
//! they cover, which matter to senders. If a prefix is split into its halves, the text changes and no sender
//! is lost.

use ipnet::IpNet;

use crate::policy::address::bits::Bits;
use crate::policy::address::cover::Cover;
use crate::policy::address::range_list::RangeList;

/// The difference between an old and a new list. Prefixes are counted by value: a line that occurs twice is
/// one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Prefixes that only the new list has.
    pub added: usize,
    /// Prefixes that only the old list has.
    pub removed: usize,
    /// Prefixes that the old list has.
    pub old_prefixes: usize,
    /// Prefixes of the old list that the new one does not cover completely.
    pub lost_prefixes: usize,
    /// The IPv4 addresses.
    pub v4: Addresses,
    /// The IPv6 addresses.
    pub v6: Addresses,
}

/// The addresses of one family. The whole of IPv6 counts as one address less, so that it fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Addresses that both lists cover.
    pub kept: u128,
    /// Addresses that only the old list covers.
    pub lost: u128,
    /// Addresses that only the new list covers.
    pub gained: u128,
}

impl Addresses {
    /// Addresses that the old list covers.
    #[must_use]
    pub(crate) fn before(&self) -> u128 {
        self.kept.saturating_add(self.lost)
    }
}

impl Difference {
    /// Whether the lists hold the same prefixes.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        self.added == 0 && self.removed == 0
    }
}

/// Compares two lists. If their files are sorted, as long ones are, the time is linear in their lengths: a
/// list of a million prefixes is compared at each reload.
#[must_use]
pub(crate) fn compare(old: &RangeList, new: &RangeList) -> Difference {
    between(&Prefixes::of(old), &Prefixes::of(new))
}

/// Compares the prefixes of two lists.
#[must_use]
pub(crate) fn between(old: &Prefixes, new: &Prefixes) -> Difference {
    let mut difference = Difference {
        added: 0,
        removed: 0,
        old_prefixes: old.v4.0.len() + old.v6.0.len(),
        lost_prefixes: 0,
        v4: Addresses::default(),
        v6: Addresses::default(),
    };
    difference.v4 = difference.count(&old.v4, &new.v4);
    difference.v6 = difference.count(&old.v6, &new.v6);
    difference
}

impl Difference {
    /// Adds the prefixes of one family to the counts, and returns the counts of its addresses.
    fn count<K: Bits>(&mut self, old: &Row<K>, new: &Row<K>) -> Addresses {
        let common = old.common(new);
        self.added += new.0.len() - common;
        self.removed += old.0.len() - common;
        let cover = new.cover();
        self.lost_prefixes += cover.lost(old.intervals());
        let old = old.cover();
        let (kept, lost) = old.split_by(&cover);
        let (_, gained) = cover.split_by(&old);
        Addresses { kept, lost, gained }
    }
}

/// The prefixes of a list by value, each once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefixes {
    v4: Row<u32>,
    v6: Row<u128>,
}

impl Prefixes {
    /// The prefixes of a list.
    #[must_use]
    pub(crate) fn of(list: &RangeList) -> Self {
        Self::new(list.entries().iter().map(|entry| entry.prefix))
    }

    /// The given prefixes.
    pub(crate) fn new(prefixes: impl Iterator<Item = IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match prefix {
                IpNet::V4(net) => v4.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        Self { v4: Row::new(v4), v6: Row::new(v6) }
    }
}

/// The prefixes of one family as closed intervals, each once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row<K>(Vec<(K, K)>);

impl<K: Bits> Row<K> {
    fn new(mut prefixes: Vec<(K, K)>) -> Self {
        // The stable sort is linear for input that is sorted already.
        prefixes.sort();
        prefixes.dedup();
        prefixes.shrink_to_fit();
        Self(prefixes)
    }

    fn intervals(&self) -> impl Iterator<Item = (u128, u128)> {
        self.0.iter().map(|&(first, last)| (first.into(), last.into()))
    }

    /// The addresses that the prefixes cover.
    fn cover(&self) -> Cover {
        Cover::of(self.intervals())
    }

    /// The number of prefixes that both have.
    fn common(&self, other: &Self) -> usize {
        let mut others = other.0.iter().peekable();
        let is_there = |prefix: &&(K, K)| {
            while others.next_if(|other| other < prefix).is_some() {}
            others.next_if_eq(prefix).is_some()
        };
        self.0.iter().filter(is_there).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::policy::address::range_list::parse;

    fn list(prefixes: &[&str]) -> RangeList {
        parse(prefixes.join("\n").as_bytes()).unwrap()
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
        assert_eq!(difference.v4, Addresses { kept: 256, lost: 0, gained: 0 });
        assert_eq!(difference.v6, Addresses { kept: 1 << 96, lost: 0, gained: 0 });
    }

    #[test]
    fn the_whole_address_space_is_counted() {
        let all: Vec<String> =
            (0..=0xffff_u32).map(|high| format!("{high:x}::/16")).filter(|t| *t != "0::/16").collect();
        let all: Vec<&str> = std::iter::once("::/16").chain(all.iter().map(String::as_str)).collect();
        let rest = u128::MAX - (1 << 96) + 1;
        let (all, one) = (list(&all), list(&["2001:db8::/32"]));
        assert_eq!(compare(&all, &one).v6, Addresses { kept: 1 << 96, lost: rest, gained: 0 });
        assert_eq!(compare(&one, &all).v6, Addresses { kept: 1 << 96, lost: 0, gained: rest });
        assert_eq!(compare(&all, &all).v6, Addresses { kept: u128::MAX, lost: 0, gained: 0 });
        let v4 = list(&["10.0.0.0/8"]);
        assert_eq!(compare(&all, &v4).v6, Addresses { kept: 0, lost: u128::MAX, gained: 0 });
        assert_eq!(compare(&v4, &all).v6, Addresses { kept: 0, lost: 0, gained: u128::MAX });
    }

    /// Prefixes inside the last 16 addresses of a family: few enough to count every address, and at the top,
    /// where arithmetic overflows.
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

    fn distinct(prefixes: &[IpNet]) -> Vec<IpNet> {
        prefixes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn every_address(prefixes: &[IpNet]) -> HashSet<IpAddr> {
        prefixes
            .iter()
            .flat_map(|prefix| {
                let bits = |ip: IpAddr| match ip {
                    IpAddr::V4(ip) => u128::from(u32::from(ip)),
                    IpAddr::V6(ip) => u128::from(ip),
                };
                let v4 = prefix.addr().is_ipv4();
                (bits(prefix.network())..=bits(prefix.broadcast())).map(move |bits| {
                    if v4 {
                        IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).unwrap()))
                    } else {
                        IpAddr::V6(Ipv6Addr::from(bits))
                    }
                })
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_difference_equals_counting_every_address(
            old in prop::collection::vec(small(), 1..12),
            new in prop::collection::vec(small(), 0..12),
        ) {
            let prefixes = |list: &[IpNet]| Prefixes::new(list.iter().copied());
            let seen = between(&prefixes(&old), &prefixes(&new));
            let (old, new) = (distinct(&old), distinct(&new));
            let (had, has) = (every_address(&old), every_address(&new));
            let count = |of: &HashSet<IpAddr>, v4: bool, other: &HashSet<IpAddr>, both: bool| {
                of.iter().filter(|ip| ip.is_ipv4() == v4 && other.contains(ip) == both).count() as u128
            };
            let addresses = |v4| Addresses {
                kept: count(&had, v4, &has, true),
                lost: count(&had, v4, &has, false),
                gained: count(&has, v4, &had, false),
            };
            let lost = old.iter().filter(|p| !every_address(&[**p]).is_subset(&has)).count();
            prop_assert_eq!(seen.added, new.iter().filter(|p| !old.contains(p)).count());
            prop_assert_eq!(seen.removed, old.iter().filter(|p| !new.contains(p)).count());
            prop_assert_eq!(seen.lost_prefixes, lost);
            prop_assert_eq!(seen.v4, addresses(true));
            prop_assert_eq!(seen.v6, addresses(false));
        }
    }
}
