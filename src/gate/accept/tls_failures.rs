//! Failed TLS handshakes: all are counted, and those of listed senders are also warned about, once a minute at most.
//!
//! Why a handshake failed is not decided here. Invariant: the count in a warning covers all failures of listed senders
//! since the warning before it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use crate::policy::address::addr::Address;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;

/// The shortest time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Failed handshakes of senders that are listed or trusted. Scanners cause most of the others, which are therefore
/// only counted.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    unreported: Mutex<Unreported>,
}

#[derive(Debug, Default)]
struct Unreported {
    count: u64,
    last_report: Option<Moment>,
}

impl Failures {
    /// Counts one failure. When a warning is due, returns how many failures it reports.
    fn note(&self, now: Moment) -> Option<u64> {
        let mut unreported = self.unreported.lock().unwrap_or_else(PoisonError::into_inner);
        unreported.count += 1;
        if unreported.last_report.is_some_and(|last| now.duration_since(last) < WARN_EVERY) {
            return None;
        }
        unreported.last_report = Some(now);
        Some(std::mem::take(&mut unreported.count))
    }

    /// Counts a failed handshake and logs it.
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
        let warnings: Vec<(u64, u64)> = (0..200u64)
            .filter_map(|second| {
                failures.note(start + Duration::from_secs(second)).map(|count| (second, count))
            })
            .collect();
        assert_eq!(warnings, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }
}
