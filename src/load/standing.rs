//! How long the version in use has been in use, and which version an operator approved before it.
//!
//! The rule is [`hold::judge`]; this is its memory, one for the configuration and one for each list. It is
//! not stored: a start accepts the files as a manual reload does. Invariant: time counts only while the file
//! has the version in use.

use std::time::{Duration, Instant};

use crate::policy::hold::{self, Verdict, Version};

/// A version that has been in use for this long without objection counts as approved.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The history of the configuration or of one list.
#[derive(Clone, Debug)]
pub(crate) struct Standing<V> {
    /// The last version that an operator loaded, or that was in use for a day; `None` when it is the one in
    /// use.
    approved: Option<V>,
    since: Instant,
    /// Whether the file has another version, or cannot be read.
    waiting: bool,
}

impl<V: Version> Standing<V> {
    /// An operator has loaded the version in use.
    pub(crate) fn new(now: Instant) -> Self {
        Self { approved: None, since: now, waiting: false }
    }

    /// The reason to hold a change that nobody asked for, if there is one.
    pub(crate) fn judge(&self, serving: &V, new: &V, now: Instant) -> Option<Verdict> {
        let approved = self.approved.as_ref().filter(|_| !self.has_stood(now));
        hold::judge(serving, approved, new)
    }

    /// Records that a change that nobody asked for was loaded.
    pub(crate) fn change(&mut self, from: V, to: &V, now: Instant) {
        self.settle(now);
        self.approved = self.approved.take().or(Some(from)).filter(|approved| approved != to);
        (self.since, self.waiting) = (now, false);
    }

    /// Records that the file has another version than the one in use, or cannot be read.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.settle(now);
        (self.since, self.waiting) = (now, true);
    }

    /// Records that the file has the version in use.
    pub(crate) fn stand(&mut self, now: Instant) {
        if self.waiting {
            (self.since, self.waiting) = (now, false);
        }
    }

    fn settle(&mut self, now: Instant) {
        if self.has_stood(now) {
            self.approved = None;
        }
    }

    fn has_stood(&self, now: Instant) -> bool {
        !self.waiting && now.saturating_duration_since(self.since) >= DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::difference::Prefixes;
    use crate::policy::address::range_list::parse;

    fn list(length: usize) -> Prefixes {
        let text: String = (0..length).map(|n| format!("192.0.2.{n}\n")).collect();
        Prefixes::of(&parse(text.as_bytes()).unwrap())
    }

    /// A list of 100 approved prefixes that was cut to 55. A cut to 40 would lose too many of the approved
    /// ones.
    fn halved() -> (Standing<Prefixes>, Instant) {
        let start = Instant::now();
        let mut standing = Standing::new(start);
        standing.change(list(100), &list(55), start);
        (standing, start)
    }

    fn holds(standing: &Standing<Prefixes>, now: Instant) -> bool {
        standing.judge(&list(55), &list(40), now).is_some()
    }

    #[test]
    fn a_change_that_stood_for_a_day_counts_as_approved() {
        let (standing, start) = halved();
        assert!(holds(&standing, start + DAY.mul_f32(0.99)));
        assert!(!holds(&standing, start + DAY));
        // Only the last version counts: each change begins a new day.
        let (mut standing, start) = halved();
        standing.change(list(55), &list(54), start + DAY / 2);
        assert!(holds(&standing, start + DAY));
        assert!(!holds(&standing, start + DAY / 2 + DAY));
    }

    #[test]
    fn a_hold_does_not_run_out() {
        let (mut standing, start) = halved();
        standing.wait(start + DAY / 2);
        assert!(holds(&standing, start + DAY * 10));
        // The time of the hold does not count for the version in use either.
        standing.stand(start + DAY * 10);
        assert!(holds(&standing, start + DAY * 10));
        standing.stand(start + DAY * 11);
        assert!(!holds(&standing, start + DAY * 11));
    }

    #[test]
    fn what_has_stood_stays_approved_when_its_file_breaks() {
        let (mut standing, start) = halved();
        standing.wait(start + DAY);
        assert!(!holds(&standing, start + DAY));
    }

    #[test]
    fn a_way_back_to_what_was_approved_ends_the_steps() {
        let (mut standing, start) = halved();
        standing.change(list(55), &list(100), start);
        assert!(standing.judge(&list(100), &list(50), start).is_none());
    }
}
