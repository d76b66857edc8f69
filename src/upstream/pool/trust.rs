//! How far an endpoint is trusted to answer each request once.
//!
//! After surplus bytes it is distrusted for a while, and none of its connections is kept or used again. Invariant: the
//! time of distrust is bounded, and is longer each time that it happens again soon.

use std::time::Duration;

use tokio::time::Instant;

/// For how long no connection of an endpoint is kept after it has sent surplus bytes. The time doubles if that happens
/// again before six times the last one has passed since its end.
const DISTRUST: Duration = Duration::from_secs(10);
const LONGEST_DISTRUST: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Until when the endpoint is distrusted, and how long that time is in all.
    distrusted: Option<(Instant, Duration)>,
}

impl Trust {
    /// The endpoint sent surplus bytes. Returns for how long it is distrusted, if it was not yet.
    pub(super) fn note_surplus(&mut self, now: Instant) -> Option<Duration> {
        let lasting = match self.distrusted {
            // Other connections were in use when the first surplus was found. They do not prolong the time.
            Some((until, _)) if now < until => return None,
            Some((until, lasted)) if now < until + lasted.max(DISTRUST) * 6 => {
                (lasted * 2).min(LONGEST_DISTRUST)
            }
            _ => DISTRUST,
        };
        self.distrusted = Some((now + lasting, lasting));
        Some(lasting)
    }

    /// No connection of the endpoint may be kept or used again.
    pub(super) fn is_distrusted(&self, now: Instant) -> bool {
        self.distrusted.is_some_and(|(until, _)| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_distrust_doubles_up_to_its_bound() {
        let mut trust = Trust::default();
        let mut now = Instant::now();
        for seconds in [10, 20, 40, 80, 160, 320, 600, 600] {
            assert_eq!(trust.note_surplus(now), Some(Duration::from_secs(seconds)));
            assert_eq!(trust.note_surplus(now), None, "it is distrusted already");
            now += Duration::from_secs(seconds);
            assert!(trust.is_distrusted(now - Duration::from_millis(1)) && !trust.is_distrusted(now));
        }
        now += Duration::from_secs(3600);
        assert_eq!(trust.note_surplus(now), Some(DISTRUST), "after a long time without any it begins anew");
    }
}
