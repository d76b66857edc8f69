//! The file of the last hits in the state folder: when the prefixes of the lists last admitted a request, for the next process.
//!
//! Invariants: the file has a bounded number of prefixes, those of the latest hits; what it does not have is not taken for a
//! prefix that was never hit, because it says since when it is complete; a file that this program cannot read is told, stops
//! nothing, and is replaced.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::file::read;
use crate::files::whole;
use crate::state::snapshot::Snapshot;

/// Its name in the state folder.
const FILE: &str = "last-hits.json";
/// The largest such file that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;
/// The prefixes that are kept, of all lists together.
const MOST: usize = 10_000;

/// The last hits that were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastHitsFile {
    /// Since when every hit is in it, in Unix seconds.
    pub since: u64,
    /// The prefixes of each list that were hit, with the time of the last hit in Unix seconds.
    pub lists: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
pub(crate) struct Unread(String, String);

impl LastHitsFile {
    /// What the file in a state folder says; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is not what this program writes.
    pub(crate) fn read(state: &Path) -> Result<Option<Self>, Unread> {
        let path = state.join(FILE);
        if !path.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        let unread = |why: String| Unread(path.display().to_string(), why);
        let bytes = read(&path, MOST_BYTES).map_err(|error| unread(error.to_string()))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| unread(error.to_string()))
    }

    /// What the lists of a snapshot have seen. `since` is when they began to count.
    #[must_use]
    pub(crate) fn of(snapshot: &Snapshot, since: u64) -> Self {
        Self::within(snapshot, since, MOST)
    }

    fn within(snapshot: &Snapshot, since: u64, most: usize) -> Self {
        let hits = |name, list: &crate::state::snapshot::List| {
            let at = |(entry, prefix)| Some((list.last_hits.at(entry)?, name, prefix));
            list.ranges.prefixes().enumerate().filter_map(at).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = snapshot.lists.iter().flat_map(|(name, list)| hits(name, list)).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        // What is cut was hit before the oldest that stays, and is told to be not known.
        let since = all.get(most).map_or(since, |cut| since.max(cut.0 + 1));
        let mut lists: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (at, name, prefix) in all.into_iter().take(most) {
            lists.entry(name.clone()).or_default().insert(prefix.to_string(), at);
        }
        Self { since, lists }
    }

    /// Tells the lists of a snapshot what an earlier process saw. Times after `now` are those of a clock that was wrong.
    pub(crate) fn restore(&self, snapshot: &Snapshot, now: u64) {
        for (name, list) in &snapshot.lists {
            let Some(times) = self.lists.get(name) else { continue };
            for (entry, prefix) in list.ranges.prefixes().enumerate() {
                if let Some(at) = times.get(&prefix.to_string()).filter(|at| **at <= now) {
                    list.last_hits.note(entry, *at);
                }
            }
        }
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(&self, state: &Path) -> io::Result<()> {
        // Readable by the owner only: it tells who sends.
        whole::write(state, FILE, &serde_json::to_vec(self)?, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testkit::{Site, first};

    #[test]
    fn what_was_seen_is_seen_by_the_next_process() {
        let site = Site::new();
        site.list("sms", "192.0.2.0/28\n192.0.2.16/28\n192.0.2.32/28\n");
        let snapshot = first(&mut site.loader());
        snapshot.lists["sms"].last_hits.note(0, 100);
        snapshot.lists["sms"].last_hits.note(2, 300);
        let state = tempfile::tempdir().unwrap();
        assert_eq!(LastHitsFile::read(state.path()).unwrap(), None);
        let file = LastHitsFile::of(&snapshot, 50);
        file.write(state.path()).unwrap();
        assert_eq!(LastHitsFile::read(state.path()).unwrap(), Some(file.clone()));
        let next = first(&mut site.loader());
        file.restore(&next, 200);
        let seen = |entry| next.lists["sms"].last_hits.at(entry);
        assert_eq!((seen(0), seen(1), seen(2)), (Some(100), None, None), "300 is in the future");
        let few = LastHitsFile::within(&snapshot, 50, 1);
        assert_eq!((few.since, few.lists["sms"].len(), few.lists["sms"]["192.0.2.32/28"]), (101, 1, 300));
        for garbage in ["", "[1", "{\"since\": \"x\"}"] {
            std::fs::write(state.path().join(FILE), garbage).unwrap();
            assert!(LastHitsFile::read(state.path()).unwrap_err().to_string().contains(FILE), "{garbage}");
        }
    }
}
