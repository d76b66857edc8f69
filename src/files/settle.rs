//! When to read the files again, and whether their content has settled. The time is passed in.

use std::time::{Duration, Instant};

/// A writer that never pauses delays a view by this many debounces at most.
const PATIENCE: u32 = 5;

/// How fast changes are noticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long the files must be quiet before a view, and the time between the two views that must agree.
    pub debounce: Duration,
    /// How often the files are read without an event.
    pub poll: Duration,
    /// Whether the system is asked for events.
    pub notice: Notice,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// inotify, and the poll for what it misses.
    Events,
    /// The poll only.
    Poll,
}

impl Default for Pace {
    fn default() -> Self {
        Self { debounce: Duration::from_millis(200), poll: Duration::from_secs(5), notice: Notice::Events }
    }
}

/// When to read next, and whether the content has settled.
#[derive(Debug)]
pub(crate) struct Settle {
    pace: Pace,
    poll: Instant,
    /// The next view that an event caused: when it is due, and the latest time that it may be delayed to.
    due: Option<(Instant, Instant)>,
    /// The hash of the last view, if it is not loaded yet.
    candidate: Option<u64>,
}

impl Settle {
    /// The first view comes soon: something may have changed since the first load.
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        let mut settle = Self { pace, poll: now + pace.poll, due: None, candidate: None };
        settle.touch(now);
        settle
    }

    /// Records that something happened to a file.
    pub(crate) fn touch(&mut self, now: Instant) {
        let latest = self.due.map_or(now + self.pace.debounce * PATIENCE, |(_, latest)| latest);
        self.due = Some(((now + self.pace.debounce).min(latest), latest));
    }

    /// A manual reload covers all pending events.
    pub(crate) fn rest(&mut self, now: Instant) {
        (self.poll, self.due, self.candidate) = (now + self.pace.poll, None, None);
    }

    /// When to read the files. While a view is due, the poll does not come before it, so two views are never
    /// closer than a debounce.
    pub(crate) fn wake(&self) -> Instant {
        self.due.map_or(self.poll, |(due, _)| due)
    }

    /// Records the hash of a view, and whether it is loaded already. Returns whether to load it now.
    pub(crate) fn look(&mut self, now: Instant, mark: u64, known: bool) -> bool {
        self.poll = now + self.pace.poll;
        self.due = None;
        let settled = !known && self.candidate == Some(mark);
        self.candidate = (!known && !settled).then_some(mark);
        if self.candidate.is_some() {
            self.touch(now);
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { debounce: Duration::from_millis(200), poll: Duration::from_secs(5), notice: Notice::Poll };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// The state after a view of what is loaded, at 0 ms.
    fn settled() -> (Settle, Instant) {
        let start = Instant::now();
        let mut settle = Settle::new(PACE, start);
        assert!(!settle.look(start, 1, true));
        (settle, start)
    }

    #[test]
    fn the_first_look_comes_soon_and_then_at_each_poll() {
        let start = Instant::now();
        assert_eq!(Settle::new(PACE, start).wake(), start + ms(200));
        let (mut settle, start) = settled();
        assert_eq!(settle.wake(), start + ms(5000));
        assert!(!settle.look(start + ms(5000), 1, true));
        assert_eq!(settle.wake(), start + ms(10_000));
    }

    #[test]
    fn a_change_counts_when_two_looks_a_debounce_apart_agree() {
        let (mut settle, start) = settled();
        settle.touch(start + ms(1000));
        assert_eq!(settle.wake(), start + ms(1200));
        assert!(!settle.look(start + ms(1200), 2, false));
        assert_eq!(settle.wake(), start + ms(1400));
        assert!(settle.look(start + ms(1400), 2, false));
        assert_eq!(settle.wake(), start + ms(6400));
    }

    #[test]
    fn a_file_that_is_still_growing_is_not_loaded() {
        let (mut settle, start) = settled();
        for step in 0..50 {
            assert!(!settle.look(start + ms(1000 + 200 * step), 2 + step, false), "{step}");
        }
        assert!(settle.look(start + ms(1000 + 200 * 50), 51, false));
    }

    #[test]
    fn what_changes_and_changes_back_is_no_change() {
        let (mut settle, start) = settled();
        assert!(!settle.look(start, 2, false));
        assert!(!settle.look(start + ms(200), 1, true));
        assert!(!settle.look(start + ms(400), 2, false));
        assert!(settle.look(start + ms(600), 2, false));
    }

    #[test]
    fn events_put_a_look_off_but_not_for_ever() {
        let (mut settle, start) = settled();
        for n in 0..100 {
            settle.touch(start + ms(10 * n));
        }
        assert_eq!(settle.wake(), start + ms(1000));
        settle.touch(start + ms(1000));
        assert_eq!(settle.wake(), start + ms(1000));
    }

    #[test]
    fn a_reload_by_a_person_sees_what_was_due() {
        let (mut settle, start) = settled();
        assert!(!settle.look(start, 2, false));
        settle.rest(start + ms(100));
        assert_eq!(settle.wake(), start + ms(5100));
        assert!(!settle.look(start + ms(5100), 2, false), "the candidate is forgotten");
    }

    #[test]
    fn the_poll_does_not_come_between_two_looks() {
        let (mut settle, start) = settled();
        settle.touch(start + ms(4950));
        assert_eq!(settle.wake(), start + ms(5150));
    }
}
