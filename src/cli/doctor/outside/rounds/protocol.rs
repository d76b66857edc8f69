//! Requests that parsers read differently.

use std::time::Duration;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::probes::{SPELLINGS, TWO_LENGTHS, TwoLengths, UPGRADES};
use crate::cli::doctor::outside::visitor::Way;
use crate::cli::doctor::report::Verdict;
use crate::cli::doctor::verdict::protocol::{self, HIDDEN, Row, TwoWays};

const WITHIN: Duration = Duration::from_secs(2);

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let by = proven.front;
    let rows: Vec<TwoWays> = TWO_LENGTHS.iter().map(|one| two_ways(course, one)).collect();
    course.found(protocol::framing(&proven.seen, &rows));
    let spelt: Vec<Row> =
        SPELLINGS.iter().map(|(rest, spelling)| (*spelling, course.told(rest, ""))).collect();
    let is_rewritten = course
        .findings
        .iter()
        .any(|finding| finding.check == Check::FrontPath && finding.verdict == Verdict::Fail);
    course.found(protocol::paths(&spelt, is_rewritten, by));
    let origin = course.target("");
    let scheme = if course.place.https { "https" } else { "http" };
    let absolute = format!("{scheme}://{}{origin}", course.place.authority());
    let came = course.ask("GET", &absolute, "", b"");
    let came = came.map(|heard| heard.answer().clone()).map_err(|error| Instead::of(&error));
    course.found(protocol::target((&proven.seen, &origin), &came, is_rewritten, by));
    let offers: Vec<Row> = UPGRADES.iter().map(|(what, lines)| (*what, course.told("", lines))).collect();
    course.found(protocol::upgrade(&offers, by));
    let large = course.told("", &format!("X-Doctor: {}\r\n", "a".repeat(16 * 1024)));
    let pieces = in_pieces(course);
    course.found(protocol::heads(&large, &pieces));
}

/// Sends the message, and a plain request after it over another connection.
fn two_ways(course: &mut Course, one: &TwoLengths) -> TwoWays {
    let way = Way { within: WITHIN, all: true, ..course.way() };
    let (target, hidden) = (course.target(""), course.target(HIDDEN));
    let message = one.message(&target, &hidden, &course.place.authority());
    let answers = course.visitor.ask(&way, &[&message]).map(|heard| heard.answers).unwrap_or_default();
    // What comes next may be the answer to the hidden request, which is no answer to the next one.
    let next = course.target("");
    let heard = course.ask("GET", &next, "", b"").ok();
    let next = heard.and_then(|heard| heard.answer().saw()).map(|seen| (next, seen));
    TwoWays { what: one.what, answers, next }
}

fn in_pieces(course: &mut Course) -> Result<Answer, Instead> {
    let (way, request) = (course.way(), course.request("GET", &course.target(""), "", b""));
    let (first, second) = request.split_at(request.len() / 2);
    let heard = course.visitor.ask(&way, &[first, second]);
    heard.map(|heard| heard.answer().clone()).map_err(|error| Instead::of(&error))
}
