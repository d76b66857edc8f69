//! When each prefix of a list last admitted a request that ended.
//!
//! Only atomics, one for each line of the list. It belongs to the content of a list, not to a snapshot; a new version of
//! the list takes over the times of the prefixes that stay. It begins again with the process. Invariant: a request
//! writes at most one of them, and only when its second is later than the one that is there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ipnet::IpNet;

/// The times for the entries of a list, in Unix seconds, which fit in 32 bits until 2106; 0 for never.
#[derive(Debug)]
pub struct LastHits(Box<[AtomicU32]>);

impl LastHits {
    /// For a list with so many entries, none of which was hit.
    #[must_use]
    pub(crate) fn none(entries: usize) -> Self {
        Self((0..entries).map(|_| AtomicU32::new(0)).collect())
    }

    /// For a new version of a list: `before` are the old prefixes with their times, `now` the new ones in order. Of
    /// equal prefixes the first one has the time, because look-ups return that one.
    #[must_use]
    pub(crate) fn after(
        before: (&Self, impl Iterator<Item = IpNet>),
        now: impl ExactSizeIterator<Item = IpNet>,
    ) -> Self {
        let (times, old) = before;
        let hit = |(entry, prefix)| Some((prefix, times.seconds(entry))).filter(|(_, at)| *at > 0);
        let mut hits: HashMap<IpNet, u32> = old.enumerate().filter_map(hit).collect();
        if hits.is_empty() {
            return Self::none(now.len());
        }
        Self(now.map(|prefix| AtomicU32::new(hits.remove(&prefix).unwrap_or(0))).collect())
    }

    /// Notes that an entry admitted a request. A clock that was set back changes nothing.
    pub(crate) fn note(&self, entry: usize, now: u64) {
        let Some(cell) = self.0.get(entry) else { return };
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        // Most requests find their own second there, and the cache line stays with every core.
        if cell.load(Relaxed) < now {
            cell.store(now, Relaxed);
        }
    }

    /// When an entry last admitted a request.
    #[must_use]
    pub(crate) fn at(&self, entry: usize) -> Option<u64> {
        Some(self.seconds(entry).into()).filter(|at| *at > 0)
    }

    fn seconds(&self, entry: usize) -> u32 {
        self.0.get(entry).map_or(0, |cell| cell.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn times(hits: &LastHits) -> Vec<Option<u64>> {
        (0..hits.0.len()).map(|entry| hits.at(entry)).collect()
    }

    #[test]
    fn the_last_hit_is_the_latest_and_never_goes_back() {
        let hits = LastHits::none(2);
        assert_eq!(times(&hits), [None, None]);
        for now in [100, 101, 99] {
            hits.note(1, now);
        }
        // No such entry: nothing happens.
        hits.note(2, 500);
        assert_eq!(times(&hits), [None, Some(101)]);
    }

    #[test]
    fn prefixes_that_stay_keep_their_time_wherever_they_stand() {
        let old = prefixes(&["192.0.2.0/28", "198.51.100.7/32", "2001:db8::/120"]);
        let hits = LastHits::none(3);
        hits.note(0, 10);
        hits.note(2, 30);
        let new = prefixes(&["2001:db8::/120", "192.0.2.0/29", "192.0.2.0/28", "192.0.2.0/28"]);
        let after = LastHits::after((&hits, old.iter().copied()), new.iter().copied());
        assert_eq!(times(&after), [Some(30), None, Some(10), None]);
        let nothing = LastHits::after((&LastHits::none(3), old.iter().copied()), new.iter().copied());
        assert_eq!(times(&nothing), [None; 4]);
    }
}
