//! Limits the log lines that strangers can cause: denials, rejected requests, and served ACME challenges.
//!
//! In each second the first events of an outcome get a line each. The others of that second are counted, and a summary
//! says how many there were and from which peer the last one came. Which outcomes are limited is decided in
//! [`super::access_log`]. Invariant: lines and summaries together count every event once, and a flood of one outcome
//! hides no line of another.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::policy::address::addr::Address;
use crate::policy::outcome::{Outcome, Reason};

/// The number of events per second and outcome that get a line each.
pub(crate) const LINES_A_SECOND: u32 = 200;
const NONE: [u32; Outcome::ALL.len()] = [0; Outcome::ALL.len()];
const WINDOW: Duration = Duration::from_secs(1);

/// The events of one reason that have no line of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Their reason.
    pub reason: Reason,
    /// Their number.
    pub count: u64,
    /// The peer of the last one.
    pub last: Address,
}

/// Decides which events get a line.
#[derive(Debug)]
pub(crate) struct LogLimiter {
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    /// The number of lines by outcome.
    lines: [u32; Outcome::ALL.len()],
    suppressed: Vec<Summary>,
}

impl LogLimiter {
    /// A limiter that has seen no event.
    #[must_use]
    pub(crate) fn new(now: Instant) -> Self {
        Self { window: Mutex::new(Window { began: now, lines: NONE, suppressed: Vec::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this event gets a line of its own. If not, it is counted for a summary.
    pub(crate) fn lets_through(&self, reason: Reason, peer: Address, now: Instant) -> bool {
        let mut window = self.lock();
        if window.suppressed.is_empty() && now.duration_since(window.began) >= WINDOW {
            (window.began, window.lines) = (now, NONE);
        }
        let lines = &mut window.lines[reason.outcome() as usize];
        if *lines < LINES_A_SECOND {
            *lines += 1;
            return true;
        }
        match window.suppressed.iter_mut().find(|summary| summary.reason == reason) {
            Some(summary) => (summary.count, summary.last) = (summary.count + 1, peer),
            None => window.suppressed.push(Summary { reason, count: 1, last: peer }),
        }
        false
    }

    /// Takes the summaries, if the current second is over or `all` is true. The housekeeping task calls it regularly;
    /// `all` is for the end of the process.
    pub(crate) fn summaries(&self, now: Instant, all: bool) -> Vec<Summary> {
        let mut window = self.lock();
        if !all && now.duration_since(window.began) < WINDOW {
            return Vec::new();
        }
        (window.began, window.lines) = (now, NONE);
        std::mem::take(&mut window.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_summaries_count_every_denial_once() {
        let start = Instant::now();
        let limiter = LogLimiter::new(start);
        let peer = Address::new("192.0.2.1".parse().unwrap());
        let mut lines = 0;
        let mut summed = 0;
        for step in 0..10_000u32 {
            let now = start + Duration::from_millis(u64::from(step / 4));
            let reason = if step % 3 == 0 { Reason::NoRoute } else { Reason::NotListed };
            lines += u64::from(limiter.lets_through(reason, peer, now));
            if step % 100 == 0 {
                summed += limiter.summaries(now, false).iter().map(|s| s.count).sum::<u64>();
            }
        }
        summed += limiter.summaries(start, true).iter().map(|s| s.count).sum::<u64>();
        assert_eq!(lines + summed, 10_000);
        assert!((400..=4 * u64::from(LINES_A_SECOND)).contains(&lines), "{lines}");
    }

    #[test]
    fn a_flood_of_one_outcome_hides_no_line_of_another() {
        let start = Instant::now();
        let limiter = LogLimiter::new(start);
        let peer = Address::new("192.0.2.1".parse().unwrap());
        let let_through = (0..=2 * LINES_A_SECOND)
            .filter(|_| limiter.lets_through(Reason::AcmeChallenge, peer, start))
            .count();
        assert_eq!(let_through, LINES_A_SECOND as usize);
        assert!(limiter.lets_through(Reason::NotListed, peer, start));
        let suppressed = limiter.summaries(start, true);
        let count = u64::from(LINES_A_SECOND) + 1;
        assert_eq!(suppressed, [Summary { reason: Reason::AcmeChallenge, count, last: peer }]);
    }

    #[test]
    fn a_trickle_is_never_summed_up() {
        let start = Instant::now();
        let limiter = LogLimiter::new(start);
        let peer = Address::new("192.0.2.1".parse().unwrap());
        for second in 0..1000 {
            assert!(limiter.lets_through(Reason::NotListed, peer, start + Duration::from_secs(second)));
        }
        assert!(limiter.summaries(start, true).is_empty());
    }
}
