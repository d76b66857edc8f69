//! What reaches the sender of what the gate says.

use std::time::{Duration, Instant};

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::visitor::Way;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::Front;
use crate::cli::doctor::verdict::truth::{self, Told};

/// Refusals and failures that a sender must hear as they are.
const FAILURES: [u16; 11] = [400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504];
const SUCCESSES: [u16; 6] = [200, 201, 202, 203, 204, 205];
/// The longest wait for an answer that is asked for.
const LONGEST: Duration = Duration::from_secs(20);
/// What an answer may take besides.
const MORE: Duration = Duration::from_secs(3);
/// How long the doctor waits for the gate to be stopped.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let by = proven.front;
    let mut told = |statuses: &[u16]| -> Vec<Told> {
        statuses.iter().map(|said| (*said, course.told(&format!("/status/{said}"), ""))).collect()
    };
    let (failures, successes) = (told(&FAILURES), told(&SUCCESSES));
    course.found(Finding::pass(Check::TruthRedirect, "no redirect"));
    course.found(truth::codes(&failures, by));
    course.found(truth::success(&successes, by));
    course.found(truth::retry(&failures, by));
    course.found(truth::answer(proven.heard.answer(), by));
    let deadline = Duration::from_millis(proven.seen.longest_deadline_ms);
    let longest = deadline.min(LONGEST);
    let way = Way { within: longest + MORE, ..course.way() };
    let request = course.request("GET", &course.target("/wait"), "", b"");
    let began = Instant::now();
    let came = course.visitor.ask(&way, &[&request]);
    let came = came.map(|heard| heard.answer().clone()).map_err(|error| Instead::of(&error));
    course.found(truth::patience((deadline, longest), began.elapsed(), &came, by));
}

/// Waits until the operator has stopped the gate, and asks what a sender hears then.
pub(crate) fn drill(course: &mut Course) {
    eprintln!(
        "stop the gate now (systemctl stop nexmo-gate); the doctor waits for {} s",
        STOPPED_WITHIN.as_secs()
    );
    let until = Instant::now() + STOPPED_WITHIN.min(course.visitor.left());
    while Instant::now() < until {
        let came = course.told("", "");
        if !came.as_ref().is_ok_and(Answer::is_of_gate) {
            let front = came.as_ref().ok().map(|answer| Front::named(answer.field("server")));
            course.found(truth::down(&came, front.unwrap_or_default()));
            eprintln!("start the gate again");
            return;
        }
        std::thread::sleep(PAUSE);
    }
    course.found(Finding::skip(Check::TruthDown, "the gate went on answering: it was not stopped"));
}
