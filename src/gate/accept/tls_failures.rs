//! TLS handshakes that failed: all are counted, those of known senders are worth a warning now and then.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use crate::policy::address::addr::Address;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;

/// How often a known sender's failed handshakes are worth a warning.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Failed handshakes of senders that are listed or trusted. Anybody else's are the noise of the
/// Internet and only counted.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    unsaid: Mutex<Unsaid>,
}

#[derive(Debug, Default)]
struct Unsaid {
    count: u64,
    said: Option<Moment>,
}

impl Failures {
    /// Counts one; says how many a warning stands for, when it is time for one.
    fn note(&self, now: Moment) -> Option<u64> {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.count += 1;
        if unsaid.said.is_some_and(|said| now.duration_since(said) < WARN_EVERY) {
            return None;
        }
        unsaid.said = Some(now);
        Some(std::mem::take(&mut unsaid.count))
    }

    /// Counts and logs a handshake that failed.
    pub(crate) fn note_failed(&self, gauges: &Gauges, snapshot: &Snapshot, sender: Address, why: &str) {
        Gauges::add(&gauges.tls_failed);
        tracing::debug!(peer = %sender, why, "TLS handshake failed");
        if snapshot.knows(sender)
            && let Some(count) = self.note(Moment::now())
        {
            tracing::warn!(peer = %sender, why, count, "TLS handshakes of listed senders failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_rare_and_count_everything() {
        let failures = Failures::default();
        let start = Moment::now();
        let said: Vec<(u64, u64)> = (0..200u64)
            .filter_map(|second| {
                failures.note(start + Duration::from_secs(second)).map(|count| (second, count))
            })
            .collect();
        assert_eq!(said, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }
}
