//! What differs between two lists, prefix by prefix, for a person who reviews it.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::policy::address::difference::{Difference, Prefixes, between};
use crate::policy::address::range_list::RangeList;

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Prefixes that only the new list has.
    pub added: Vec<IpNet>,
    /// Prefixes that only the old list has.
    pub removed: Vec<IpNet>,
    /// Removed prefixes that are inside an added one: the old and the new.
    pub widened: Vec<(IpNet, IpNet)>,
    /// Added prefixes that are inside a removed one: the old and the new.
    pub narrowed: Vec<(IpNet, IpNet)>,
    /// The numbers.
    pub difference: Difference,
}

/// A list as a set of prefixes.
#[must_use]
pub(crate) fn set(list: Option<&RangeList>) -> BTreeSet<IpNet> {
    list.map_or(&[][..], RangeList::entries).iter().map(|entry| entry.prefix).collect()
}

/// Compares two lists.
#[must_use]
pub(crate) fn moves(old: &BTreeSet<IpNet>, new: &BTreeSet<IpNet>) -> Moves {
    let added: BTreeSet<IpNet> = new.difference(old).copied().collect();
    let removed: BTreeSet<IpNet> = old.difference(new).copied().collect();
    let widened = removed.iter().filter_map(|old| Some((*old, around(old, &added)?))).collect();
    let narrowed = added.iter().filter_map(|new| Some((around(new, &removed)?, *new))).collect();
    let prefixes = |set: &BTreeSet<IpNet>| Prefixes::new(set.iter().copied());
    Moves {
        difference: between(&prefixes(old), &prefixes(new)),
        added: added.into_iter().collect(),
        removed: removed.into_iter().collect(),
        widened,
        narrowed,
    }
}

/// The longest prefix of the set that has the whole of this one and more.
#[must_use]
pub(super) fn around(prefix: &IpNet, set: &BTreeSet<IpNet>) -> Option<IpNet> {
    std::iter::successors(prefix.supernet(), IpNet::supernet).find(|outer| set.contains(outer))
}

/// Whether a prefix of the set has an address of this one.
#[must_use]
pub(crate) fn overlaps(prefix: &IpNet, set: &BTreeSet<IpNet>) -> bool {
    // The first one that is not before it is inside it, or none is.
    let inside = set.range(*prefix..).next().is_some_and(|next| prefix.contains(next));
    inside || around(prefix, set).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(texts: &[&str]) -> BTreeSet<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_was_added_removed_widened_and_narrowed_is_told() {
        let old = nets(&["192.0.2.0/28", "198.51.100.0/24", "203.0.113.7/32", "2001:db8::/32"]);
        let new = nets(&["192.0.2.0/24", "198.51.100.0/25", "203.0.113.7/32", "2001:db8:1::/48"]);
        let moves = moves(&old, &new);
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        assert_eq!(moves.added, [net("192.0.2.0/24"), net("198.51.100.0/25"), net("2001:db8:1::/48")]);
        assert_eq!(moves.removed, [net("192.0.2.0/28"), net("198.51.100.0/24"), net("2001:db8::/32")]);
        assert_eq!(moves.widened, [(net("192.0.2.0/28"), net("192.0.2.0/24"))]);
        let wanted = [
            (net("198.51.100.0/24"), net("198.51.100.0/25")),
            (net("2001:db8::/32"), net("2001:db8:1::/48")),
        ];
        assert_eq!(moves.narrowed, wanted);
        assert_eq!((moves.difference.v4.gained, moves.difference.v4.lost), (240, 128));
    }

    fn small() -> impl Strategy<Value = IpNet> {
        (0u8..32, 27u8..=32)
            .prop_map(|(low, length)| IpNet::new_assert([192, 0, 2, low].into(), length).trunc())
    }

    proptest! {
        #[test]
        fn overlaps_are_those_of_a_loop(set in prop::collection::btree_set(small(), 0..6), prefix in small()) {
            let wanted = set.iter().any(|one| one.contains(&prefix) || prefix.contains(one));
            prop_assert_eq!(overlaps(&prefix, &set), wanted);
        }
    }
}
