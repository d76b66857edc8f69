//! The counters of a route.
//!
//! Without labels to format: a request adds one to a cell, a scrape reads the cells. Counters belong to a route's
//! label, not to a snapshot, so they survive reloads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::policy::outcome::Reason;
use crate::state::stats::event_limiter::{EventLimiter, HOURLY};
use crate::state::stats::signatures::SignatureCounters;

/// Upper bounds of the latency histogram, in milliseconds. The last ones are near the deadlines.
pub(crate) const LATENCY_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 2500, 5000, 15_000];

const REASONS: usize = 64;
const FIRST_STATUS: u16 = 200;
const STATUSES: usize = 400;

/// The counters of one route.
#[derive(Debug)]
pub struct RouteCounters {
    reasons: [AtomicU64; REASONS],
    statuses: Box<[AtomicU64]>,
    latency: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    latency_sum_us: AtomicU64,
    would_deny: AtomicU64,
    /// The signatures of its requests.
    pub signatures: SignatureCounters,
    /// When it was last said that signatures are not good.
    pub(crate) unsigned: EventLimiter,
    /// When it was last said that answers are malformed.
    pub(crate) malformed: EventLimiter,
}

impl Default for RouteCounters {
    fn default() -> Self {
        Self {
            reasons: std::array::from_fn(|_| AtomicU64::new(0)),
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            latency_sum_us: AtomicU64::new(0),
            would_deny: AtomicU64::new(0),
            signatures: SignatureCounters::default(),
            unsigned: EventLimiter::every(HOURLY),
            malformed: EventLimiter::every(HOURLY),
        }
    }
}

impl RouteCounters {
    /// Counts a request that ended: its reason, and the status that the sender got (`None`: no reply).
    pub fn count(&self, reason: Reason, status: Option<u16>) {
        self.reasons[reason as usize].fetch_add(1, Relaxed);
        let cell = status
            .and_then(|s| s.checked_sub(FIRST_STATUS))
            .and_then(|at| self.statuses.get(usize::from(at)));
        if let Some(cell) = cell {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// Counts a request that only `mode: observe` let pass.
    pub fn count_would_deny(&self) {
        self.would_deny.fetch_add(1, Relaxed);
    }

    /// Records how long the upstream took to complete an answer.
    pub fn time(&self, took: Duration) {
        let ms = took.as_millis();
        let slot = LATENCY_BOUNDS_MS
            .iter()
            .position(|bound| ms <= u128::from(*bound))
            .unwrap_or(LATENCY_BOUNDS_MS.len());
        self.latency[slot].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The count of each reason that occurred.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().map(|r| (*r, self.reasons[*r as usize].load(Relaxed))).filter(|(_, n)| *n > 0)
    }

    /// The count of one reason.
    pub fn of_reason(&self, reason: Reason) -> u64 {
        self.reasons[reason as usize].load(Relaxed)
    }

    /// The count of each status that senders got.
    pub fn by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        (FIRST_STATUS..)
            .zip(&self.statuses)
            .map(|(status, n)| (status, n.load(Relaxed)))
            .filter(|(_, n)| *n > 0)
    }

    /// Requests that only `mode: observe` let pass.
    pub fn would_deny(&self) -> u64 {
        self.would_deny.load(Relaxed)
    }

    /// The histogram: answers at or below each bound (cumulative, the last one is all), and the sum in seconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds fit a double for 285 years")]
    pub fn latency(&self) -> ([u64; LATENCY_BOUNDS_MS.len() + 1], f64) {
        let mut sum = 0;
        let cumulative = std::array::from_fn(|slot| {
            sum += self.latency[slot].load(Relaxed);
            sum
        });
        (cumulative, self.latency_sum_us.load(Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_cell_for_every_reason_and_every_final_status() {
        assert!(Reason::ALL.len() <= REASONS);
        let counters = RouteCounters::default();
        for reason in Reason::ALL {
            counters.count(*reason, None);
        }
        for status in 200..600 {
            counters.count(Reason::Success, Some(status));
        }
        assert_eq!(counters.by_reason().count(), Reason::ALL.len());
        assert_eq!(counters.by_status().map(|(_, n)| n).sum::<u64>(), 400);
    }

    #[test]
    fn the_histogram_is_cumulative() {
        let counters = RouteCounters::default();
        for ms in [0, 1, 3, 60_000] {
            counters.time(Duration::from_millis(ms));
        }
        let (cells, sum) = counters.latency();
        assert_eq!((cells[0], cells[1], cells[2], cells[12]), (2, 2, 3, 4));
        assert!((sum - 60.004).abs() < 1e-9);
    }
}
