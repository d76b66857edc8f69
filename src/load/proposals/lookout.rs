//! Looks at the proposals that wait, whenever the files are looked at anyway.
//!
//! Nothing here can fail a reload or change what serves. A proposal is read again when its files or its list have changed;
//! how a change shows is written at [`crate::files::folder`]. Invariant: a look reads a bounded number of bounded files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tracing::info;

use crate::files::folder::{COARSE, Stamp};
use crate::load::proposals::places::{Places, StoreError};
use crate::load::proposals::proposal::Proposal;
use crate::policy::address::difference::Difference;
use crate::policy::address::range_list::{RangeList, parse};
use crate::state::proposals::{Change, MOST, Proposals, Unreadable, Waiting};
use crate::state::snapshot::{List, Snapshot};

/// Remembers what was seen.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    seen: BTreeMap<String, Seen>,
}

/// A proposal that was read.
#[derive(Debug)]
struct Seen {
    files: [Option<Stamp>; 2],
    /// What it was compared with.
    list: Option<Arc<List>>,
    /// When these files were first seen, and when they were last read.
    since: Instant,
    read: Instant,
    /// `None` where it would change nothing.
    found: Option<Result<Waiting, Unreadable>>,
}

/// Why there is no range list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoList {
    /// The proposal cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is no range file.
    #[error(transparent)]
    Ranges(#[from] NotRanges),
}

/// A text that is no range file.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct NotRanges {
    /// The first bad line.
    line: u32,
    /// What is wrong with it.
    message: String,
}

/// Reads the text of a range file, for somebody who wants to know the first thing that is wrong.
///
/// # Errors
/// Its first bad line.
pub(crate) fn ranges(text: &[u8]) -> Result<RangeList, NotRanges> {
    parse(text).map_err(|problems| {
        let first = problems.into_iter().next().map(|one| (one.line, one.message));
        let (line, message) = first.unwrap_or_default();
        NotRanges { line, message }
    })
}

impl Lookout {
    /// The proposals as they are now, for the lists of the snapshot.
    pub(crate) fn look(&mut self, snapshot: &Snapshot, now: Instant) -> Proposals {
        let places = Places::new(&snapshot.config.ranges);
        let names = Proposal::lists(&places);
        let mut proposals = Proposals { cut: names.len().saturating_sub(MOST), ..Proposals::default() };
        let mut before = std::mem::take(&mut self.seen);
        for name in names.into_iter().take(MOST) {
            let seen = see(&places, &name, snapshot.lists.get(&name), before.remove(&name), now);
            match &seen.found {
                Some(Ok(waiting)) => proposals.waiting.push(waiting.clone()),
                Some(Err(unreadable)) => proposals.unreadable.push(unreadable.clone()),
                None => {}
            }
            self.seen.insert(name, seen);
        }
        proposals
    }
}

fn see(places: &Places, name: &str, list: Option<&Arc<List>>, before: Option<Seen>, now: Instant) -> Seen {
    let stamp = |end: &str| Stamp::at(Path::new(&places.proposals().join(format!("{name}.{end}"))));
    // Before the read: a change during the read must show.
    let files = [stamp("txt"), stamp("json")];
    let is_same = |one: &Seen| one.list.as_ref().map(Arc::as_ptr) == list.map(Arc::as_ptr);
    let before = before.filter(|one| one.files == files && is_same(one));
    let since = before.as_ref().map_or(now, |one| one.since);
    if let Some(one) = before
        && one.read.saturating_duration_since(one.since) >= COARSE
    {
        return one;
    }
    let found = match read(places, name) {
        Ok(None) => None,
        Ok(Some((proposal, proposed))) => {
            let change = Change::between(list.map(|list| &list.ranges), &proposed);
            change.map(|change| Ok(waiting(proposal, change)))
        }
        Err(error) => Some(Err(Unreadable { list: name.to_owned(), why: error.to_string() })),
    };
    Seen { files, list: list.cloned(), since, read: now, found }
}

fn read(places: &Places, name: &str) -> Result<Option<(Proposal, RangeList)>, NoList> {
    let Some(proposal) = Proposal::read(places, name)? else { return Ok(None) };
    let ranges = ranges(&proposal.text)?;
    Ok(Some((proposal, ranges)))
}

fn waiting(proposal: Proposal, change: Change) -> Waiting {
    let Proposal { list, record, .. } = proposal;
    Waiting { list, at: record.at, by: record.by, source: record.source, change }
}

/// Says in the log that a proposal has come.
pub(crate) fn tell_new(before: &Proposals, now: &Proposals) {
    let is_new = |one: &&Waiting| before.waiting.iter().all(|old| (&old.list, old.at) != (&one.list, one.at));
    for one in now.waiting.iter().filter(is_new) {
        let Difference { added, removed, .. } = one.change.difference;
        info!(list = one.list, added, removed, source = one.source, by = one.by, "a proposal waits");
    }
}
