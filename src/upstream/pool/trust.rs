//! How far an endpoint is trusted to answer each request once.
//!
//! A new endpoint has proven nothing, and its connections rest in full. It has proven itself once many answers in a row were
//! followed by silence for the whole rest. Surplus bytes end that, and for a while no connection of the endpoint is kept. It
//! ends too where another process may serve from then on: when the application closes a connection, or none is left. What follows from it is decided in
//! [`super::idle`]. Invariant: only a whole rest without a byte counts as silence.

use std::time::Duration;

use tokio::time::Instant;

/// How many answers in a row prove an endpoint. One that is busy enough for that to matter gives them in a few seconds.
const PROOF: u32 = 10_000;
/// For how long no connection of an endpoint is kept after it has sent surplus bytes. The time doubles if that happens
/// again before six times the last one has passed since its end.
const DISTRUST: Duration = Duration::from_secs(10);
const LONGEST_DISTRUST: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Answers in a row that were followed by silence.
    silent: u32,
    /// Until when the endpoint is distrusted, and how long that time is in all.
    distrusted: Option<(Instant, Duration)>,
}

impl Trust {
    /// A connection was silent for its whole rest.
    pub(super) fn note_silence(&mut self) {
        self.silent = self.silent.saturating_add(1);
    }

    /// Another process may serve from now on.
    pub(super) fn end_proof(&mut self) {
        self.silent = 0;
    }

    /// The endpoint sent surplus bytes. Returns for how long it is distrusted, if it was not yet.
    pub(super) fn note_surplus(&mut self, now: Instant) -> Option<Duration> {
        self.silent = 0;
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

    /// The endpoint has proven that it answers each request once.
    pub(super) fn is_proven(&self) -> bool {
        self.silent >= PROOF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven() -> Trust {
        let mut trust = Trust::default();
        (0..PROOF).for_each(|_| trust.note_silence());
        trust
    }

    #[test]
    fn an_endpoint_has_proven_itself_after_many_silent_answers_in_a_row() {
        let mut trust = proven();
        assert!(trust.is_proven());
        trust.end_proof();
        assert!(!trust.is_proven(), "another process may serve now");
        (1..PROOF).for_each(|_| trust.note_silence());
        assert!(!trust.is_proven(), "all of them are needed again");
        trust.note_silence();
        assert!(trust.is_proven());
    }

    #[test]
    fn surplus_ends_the_proof_and_the_time_of_distrust_doubles_up_to_its_bound() {
        let mut trust = proven();
        let mut now = Instant::now();
        for seconds in [10, 20, 40, 80, 160, 320, 600, 600] {
            assert_eq!(trust.note_surplus(now), Some(Duration::from_secs(seconds)));
            assert!(!trust.is_proven());
            assert_eq!(trust.note_surplus(now), None, "it is distrusted already");
            now += Duration::from_secs(seconds);
            assert!(trust.is_distrusted(now - Duration::from_millis(1)) && !trust.is_distrusted(now));
        }
        now += Duration::from_secs(3600);
        assert_eq!(trust.note_surplus(now), Some(DISTRUST), "after a long time without any it begins anew");
    }
}
