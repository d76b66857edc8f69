//! Whether it is time to write an event again that may happen with every connection or request.
//!
//! Invariant: nothing is left out of the counts, and nobody can make the map of subjects grow.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often most such events are written.
pub(crate) const HOURLY: Duration = Duration::from_secs(3600);
/// How many subjects are told apart. All others together are one more.
const MOST_SUBJECTS: usize = 64;

/// Counts something by its subject, and writes it at once, then once in a while at most.
#[derive(Debug)]
pub(crate) struct EventLimiter<S = ()> {
    every: Duration,
    subjects: Mutex<HashMap<Option<S>, Unwritten>>,
}

#[derive(Debug, Default)]
struct Unwritten {
    count: u64,
    last: Option<Instant>,
}

impl<S: Copy + Eq + Hash> EventLimiter<S> {
    /// At most one event in this time for each subject.
    #[must_use]
    pub(crate) fn every(time: Duration) -> Self {
        Self { every: time, subjects: Mutex::default() }
    }

    /// Counts one; returns how many the event stands for, when it is time for one.
    #[must_use]
    pub(crate) fn note(&self, subject: S, now: Instant) -> Option<u64> {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |unwritten: &Unwritten| {
            unwritten.last.is_some_and(|last| now.saturating_duration_since(last) < self.every)
        };
        let known = subjects.contains_key(&Some(subject));
        if !known && subjects.len() >= MOST_SUBJECTS {
            subjects.retain(|_, unwritten| recent(unwritten));
        }
        let room = known || subjects.len() < MOST_SUBJECTS;
        let unwritten = subjects.entry(room.then_some(subject)).or_default();
        unwritten.count += 1;
        if recent(unwritten) {
            return None;
        }
        unwritten.last = Some(now);
        Some(std::mem::take(&mut unwritten.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_at_once_then_hourly_and_counts_everything() {
        let (limiter, start) = (EventLimiter::every(HOURLY), Instant::now());
        let minutes = (0..200u64).map(|minute| (minute, start + Duration::from_secs(60 * minute)));
        let written: Vec<(u64, u64)> =
            minutes.filter_map(|(minute, now)| Some((minute, limiter.note((), now)?))).collect();
        assert_eq!(written, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }

    #[test]
    fn each_subject_has_events_of_its_own_and_the_subjects_are_bounded() {
        let (limiter, now) = (EventLimiter::every(HOURLY), Instant::now());
        assert_eq!(
            [limiter.note(1, now), limiter.note(1, now), limiter.note(2, now)],
            [Some(1), None, Some(1)]
        );
        let written = (0..100_000).filter(|subject| limiter.note(*subject, now).is_some()).count();
        assert_eq!(written, MOST_SUBJECTS - 2 + 1, "those that are told apart, and the others as one");
        assert!(limiter.subjects.lock().unwrap().len() <= MOST_SUBJECTS + 1);
        // After an hour, whoever was quiet makes room.
        assert_eq!(limiter.note(200_000, now + HOURLY), Some(1));
        assert_eq!(limiter.subjects.lock().unwrap().len(), 1);
    }
}
