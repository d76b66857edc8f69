//! The health of an endpoint. The gate writes it, the admin interface reads it.
//!
//! Two sources, kept apart. Requests: after three connections in a row that could not be opened, an endpoint
//! rests, for 5 s at first and for twice as long after each failed trial, at most 60 s; the first connection
//! that opens ends the rest. Health checks, where the config has some: two failures in a row put the endpoint
//! down, and the first success puts it up again and ends a rest too.
//!
//! Only connections count, never what an application answers: a 5xx is a valid answer. A connection that
//! breaks after the message was sent, before a byte of an answer, does not count either: a message that
//! crashes an application is sent again and again by its sender, and must not take one endpoint after another
//! away from all other senders.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failed connections in a row before an endpoint rests.
pub(crate) const FAILURES: u32 = 3;
/// The length of the first rest.
pub(crate) const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest rest.
pub(crate) const LONGEST_REST: Duration = Duration::from_secs(60);
/// Failed checks in a row before an endpoint is down.
pub(crate) const FAILED_CHECKS: u32 = 2;
/// How often a single failed connection is logged.
const STUMBLE_EVERY: Duration = Duration::from_secs(60);
/// How long a trial may last before another request may try: longer than a connection may take to open. A
/// request whose deadline comes first never reports the result of its trial.
const TRIAL: Duration = Duration::from_secs(2);

/// The health of one endpoint.
#[derive(Debug, Default)]
pub struct Health {
    /// Whether it rests or is down. While all is well, a request reads only this.
    out: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    failures: u32,
    stumbled: Option<Instant>,
    rest: Option<Rest>,
    failed_checks: u32,
    down: bool,
}

#[derive(Debug)]
struct Rest {
    until: Instant,
    length: Duration,
    on_trial: bool,
}

/// The condition of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No failures are known.
    Up,
    /// It cannot be connected to, but still gets requests, because there is no other endpoint.
    Failing,
    /// It could not be connected to, and gets no requests for this long.
    Resting(Duration),
    /// Its checks fail.
    Down,
}

/// A change that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first connection that failed after one that opened; reported once a minute at most, because an
    /// endpoint can fail at every other request.
    Stumbled,
    /// It rests now.
    Ejected(Duration),
    /// It would rest if there were another.
    Failing,
    /// Its checks put it down.
    Down,
    /// It is up again.
    Back,
}

impl Health {
    /// Whether requests may go there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.out.load(Relaxed)
    }

    /// Its condition.
    #[must_use]
    pub fn condition(&self, now: Instant) -> Condition {
        let known = self.known();
        match &known.rest {
            _ if known.down => Condition::Down,
            Some(rest) => Condition::Resting(rest.until.saturating_duration_since(now)),
            None if known.failures >= FAILURES => Condition::Failing,
            None => Condition::Up,
        }
    }

    /// Whether the caller is the one request that may try the endpoint.
    #[must_use]
    pub fn claim_trial(&self, now: Instant) -> bool {
        let mut known = self.known();
        if known.down {
            return false;
        }
        match &mut known.rest {
            Some(rest) if rest.until <= now => {
                rest.on_trial = true;
                rest.until = now + TRIAL;
                true
            }
            _ => false,
        }
    }

    /// Records that a connection was opened, or that an open one carried an answer.
    pub fn connected(&self) -> Option<Change> {
        let mut known = self.known();
        let was_bad = known.rest.take().is_some() || known.failures >= FAILURES;
        known.failures = 0;
        self.out.store(known.down, Relaxed);
        (was_bad && !known.down).then_some(Change::Back)
    }

    /// Records that a connection could not be opened. `may_rest` is false for the only endpoint.
    pub fn failed(&self, may_rest: bool, now: Instant) -> Option<Change> {
        let mut known = self.known();
        known.failures = known.failures.saturating_add(1);
        let failures = known.failures;
        match &mut known.rest {
            Some(rest) => {
                if rest.on_trial {
                    rest.length = (rest.length * 2).min(LONGEST_REST);
                    rest.until = now + rest.length;
                    rest.on_trial = false;
                }
                None
            }
            None if failures >= FAILURES && may_rest => {
                known.rest = Some(Rest { until: now + FIRST_REST, length: FIRST_REST, on_trial: false });
                self.out.store(true, Relaxed);
                Some(Change::Ejected(FIRST_REST))
            }
            None if failures == FAILURES => Some(Change::Failing),
            None => {
                let reported =
                    known.stumbled.is_some_and(|at| now.saturating_duration_since(at) < STUMBLE_EVERY);
                if failures > 1 || reported {
                    return None;
                }
                known.stumbled = Some(now);
                Some(Change::Stumbled)
            }
        }
    }

    /// Records the result of a check.
    pub fn checked(&self, passed: bool) -> Option<Change> {
        let mut known = self.known();
        if !passed {
            known.failed_checks = known.failed_checks.saturating_add(1);
            if known.down || known.failed_checks < FAILED_CHECKS {
                return None;
            }
            known.down = true;
            self.out.store(true, Relaxed);
            return Some(Change::Down);
        }
        let was_bad = known.down || known.rest.is_some() || known.failures >= FAILURES;
        *known = Known { stumbled: known.stumbled, ..Known::default() };
        self.out.store(false, Relaxed);
        was_bad.then_some(Change::Back)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        use std::sync::OnceLock;
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    /// Three failures at second 0.
    fn ejected() -> Health {
        let health = Health::default();
        let changes = [1, 2, 3].map(|_| health.failed(true, at(0)));
        assert_eq!(changes, [Some(Change::Stumbled), None, Some(Change::Ejected(FIRST_REST))]);
        health
    }

    #[test]
    fn three_failures_in_a_row_eject_and_one_success_between_them_forgives() {
        let health = Health::default();
        for _ in 0..10 {
            let _ = health.failed(true, at(0));
            assert_eq!(health.failed(true, at(0)), None);
            assert_eq!(health.connected(), None);
            assert!(health.is_up());
        }
        assert!(!ejected().is_up());
    }

    #[test]
    fn failing_every_other_request_is_reported_once_a_minute() {
        let health = Health::default();
        let fail = |second| {
            assert_eq!(health.connected(), None);
            health.failed(true, at(second))
        };
        let seconds: Vec<u64> = (0..180).filter(|second| fail(*second) == Some(Change::Stumbled)).collect();
        assert_eq!(seconds, [0, 60, 120]);
    }

    #[test]
    fn an_ejection_ends_with_one_trial_and_doubles_up_to_a_minute() {
        let health = ejected();
        let mut now = 0;
        for rest in [5, 10, 20, 40, 60, 60, 60] {
            assert_eq!(health.condition(at(now)), Condition::Resting(Duration::from_secs(rest)));
            assert!(!health.claim_trial(at(now + rest - 1)), "{rest}");
            now += rest;
            assert!(health.claim_trial(at(now)), "{rest}");
            assert!(!health.claim_trial(at(now)), "one request only");
            assert!(!health.is_up(), "the others still pass it by");
            assert_eq!(health.failed(true, at(now)), None);
        }
        assert_eq!(health.connected(), Some(Change::Back));
        assert!(health.is_up());
        // A new series of failures begins with the first rest again.
        let changes = [1, 2, 3].map(|_| health.failed(true, at(now)));
        assert_eq!(changes[2], Some(Change::Ejected(FIRST_REST)));
    }

    #[test]
    fn failures_during_an_ejection_do_not_lengthen_it() {
        let health = ejected();
        for _ in 0..100 {
            assert_eq!(health.failed(true, at(3)), None);
        }
        assert_eq!(health.condition(at(3)), Condition::Resting(Duration::from_secs(2)));
        assert!(health.claim_trial(at(5)));
    }

    #[test]
    fn an_unfinished_trial_makes_room_for_another() {
        let health = ejected();
        assert!(health.claim_trial(at(5)));
        assert!(!health.claim_trial(at(6)));
        assert!(health.claim_trial(at(7)));
    }

    #[test]
    fn an_endpoint_without_an_alternative_is_failing_and_not_ejected() {
        let health = Health::default();
        let changes: Vec<_> = (0..10).map(|_| health.failed(false, at(0))).collect();
        assert_eq!(changes.iter().flatten().collect::<Vec<_>>(), [&Change::Stumbled, &Change::Failing]);
        assert!(health.is_up());
        assert_eq!(health.condition(at(0)), Condition::Failing);
        assert_eq!(health.failed(true, at(0)), Some(Change::Ejected(FIRST_REST)), "now there is another");
        let health = Health::default();
        for _ in 0..3 {
            let _ = health.failed(false, at(0));
        }
        assert_eq!(health.connected(), Some(Change::Back));
        assert_eq!(health.condition(at(0)), Condition::Up);
    }

    #[test]
    fn two_failed_checks_mark_an_endpoint_down_and_one_success_marks_it_up() {
        let health = Health::default();
        assert_eq!(health.checked(false), None);
        assert_eq!(health.checked(true), None);
        assert_eq!(health.checked(false), None);
        assert!(health.is_up());
        assert_eq!(health.checked(false), Some(Change::Down));
        assert_eq!(health.checked(false), None);
        assert!(!health.is_up() && !health.claim_trial(at(1000)));
        // An open connection says nothing about the application behind it.
        assert_eq!(health.connected(), None);
        assert_eq!((health.is_up(), health.condition(at(0))), (false, Condition::Down));
        assert_eq!(health.checked(true), Some(Change::Back));
        assert_eq!((health.is_up(), health.condition(at(0))), (true, Condition::Up));
    }

    #[test]
    fn a_successful_check_ends_an_ejection() {
        let health = ejected();
        assert_eq!(health.checked(true), Some(Change::Back));
        assert!(health.is_up());
    }
}
