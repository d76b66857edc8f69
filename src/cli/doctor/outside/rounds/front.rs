//! What reaches the gate of a request.

use ring::digest::{SHA256, digest};

use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::verdict::front;

/// The bytes of a query, more than a text message in parts has.
const LONG_QUERY: usize = 4096;
/// The bytes of a body, more than any webhook has.
const LARGE_BODY: usize = 64 * 1024;

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
    let body = vec![b'a'; LARGE_BODY.min(usize::try_from(plain.max_body).unwrap_or(LARGE_BODY))];
    let hash: String = digest(&SHA256, &body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let came = course.came("POST", &target, "Content-Type: application/json\r\n", &body);
    course.found(front::body((body.len() as u64, &hash), &came, posts, by));
    let came = course.came("POST", &target, "Authorization: Bearer a.b.c\r\n", b"{}");
    course.found(front::signature(&came, posts, by));
    course.found(front::version(plain, by));
}
