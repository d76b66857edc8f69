//! What reaches the gate of a request.

use std::time::Duration;

use crate::cli::doctor::outside::answer::Instead;
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::visitor::{NoAnswer, Way};
use crate::cli::doctor::report::Verdict;
use crate::cli::doctor::verdict::{front, passage};
use crate::state::doctor::proof::sha256;

/// The bytes of a query, more than a text message in parts has.
const LONG_QUERY: usize = 4096;
/// The bytes of a body, more than any webhook has.
const LARGE_BODY: usize = 64 * 1024;
/// The most bytes that are sent to find out how many are taken.
const LARGEST_BODY: usize = 4 << 20;
/// The time for them, on a slow way too.
const LARGEST_WITHIN: Duration = Duration::from_secs(12);

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let (plain, by) = (&proven.seen, proven.front);
    course.found(front::scheme(plain, course.place.https, by));
    course.found(front::host(plain, &course.place.authority(), by));
    let odd = course.target("/a%20b/C?x=1%2B2&y=%2f");
    let came = course.came("GET", &odd, "", b"");
    course.found(front::path(&[(proven.target.clone(), Ok(plain.clone())), (odd, came)], by));
    let long = course.target(&format!("?text={}", "a".repeat(LONG_QUERY)));
    let came = course.came("GET", &long, "", b"");
    course.found(front::query(&long, &came, by));
    let target = course.target("");
    let small = course.came("POST", &target, "Content-Type: application/json\r\n", b"{}");
    let posts = small.is_ok();
    course.found(front::method(&small, by));
    let largest = usize::try_from(plain.max_body).unwrap_or(usize::MAX).min(LARGEST_BODY);
    let body = vec![b'a'; LARGE_BODY.min(largest)];
    let target = course.target("");
    let came = course.came("POST", &target, "Content-Type: application/json\r\n", &body);
    let found = front::body((body.len() as u64, &sha256(&body)), &came, posts, by);
    let verdict = found.verdict;
    course.found(found);
    let body = vec![b'a'; largest];
    let way = Way { within: LARGEST_WITHIN, ..course.way() };
    let request = course.request("POST", &course.target(""), "Content-Type: application/json\r\n", &body);
    let came =
        if verdict == Verdict::Pass { course.visitor.ask(&way, &[&request]) } else { Err(NoAnswer::Closed) };
    let came = came.map(|heard| heard.answer().clone()).map_err(|error| Instead::of(&error));
    course.found(passage::limit(verdict, (largest as u64, &sha256(&body)), &came, by));
    let target = course.target("");
    let came = course.came("POST", &target, "Authorization: Bearer a.b.c\r\n", b"{}");
    course.found(front::signature(&came, posts, by));
    course.found(front::version(plain, by));
}
