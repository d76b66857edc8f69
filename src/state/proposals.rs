//! The proposals that wait for a person, as they were seen last.
//!
//! No request is judged by them. They are read in `load`. Invariant: whatever lies in the folder of proposals, at most
//! [`MOST`] of them are held, and [`MOST_NAMED`] prefixes of each kind.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::policy::address::difference::{Difference, compare};
use crate::policy::address::range_list::RangeList;

/// The proposals that are looked at.
pub(crate) const MOST: usize = 100;
/// The prefixes that are named of those that would be added, and of those that would be removed.
pub(crate) const MOST_NAMED: usize = 50;
/// Lists with more entries are compared without naming any.
const MOST_COMPARED: usize = 50_000;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposals {
    /// Those that would change something, by list.
    pub waiting: Vec<Waiting>,
    /// Those that cannot be read, by list.
    pub unreadable: Vec<Unreadable>,
    /// How many were not looked at, because there are too many.
    pub cut: usize,
}

/// A proposal that would change something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name of the list.
    pub list: String,
    /// When it was proposed, in Unix seconds.
    pub at: u64,
    /// Who proposed it.
    pub by: String,
    /// Where it is from.
    pub source: String,
    /// What it would change.
    pub change: Change,
}

/// A proposal that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The name of the list.
    pub list: String,
    /// Why.
    pub why: String,
}

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// How much.
    pub(crate) difference: Difference,
    /// The first prefixes that it would add.
    pub(crate) added: Vec<IpNet>,
    /// The first prefixes that it would remove.
    pub(crate) removed: Vec<IpNet>,
}

impl Change {
    /// The kinds of changes, as metrics and status call them: prefixes, and addresses by family.
    pub const KINDS: [&'static str; 6] = ["added", "removed", "gained_v4", "lost_v4", "gained_v6", "lost_v6"];

    /// What differs; `None` where nothing does. A list that is not there has no prefix.
    #[must_use]
    pub fn between(now: Option<&RangeList>, proposed: &RangeList) -> Option<Self> {
        let difference = now.map_or_else(|| all_new(proposed), |now| compare(now, proposed));
        if difference.is_none() {
            return None;
        }
        let is_short = |list: &RangeList| list.entries().len() <= MOST_COMPARED;
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        if is_short(proposed) && now.is_none_or(is_short) {
            let old: BTreeSet<IpNet> = now.into_iter().flat_map(RangeList::prefixes).collect();
            let new: BTreeSet<IpNet> = proposed.prefixes().collect();
            added = new.difference(&old).take(MOST_NAMED).copied().collect();
            removed = old.difference(&new).take(MOST_NAMED).copied().collect();
        }
        Some(Self { difference, added, removed })
    }

    /// The size of each kind.
    #[must_use]
    pub(crate) fn sizes(&self) -> [(&'static str, u128); 6] {
        let Difference { added, removed, v4, v6, .. } = self.difference;
        let sizes = [added as u128, removed as u128, v4.gained, v4.lost, v6.gained, v6.lost];
        std::array::from_fn(|kind| (Self::KINDS[kind], sizes[kind]))
    }
}

/// The difference from a list that is not there.
fn all_new(proposed: &RangeList) -> Difference {
    let mut difference = compare(proposed, proposed);
    difference.added = std::mem::take(&mut difference.old_prefixes);
    for family in [&mut difference.v4, &mut difference.v6] {
        family.gained = std::mem::take(&mut family.kept);
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list::parse;

    fn list(text: &str) -> RangeList {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_change_has_its_numbers_and_names_a_bounded_number_of_prefixes() {
        let now = list("192.0.2.0/28\n198.51.100.0/24\n");
        assert_eq!(Change::between(Some(&now), &list("198.51.100.0/24\n192.0.2.0/28\n")), None);
        let change = Change::between(Some(&now), &list("192.0.2.0/27\n2001:db8::/127\n")).unwrap();
        let sizes = change.sizes().map(|(_, size)| size);
        assert_eq!(sizes, [2, 2, 16, 256, 2, 0]);
        let names = |all: &[IpNet]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&change.added), ["192.0.2.0/27", "2001:db8::/127"]);
        assert_eq!(names(&change.removed), ["192.0.2.0/28", "198.51.100.0/24"]);
        let many: String = (0..200).map(|n| format!("203.0.113.{n}\n")).collect();
        let change = Change::between(None, &list(&many)).unwrap();
        assert_eq!((change.added.len(), change.removed.len()), (MOST_NAMED, 0));
        assert_eq!(change.sizes().map(|(_, size)| size), [200, 0, 200, 0, 0, 0]);
    }
}
