//! Many messages: some at once, at a rate. And two times the same one.
//!
//! Invariants: never more than [`MOST_AT_ONCE`] connections, and never more messages than [`MOST`].

use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::child::stop::Wish;

/// The most messages of a run.
pub(super) const MOST: u32 = 10_000;
/// The most connections at once.
const MOST_AT_ONCE: u32 = 64;

/// How many messages begin in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    count: NonZeroU32,
    each: Duration,
}

/// A text that is no rate.
#[derive(Debug, thiserror::Error)]
#[error("wants a number and a time, as in 20/s or 600/min, at most 10000/s")]
pub(super) struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (count, each) = text.split_once('/').ok_or(NoRate)?;
        let each = match each {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(NoRate),
        };
        let count: NonZeroU32 = count.parse().map_err(|_| NoRate)?;
        if count.get() > MOST { Err(NoRate) } else { Ok(Self { count, each }) }
    }
}

impl Rate {
    /// When the message at a place begins.
    fn moment(self, place: u32) -> Duration {
        self.each.saturating_mul(place) / self.count.get()
    }
}

/// Does something for each place, some at once, in the order of the places. It ends early where it says no, and where the
/// user wants to stop. The value has the places that were done.
pub(super) fn each<T: Send>(
    count: u32,
    rate: Option<Rate>,
    wish: &Wish,
    one: impl Fn(u32) -> T + Sync,
    seen: impl Fn(&T) -> bool + Sync,
) -> Vec<(u32, T)> {
    let (next, stop, begun) = (AtomicU32::new(0), AtomicBool::new(false), Instant::now());
    let all = Mutex::new(Vec::new());
    // Without a rate one follows the other, as from one sender.
    let workers = if rate.is_some() { count.min(MOST_AT_ONCE) } else { 1 };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let wait = rate.map_or(Duration::ZERO, |rate| rate.moment(place));
                    if wish.wait(wait.saturating_sub(begun.elapsed())) {
                        return;
                    }
                    let done = one(place);
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    if !seen(&done) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    all.push((place, done));
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|(place, _)| *place);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for (text, place, wanted) in [("20/s", 10, 500), ("600/min", 600, 60_000), ("1/h", 2, 7_200_000)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.moment(place), Duration::from_millis(wanted), "{text}");
        }
        for bad in ["", "20", "20/", "/s", "0/s", "-1/s", "10001/s", "1.5/s", "20/day", "20 /s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_place_is_done_once_and_all_are_in_order() {
        let rate: Rate = "10000/s".parse().unwrap();
        for rate in [None, Some(rate)] {
            let done = each(500, rate, &Wish::default(), |place| place, |_| true);
            assert_eq!(done, (0..500).map(|place| (place, place)).collect::<Vec<_>>());
        }
        let done = each(500, None, &Wish::default(), |place| place, |place| *place < 9);
        assert_eq!(done.len(), 10);
    }

    #[test]
    fn nothing_begins_after_somebody_wants_to_stop() {
        let slow: Rate = "1/h".parse().unwrap();
        for rate in [None, Some(slow)] {
            let wish = Wish::default();
            let done = each(500, rate, &wish, |_| wish.say(), |()| true);
            assert_eq!(done, [(0, ())]);
        }
    }
}
