//! Equal questions, letter by letter: the gate counts how often each came.
//!
//! The first question, one with a query, and a POST whose body is another each time: a front may keep or copy some of them alone.

use crate::cli::doctor::outside::answer::Origin;
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::verdict::passage;
use crate::judge::served::seen::Seen;

/// Questions besides the first, each of which is sent twice.
const REPEATED: usize = 2;

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let mut all: Vec<Seen> = vec![proven.seen.clone()];
    let mut is_old = false;
    let (query, posted) = (course.target("?text=a"), course.target("/posted"));
    let first = proven.target.as_str();
    let questions: [(&str, &str, &[u8]); 2 + 2 * REPEATED] = [
        ("GET", first, b""),
        ("GET", first, b""),
        ("GET", &query, b""),
        ("GET", &query, b""),
        ("POST", &posted, b"{\"a\":1}"),
        ("POST", &posted, b"{\"a\":2}"),
    ];
    for (method, target, body) in questions {
        let lines = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let Ok(heard) = course.ask(method, target, lines, body) else { continue };
        if method == "GET" {
            course.waits.push(heard.took);
        }
        is_old |= heard.answer().origin() == Origin::Old;
        all.extend(heard.answer().seen());
    }
    course.found(passage::cached(&all, is_old, proven.front));
}
