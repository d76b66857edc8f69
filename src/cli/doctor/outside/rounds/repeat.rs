//! The first question again, letter by letter: the gate counts how often it came.

use crate::cli::doctor::outside::answer::Origin;
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::verdict::passage;
use crate::judge::served::seen::Seen;

/// How often it is sent after the first time.
const AGAIN: u32 = 2;

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let mut all: Vec<Seen> = vec![proven.seen.clone()];
    let mut is_old = false;
    for _ in 0..AGAIN {
        let Ok(heard) = course.ask("GET", &proven.target, "", b"") else { continue };
        course.waits.push(heard.took);
        is_old |= heard.answer().origin() == Origin::Old;
        all.extend(heard.answer().seen());
    }
    let cached = passage::cached(&all, is_old, proven.front);
    course.found(cached);
    course.found(passage::once(&all, AGAIN + 1, proven.front));
}
