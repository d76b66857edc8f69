//! What differs from the last load of a gate on this machine, for an operator who runs `check` before a
//! reload.

use crate::load::last_good::LastGood;
use crate::load::loader::Loader;
use crate::policy::address::difference::{Prefixes, between};
use crate::policy::hold::{self, Verdict};
use crate::state::snapshot::Snapshot;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What is different, e.g. `list=sms added=2 removed=1`.
    pub what: String,
    /// Why a gate that notices this change holds it.
    pub held: Option<Verdict>,
}

/// What a load would change, compared with the stored copies of lists and configuration. Lists without a copy
/// are left out.
#[must_use]
pub(crate) fn since(kept: &LastGood, loader: &Loader, snapshot: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some((before, same_meaning)) = kept.config().and_then(|text| loader.earlier(text)) {
        let now = loader.outline();
        let verdict = now.and_then(|now| hold::judge(&before, None, now));
        let held = if same_meaning { verdict.and_then(Verdict::of_same_meaning) } else { verdict };
        if now.is_some_and(|now| *now != before) {
            changes.push(Change { what: "config=changed".to_owned(), held });
        }
    }
    for (name, list) in &snapshot.lists {
        let Some(before) = kept.list(name).filter(|before| before.text != list.text) else { continue };
        let (before, now) = (Prefixes::of(&before.ranges), Prefixes::of(&list.ranges));
        let change = between(&before, &now);
        let what = format!("list={name} added={} removed={}", change.added, change.removed);
        changes.push(Change { what, held: hold::judge(&before, None, &now) });
    }
    changes
}
