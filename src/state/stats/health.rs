//! How an endpoint of an upstream has been doing. The gate writes it, the admin interface reads it.
//!
//! Two witnesses, kept apart. Requests: three connections in a row that could not be opened let an
//! endpoint rest, for 5 s at first and for twice as long after each vain trial, 60 s at most; the
//! first connection that opens ends it. Checks, where the config has some: two in a row that fail
//! put it down, the first that passes puts it up again, and speaks for requests too.
//!
//! Only connections count, never what an application answers: a 5xx is its word. Nor does a
//! connection that breaks after the message went out, before a byte of an answer: one message that an
//! application dies of is sent again and again by its sender, and must not take endpoint after
//! endpoint away from all others.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Connections in a row that fail before an endpoint rests.
pub(crate) const FAILURES: u32 = 3;
/// The first rest.
pub(crate) const FIRST_REST: Duration = Duration::from_secs(5);
/// No rest is longer.
pub(crate) const LONGEST_REST: Duration = Duration::from_secs(60);
/// Checks in a row that fail before an endpoint is down.
pub(crate) const FAILED_CHECKS: u32 = 2;
/// How often it is worth a line that a connection failed once.
const STUMBLE_EVERY: Duration = Duration::from_secs(60);
/// How long a trial is waited for: longer than a connection may take. A request whose deadline comes
/// first never says how its trial went.
const TRIAL: Duration = Duration::from_secs(2);

/// What is known about one endpoint.
#[derive(Debug, Default)]
pub struct Health {
    /// It rests or is down. All that a request looks at while all is well.
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

/// How an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is known against it.
    Up,
    /// It cannot be connected to, and is tried all the same: there is no other.
    Failing,
    /// It could not be connected to and is left alone for this long.
    Resting(Duration),
    /// Its checks fail.
    Down,
}

/// What is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first connection that failed after one that opened; told once a minute at most, because an
    /// endpoint can stumble at every other request.
    Stumbled,
    /// It rests now.
    Ejected(Duration),
    /// It would rest if there were another.
    Failing,
    /// Its checks put it down.
    Down,
    /// It is as good as new.
    Back,
}

impl Health {
    /// Whether requests shall go there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.out.load(Relaxed)
    }

    /// How it is.
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

    /// Whether the caller is the one request that may try whether the endpoint is back.
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

    /// A connection was opened, or an open one carried an answer.
    pub fn connected(&self) -> Option<Change> {
        let mut known = self.known();
        let was_bad = known.rest.take().is_some() || known.failures >= FAILURES;
        known.failures = 0;
        self.out.store(known.down, Relaxed);
        (was_bad && !known.down).then_some(Change::Back)
    }

    /// A connection could not be opened. Without another endpoint it `may_rest` never.
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
                let told = known.stumbled.is_some_and(|at| now.saturating_duration_since(at) < STUMBLE_EVERY);
                if failures > 1 || told {
                    return None;
                }
                known.stumbled = Some(now);
                Some(Change::Stumbled)
            }
        }
    }

    /// A check passed or failed.
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
        let said = [1, 2, 3].map(|_| health.failed(true, at(0)));
        assert_eq!(said, [Some(Change::Stumbled), None, Some(Change::Ejected(FIRST_REST))]);
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
        let told = |second| {
            assert_eq!(health.connected(), None);
            health.failed(true, at(second))
        };
        let seconds: Vec<u64> = (0..180).filter(|second| told(*second) == Some(Change::Stumbled)).collect();
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
        // A new fall begins with the first rest again.
        let said = [1, 2, 3].map(|_| health.failed(true, at(now)));
        assert_eq!(said[2], Some(Change::Ejected(FIRST_REST)));
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
        let said: Vec<_> = (0..10).map(|_| health.failed(false, at(0))).collect();
        assert_eq!(said.iter().flatten().collect::<Vec<_>>(), [&Change::Stumbled, &Change::Failing]);
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
        // A connection that opens says nothing about the application behind it.
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
