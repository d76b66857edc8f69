//! Whether it is time to say something again that may happen with every request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// Counts something and says it at once, then once an hour at most.
#[derive(Debug, Default)]
pub(crate) struct Hourly {
    unsaid: Mutex<Unsaid>,
}

#[derive(Debug, Default)]
struct Unsaid {
    count: u64,
    said: Option<Instant>,
}

impl Hourly {
    /// Counts one; says how many a line in the log stands for, when it is time for one.
    #[must_use]
    pub(crate) fn note(&self, now: Instant) -> Option<u64> {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.count += 1;
        if unsaid.said.is_some_and(|said| now.saturating_duration_since(said) < HOUR) {
            return None;
        }
        unsaid.said = Some(now);
        Some(std::mem::take(&mut unsaid.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_then_hourly_and_counts_everything() {
        let (hourly, start) = (Hourly::default(), Instant::now());
        let minutes = (0..200u64).map(|minute| (minute, start + Duration::from_secs(60 * minute)));
        let said: Vec<(u64, u64)> =
            minutes.filter_map(|(minute, now)| Some((minute, hourly.note(now)?))).collect();
        assert_eq!(said, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }
}
