//! When the prefixes of the lists last admitted a request, as all views of it show them.
//!
//! Only lists that some route allows are here: the others admit nobody. Invariant: at most [`MOST`] prefixes are shown,
//! those of the latest hits first, and the others are counted.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use ipnet::IpNet;

use crate::state::snapshot::{List, Snapshot};

/// The number of prefixes that are shown, of all lists together.
pub(crate) const MOST: usize = 1000;

/// The prefixes of one list.
#[derive(Debug)]
pub(crate) struct OfList<'a> {
    /// The list.
    pub list: &'a List,
    /// The prefixes in the order of the file, with the time of the last hit in Unix seconds; each once.
    pub shown: Vec<(IpNet, Option<u64>)>,
    /// The number of prefixes that are not shown.
    pub cut: usize,
}

impl OfList<'_> {
    /// The shown prefixes that never admitted a request.
    pub(crate) fn never_hit(&self) -> impl Iterator<Item = &IpNet> {
        self.shown.iter().filter(|(_, at)| at.is_none()).map(|(prefix, _)| prefix)
    }

    /// How many these are.
    #[must_use]
    pub(crate) fn never(&self) -> usize {
        self.never_hit().count()
    }

    /// When the list last admitted a request.
    #[must_use]
    pub(crate) fn last(&self) -> Option<u64> {
        self.shown.iter().filter_map(|(_, at)| *at).max()
    }
}

/// The last hits of every list that some route allows, in the order of their names.
#[must_use]
pub(crate) fn of(snapshot: &Snapshot) -> Vec<OfList<'_>> {
    within(snapshot, MOST)
}

fn within(snapshot: &Snapshot, most: usize) -> Vec<OfList<'_>> {
    let lists: Vec<&List> = snapshot.admitting.iter().map(AsRef::as_ref).collect();
    let mut latest: BinaryHeap<Reverse<(u64, usize, usize)>> = BinaryHeap::new();
    for (place, list) in lists.iter().enumerate() {
        for entry in 0..list.ranges.entries().len() {
            let Some(at) = list.last_hits.at(entry) else { continue };
            latest.push(Reverse((at, place, entry)));
            if latest.len() > most {
                latest.pop();
            }
        }
    }
    let hit: HashSet<(usize, usize)> =
        latest.into_iter().map(|Reverse((_, place, entry))| (place, entry)).collect();
    let mut room = most - hit.len();
    let of_list = |(place, list): (usize, &&'_ List)| {
        let list: &List = list;
        let mut known = HashSet::new();
        let mut shown = Vec::new();
        let mut cut = 0;
        for (entry, prefix) in list.ranges.prefixes().enumerate() {
            let is_hit = hit.contains(&(place, entry));
            if known.contains(&prefix) {
                continue;
            }
            if !is_hit && room == 0 {
                cut += 1;
                continue;
            }
            room -= usize::from(!is_hit);
            known.insert(prefix);
            shown.push((prefix, list.last_hits.at(entry)));
        }
        (place, shown, cut)
    };
    let shown: Vec<_> = lists.iter().enumerate().map(of_list).collect();
    shown.into_iter().map(|(place, shown, cut)| OfList { list: lists[place], shown, cut }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};

    fn shown(of: &OfList<'_>) -> Vec<(String, Option<u64>)> {
        of.shown.iter().map(|(prefix, at)| (prefix.to_string(), *at)).collect()
    }

    #[test]
    fn the_latest_hits_are_shown_and_the_others_are_counted() {
        let mut stage = Stage::new(CONFIG);
        let snapshot = stage.snapshot();
        snapshot.lists["sms"].last_hits.note(2, 20);
        snapshot.lists["sms"].last_hits.note(1, 10);
        snapshot.lists["voice"].last_hits.note(0, 15);
        let one = |prefix: &str, at| (prefix.to_owned(), at);
        let all = of(&snapshot);
        // `edge` is a list of proxies: it admits nobody.
        let [sms, voice] = all.as_slice() else { panic!("{all:?}") };
        let wanted =
            [one("198.51.100.0/24", None), one("198.51.100.7/32", Some(10)), one("2001:db8::/120", Some(20))];
        assert_eq!((shown(sms), sms.cut, sms.never(), sms.last()), (wanted.to_vec(), 0, 1, Some(20)));
        assert_eq!(shown(voice), [one("192.0.2.0/28", Some(15)), one("192.0.2.64/28", None)]);
        let few = within(&snapshot, 2);
        assert_eq!((shown(&few[0]), few[0].cut), (vec![one("2001:db8::/120", Some(20))], 2));
        assert_eq!((shown(&few[1]), few[1].cut), (vec![one("192.0.2.0/28", Some(15))], 1));
        let most = within(&snapshot, 4);
        assert_eq!((most[0].cut, most[1].cut), (0, 1), "room for one that was never hit");
    }

    #[test]
    fn a_reload_keeps_the_times_of_the_prefixes_that_stay() {
        let mut stage = Stage::new(CONFIG);
        let first = stage.snapshot();
        first.lists["voice"].last_hits.note(1, 77);
        first.lists["sms"].last_hits.note(0, 78);
        let path = stage.folder.path().join("ranges/voice.txt");
        std::fs::write(path, "203.0.113.0/24\n192.0.2.64/28\n").unwrap();
        let look = stage.loader.look();
        let kept = crate::load::last_good::LastGood::default();
        let second = stage.loader.load(&look, Some(&first), &kept).snapshot.unwrap();
        let all = of(&second);
        let one = |prefix: &str, at| (prefix.to_owned(), at);
        assert_eq!(shown(&all[1]), [one("203.0.113.0/24", None), one("192.0.2.64/28", Some(77))]);
        assert_eq!(all[0].last(), Some(78), "a list that did not change");
    }
}
