//! What is in use before a load, and who asked for the load.
//!
//! The decisions about new files are in [`super::lists`]. Invariant: a last good list is the one that serves or, at the
//! start, the one that an earlier run kept; nothing else is ever used in place of a file.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::load::last_good::LastGood;
use crate::state::snapshot::{List, Snapshot};

/// What was known before a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// The snapshot that serves; `None` at the start.
    pub(crate) snapshot: Option<&'a Snapshot>,
    /// What an earlier run kept, in place of lists that cannot be read; counts only at the start.
    pub(crate) kept: &'a LastGood,
    /// What an earlier run kept, to see what was removed since; counts only at the start.
    pub(crate) run: &'a LastGood,
    /// Who asked for the load.
    pub(crate) initiator: Initiator,
    /// When the load began.
    pub(crate) now: Instant,
}

/// Who asked for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initiator {
    /// An operator, by a manual reload or a start: the content of the files is accepted.
    Operator,
    /// The file watcher: nobody asked, so a change may be an accident.
    Watcher,
}

impl<'a> Before<'a> {
    /// Before a load that an operator asks for now.
    pub(crate) fn operator(snapshot: Option<&'a Snapshot>, kept: &'a LastGood) -> Self {
        let (initiator, now) = (Initiator::Operator, Instant::now());
        Self { snapshot, kept, run: kept, initiator, now }
    }

    /// The last good version of a list, for a file that stands at `path`.
    pub(crate) fn last_good(&self, name: &str, path: &Path) -> Option<Arc<List>> {
        if let Some(snapshot) = self.snapshot {
            let list = snapshot.lists.get(name)?;
            let same = list.last_good && list.path == path;
            return Some(if same { Arc::clone(list) } else { again(list, path, true) });
        }
        let kept = self.kept.list(name)?;
        let list = List::read(name, path, &kept.text, kept.ranges.clone(), None);
        Some(Arc::new(List { last_good: true, ..list }))
    }

    /// The names of all lists that have a last good version.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        match self.snapshot {
            Some(snapshot) => snapshot.lists.keys().map(String::as_str).collect(),
            None => self.kept.names().collect(),
        }
    }
}

/// The same list from another file, or from none.
pub(crate) fn again(list: &List, path: &Path, last_good: bool) -> Arc<List> {
    Arc::new(List {
        name: list.name.clone(),
        path: path.to_owned(),
        ranges: list.ranges.clone(),
        text: list.text.clone(),
        last_good,
        last_hits: Arc::clone(&list.last_hits),
    })
}
