//! How often a secret was found to have made the signature of a request, and when it last was.
//!
//! Only atomics. It belongs to the secret of a file, not to a snapshot, so it survives reloads that leave the secret as
//! it is; it begins again with the process. Invariant: nothing here is made from the secret.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A secret that made no signature for this long is idle, in seconds: seven days.
const IDLE_S: u64 = 7 * 86_400;

/// The use of one secret. Times are in Unix seconds.
#[derive(Debug)]
pub struct SecretUse {
    since: u64,
    hits: AtomicU64,
    /// 0 for never.
    last: AtomicU64,
}

impl SecretUse {
    /// The use of a secret that is known from now on.
    #[must_use]
    pub(crate) fn since(now: u64) -> Self {
        Self { since: now, hits: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// Counts a signature that was made with it.
    pub(crate) fn count(&self, now: u64) {
        self.hits.fetch_add(1, Relaxed);
        self.last.fetch_max(now, Relaxed);
    }

    /// How many signatures were made with it.
    #[must_use]
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Relaxed)
    }

    /// When the last one was judged.
    #[must_use]
    pub(crate) fn last(&self) -> Option<u64> {
        Some(self.last.load(Relaxed)).filter(|last| *last > 0)
    }

    /// Whether it has made no signature for days, though it was there.
    #[must_use]
    pub(crate) fn is_idle(&self, now: u64) -> bool {
        self.last().unwrap_or(self.since).saturating_add(IDLE_S) <= now
    }

    /// Whether it has made one in the last days.
    #[must_use]
    pub(crate) fn is_busy(&self, now: u64) -> bool {
        self.last().is_some() && !self.is_idle(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_idle_a_week_after_its_last_use_or_its_beginning() {
        let used = SecretUse::since(1000);
        assert_eq!((used.hits(), used.last()), (0, None));
        assert!(!used.is_idle(1000 + IDLE_S - 1) && used.is_idle(1000 + IDLE_S));
        assert!(!used.is_busy(1000));
        used.count(2000);
        // A clock that was set back does not make the last use older.
        used.count(1500);
        assert_eq!((used.hits(), used.last()), (2, Some(2000)));
        assert!(used.is_busy(2000 + IDLE_S - 1) && !used.is_busy(2000 + IDLE_S));
        assert!(!used.is_idle(1000 + IDLE_S) && used.is_idle(2000 + IDLE_S));
    }
}
