//! How long what serves has stood, and what a person approved before it.
//!
//! The rule itself is [`hold::judge`]; this is its memory, one for the configuration and one for each
//! list. A start is an acceptance like a manual reload, so nothing of it is kept over a restart. Invariant:
//! time counts only while the file says what serves.

use std::time::{Duration, Instant};

use crate::policy::hold::{self, Verdict, Version};

/// What serves for so long, and nobody minds, is as good as approved.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The memory of one thing that can be held.
#[derive(Clone, Debug)]
pub(crate) struct Standing<V> {
    /// The version that a person loaded or that stood for a day; `None` when that is the one that serves.
    approved: Option<V>,
    since: Instant,
    /// Whether the file says something else, or nothing.
    waiting: bool,
}

impl<V: Version> Standing<V> {
    /// A person has loaded what serves.
    pub(crate) fn new(now: Instant) -> Self {
        Self { approved: None, since: now, waiting: false }
    }

    /// Whether a change that nobody asked for is to be held.
    pub(crate) fn judge(&self, serving: &V, new: &V, now: Instant) -> Option<Verdict> {
        let approved = self.approved.as_ref().filter(|_| !self.has_stood(now));
        hold::judge(serving, approved, new)
    }

    /// A change that nobody asked for was loaded.
    pub(crate) fn change(&mut self, from: V, to: &V, now: Instant) {
        self.settle(now);
        self.approved = self.approved.take().or(Some(from)).filter(|approved| approved != to);
        (self.since, self.waiting) = (now, false);
    }

    /// The file says something else than what serves, or nothing that can be read.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.settle(now);
        (self.since, self.waiting) = (now, true);
    }

    /// The file says what serves.
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

    /// A list of 100 prefixes of which 55 are left; 40 would be too few for what a person approved.
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
        // Only the last version stands: each change begins a new day.
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
        // Nor does the time of the hold count for what served meanwhile.
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
