//! The prefixes that a list has lost, and when it lost them.
//!
//! What remembers them and for which routes is in `load`. A time is a [`Duration`] since 1970-01-01. Invariants: a prefix
//! that the list has now is not among them; there are at most [`MOST`]; the time of a prefix is the latest one of all
//! that cover it, so that the longest match answers for all of them.

use std::time::Duration;

use ipnet::IpNet;

use crate::policy::address::addr::Address;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::address::range_list::RangeList;

/// How many prefixes are remembered of one list: about 6 MB. Of more, the latest ones are, and of one removal the widest.
pub(crate) const MOST: usize = 100_000;

/// One prefix, and when it was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The prefix.
    pub prefix: IpNet,
    /// When.
    pub at: Duration,
}

impl Lost {
    fn is_within(&self, grace: Duration, now: Duration) -> bool {
        // A clock that was put back makes the grace longer, never shorter.
        now.saturating_sub(self.at) < grace
    }
}

/// All of a list, ready for look-ups.
#[derive(Clone, Debug)]
pub(crate) struct Removed {
    lost: Vec<Lost>,
    set: PrefixSet,
}

impl Removed {
    /// What is to be remembered after a load: of `earlier` what is still within the grace, and what `old` had, without
    /// what `new` has. `None` when that is nothing.
    #[must_use]
    pub(crate) fn after(
        earlier: Option<&Self>,
        old: Option<&RangeList>,
        new: Option<&RangeList>,
        grace: Duration,
        now: Duration,
    ) -> Option<Self> {
        if grace.is_zero() {
            return None;
        }
        let mut kept = prefixes(new);
        kept.sort_unstable();
        let gone = |prefix: &IpNet| kept.binary_search(prefix).is_err();
        let before = earlier.map_or(&[][..], |earlier| &earlier.lost);
        let before = before.iter().copied().filter(|lost| lost.is_within(grace, now) && gone(&lost.prefix));
        let just = prefixes(old).into_iter().filter(gone).map(|prefix| Lost { prefix, at: now });
        let lost = bounded(just.chain(before).collect(), MOST);
        if lost.is_empty() {
            return None;
        }
        let set = PrefixSet::new(lost.iter().map(|lost| &lost.prefix));
        Some(Self { lost, set })
    }

    /// The prefix that held the client until a load within the grace.
    #[must_use]
    pub(crate) fn find(&self, client: Address, grace: Duration, now: Duration) -> Option<Lost> {
        let lost = *self.lost.get(self.set.find(client)?)?;
        lost.is_within(grace, now).then_some(lost)
    }

    /// The prefixes, in order.
    #[cfg(test)]
    pub(crate) fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// Whether all of it is still within the grace.
    #[must_use]
    pub(crate) fn is_fresh(&self, grace: Duration, now: Duration) -> bool {
        self.lost.iter().all(|lost| lost.is_within(grace, now))
    }
}

fn prefixes(list: Option<&RangeList>) -> Vec<IpNet> {
    list.map_or(&[][..], RangeList::entries).iter().map(|entry| entry.prefix).collect()
}

/// Each prefix once, in order, with the latest time of those that cover it; at most `most` of them.
fn bounded(mut lost: Vec<Lost>, most: usize) -> Vec<Lost> {
    if lost.len() > most {
        lost.sort_by_key(|one| (std::cmp::Reverse(one.at), one.prefix.prefix_len()));
        lost.truncate(most);
    }
    // A prefix comes before those in it, and the latest of equal ones first.
    lost.sort_by_key(|one| (one.prefix, std::cmp::Reverse(one.at)));
    lost.dedup_by_key(|one| one.prefix);
    let mut open: Vec<Lost> = Vec::new();
    for one in &mut lost {
        while open.last().is_some_and(|outer| !outer.prefix.contains(&one.prefix)) {
            open.pop();
        }
        one.at = open.last().map_or(one.at, |outer| one.at.max(outer.at));
        open.push(*one);
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list::parse;
    use proptest::prelude::*;

    const GRACE: Duration = Duration::from_secs(100);

    fn list(text: &str) -> RangeList {
        parse(text.as_bytes()).unwrap()
    }

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn found(removed: Option<&Removed>, client: &str, second: u64) -> Option<(String, u64)> {
        let lost = removed?.find(Address::new(client.parse().unwrap()), GRACE, at(second))?;
        Some((lost.prefix.to_string(), lost.at.as_secs()))
    }

    fn next(earlier: Option<&Removed>, old: &str, new: &str, second: u64) -> Option<Removed> {
        Removed::after(earlier, Some(&list(old)), Some(&list(new)), GRACE, at(second))
    }

    #[test]
    fn a_removed_prefix_is_remembered_for_the_grace_and_not_longer() {
        let removed = next(None, "192.0.2.0/28\n198.51.100.7", "192.0.2.0/28", 1000);
        let wanted = Some(("198.51.100.7/32".to_owned(), 1000));
        assert_eq!(found(removed.as_ref(), "198.51.100.7", 1000), wanted);
        assert_eq!(found(removed.as_ref(), "198.51.100.7", 1099), wanted);
        assert_eq!(found(removed.as_ref(), "198.51.100.7", 1100), None);
        // A clock that was put back.
        assert_eq!(found(removed.as_ref(), "198.51.100.7", 10), wanted);
        assert_eq!(found(removed.as_ref(), "192.0.2.1", 1000), None);
        assert_eq!(found(removed.as_ref(), "198.51.100.8", 1000), None);
    }

    #[test]
    fn what_several_loads_removed_is_remembered_with_its_own_times() {
        let one = next(None, "10.0.0.1\n10.0.0.2\n10.0.0.3", "10.0.0.2\n10.0.0.3", 1000);
        let two = next(one.as_ref(), "10.0.0.2\n10.0.0.3", "10.0.0.3", 1050);
        assert_eq!(found(two.as_ref(), "10.0.0.1", 1060), Some(("10.0.0.1/32".to_owned(), 1000)));
        assert_eq!(found(two.as_ref(), "10.0.0.2", 1060), Some(("10.0.0.2/32".to_owned(), 1050)));
        // The first one's grace is over; the load forgets it.
        let three = next(two.as_ref(), "10.0.0.3", "10.0.0.3\n10.0.0.4", 1120).unwrap();
        assert_eq!(three.lost().len(), 1);
        // One that came back is listed; removed again, it has a new time.
        let back = next(two.as_ref(), "10.0.0.3", "10.0.0.1\n10.0.0.3", 1060);
        assert_eq!(found(back.as_ref(), "10.0.0.1", 1060), None);
        let again = next(back.as_ref(), "10.0.0.1\n10.0.0.3", "10.0.0.3", 1070);
        assert_eq!(found(again.as_ref(), "10.0.0.1", 1165), Some(("10.0.0.1/32".to_owned(), 1070)));
    }

    #[test]
    fn a_list_that_is_gone_or_new_and_a_grace_of_nothing() {
        let old = list("10.0.0.1");
        assert!(Removed::after(None, Some(&old), None, GRACE, at(1)).is_some());
        assert!(Removed::after(None, None, Some(&old), GRACE, at(1)).is_none());
        assert!(Removed::after(None, Some(&old), None, Duration::ZERO, at(1)).is_none());
        assert!(next(None, "10.0.0.1", "10.0.0.1", 1).is_none());
    }

    #[test]
    fn the_latest_and_the_widest_are_kept_of_too_many() {
        let lost = |prefix: &str, second| Lost { prefix: prefix.parse().unwrap(), at: at(second) };
        let all = vec![lost("10.0.0.0/30", 1), lost("10.1.0.0/32", 2), lost("10.2.0.0/31", 2)];
        assert_eq!(bounded(all.clone(), 2), all[1..]);
        assert_eq!(bounded(all.clone(), 1), all[2..]);
    }

    /// A step of the property: the list of a load, by small numbers, and how long it serves.
    fn steps() -> impl Strategy<Value = Vec<(Vec<(u32, u8)>, u64)>> {
        prop::collection::vec((prop::collection::vec((0u32..16, 28u8..=32), 1..6), 1u64..80), 2..7)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Against every list that ever served: an unlisted address is found when a load within the grace took a prefix
        /// that has it, and the time is that of the last such load.
        #[test]
        fn a_look_up_equals_asking_every_earlier_list(steps in steps()) {
            let net = |(low, length): (u32, u8)| {
                IpNet::new_assert(std::net::Ipv4Addr::from(0x0a00_0000 + low).into(), length).trunc()
            };
            let lists: Vec<Vec<IpNet>> = steps.iter().map(|(nets, _)| nets.iter().copied().map(net).collect()).collect();
            let text = |nets: &[IpNet]| nets.iter().map(|net| format!("{net}\n")).collect::<String>();
            let (mut removed, mut now, mut taken) = (None, 1000, Vec::<(IpNet, u64)>::new());
            for (place, (_, wait)) in steps.iter().enumerate().skip(1) {
                now += wait;
                let (old, new) = (&lists[place - 1], &lists[place]);
                removed = next(removed.as_ref(), &text(old), &text(new), now);
                taken.retain(|(net, _)| !new.contains(net));
                taken.extend(old.iter().filter(|net| !new.contains(net)).map(|net| (*net, now)));
                for low in 0u32..16 {
                    let ip = std::net::Ipv4Addr::from(0x0a00_0000 + low);
                    // Nobody asks about an address that is listed.
                    if new.iter().any(|net| net.contains(&std::net::IpAddr::from(ip))) {
                        continue;
                    }
                    let wanted = taken.iter().filter(|(net, _)| net.contains(&std::net::IpAddr::from(ip)));
                    let wanted = wanted.map(|(_, at)| *at).max().filter(|at| now - at < 100);
                    let seen = found(removed.as_ref(), &ip.to_string(), now).map(|(_, at)| at);
                    prop_assert_eq!(seen, wanted, "{} at {} of {:?}", ip, now, lists);
                }
            }
        }
    }
}
