//! The last hits of the lists over a restart: told to the lists at the start, stored every minute and at the end.
//!
//! Invariant: nobody waits for the disk, and a state folder that cannot be written is told and stops nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::gate::Gate;
use crate::load::last_hits::LastHitsFile;
use crate::state::stats::gauges::Gauges;
use crate::state::store::Store;

/// They are stored at most this often.
const PAUSE: Duration = Duration::from_secs(60);

/// What was stored last, and when it was looked at.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<(Option<Instant>, LastHitsFile)>);

/// Tells the lists what an earlier process saw; `now` is in Unix seconds. Without a state folder, hits are known from now on.
pub(super) fn restore(store: &Store, gauges: &Gauges, now: u64) {
    let snapshot = store.load();
    let found = snapshot.config.state.as_deref().map(LastHitsFile::read).transpose();
    if let Err(error) = &found {
        tracing::warn!(%error, "when prefixes were hit before is forgotten");
    }
    let file = found.unwrap_or_default().flatten();
    gauges.count_hits_since(file.as_ref().map_or(now, |file| file.since.min(now)));
    if let Some(file) = file {
        file.restore(&snapshot, now);
    }
}

impl Gate {
    /// Whether they are to be stored now.
    pub(super) fn are_hits_due(&self, now: Instant) -> bool {
        let mut kept = self.kept_hits.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = kept.0.is_none_or(|before| now.saturating_duration_since(before) >= PAUSE);
        if is_due {
            kept.0 = Some(now);
        }
        is_due
    }

    /// Stores them in the state folder, if there is one and something has changed. It may wait for the disk.
    pub(super) fn keep_hits(&self) {
        let snapshot = self.store.load();
        let Some(state) = snapshot.config.state.as_deref() else { return };
        let file = LastHitsFile::of(&snapshot, self.gauges.hits_since());
        let mut kept = self.kept_hits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.1 == file {
            return;
        }
        match file.write(state) {
            Ok(()) => kept.1 = file,
            Err(error) => {
                if self.state_unwritten.note((), Instant::now()).is_some() {
                    let state = state.display();
                    tracing::warn!(%state, %error, "when prefixes were hit last cannot be kept in the state folder");
                }
            }
        }
    }
}
