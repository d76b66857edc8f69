//! How many requests an endpoint gets.
//!
//! Invariant: an endpoint counts as busy only while whole seconds have many requests; one burst of them does not make it busy.

use std::time::Duration;

use tokio::time::Instant;

/// An endpoint with at least so many requests in a second is busy.
const MANY: u32 = 5000;
const SECOND: Duration = Duration::from_secs(1);

/// Requests in this second, and in the one before.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When this second began.
    began: Option<Instant>,
    current: u32,
    before: u32,
}

impl Pace {
    /// A request was answered.
    pub(super) fn note(&mut self, now: Instant) {
        let age = self.began.map_or(Duration::MAX, |began| now.saturating_duration_since(began));
        if age >= SECOND {
            // What is older than the second before this one says nothing any more.
            self.before = if age < 2 * SECOND { self.current } else { 0 };
            (self.began, self.current) = (Some(now), 0);
        }
        self.current = self.current.saturating_add(1);
    }

    /// The second before this one had many requests.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        let is_recent = |began: Instant| now.saturating_duration_since(began) < 2 * SECOND;
        self.before >= MANY && self.began.is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many requests at the same distance in a second that begins then.
    fn second(pace: &mut Pace, begin: Instant, count: u32) {
        (0..count).for_each(|number| pace.note(begin + SECOND * number / count));
    }

    #[test]
    fn whole_seconds_of_many_requests_make_an_endpoint_busy_and_a_quiet_one_ends_that() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        second(&mut pace, start, MANY);
        assert!(!pace.is_busy(at(1)), "its first second may be one burst");
        second(&mut pace, at(1), MANY);
        assert!(pace.is_busy(at(2)));
        assert!(!pace.is_busy(at(3)), "nothing came for a second");
        second(&mut pace, at(2), 10);
        assert!(pace.is_busy(at(2)), "until this second is over");
        second(&mut pace, at(3), 10);
        assert!(!pace.is_busy(at(3)));
    }

    #[test]
    fn bursts_with_quiet_between_them_make_nobody_busy() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for number in 0..10 {
            let begin = start + Duration::from_secs(3 * number);
            (0..3 * MANY).for_each(|_| pace.note(begin));
            assert!(!pace.is_busy(begin));
        }
    }
}
