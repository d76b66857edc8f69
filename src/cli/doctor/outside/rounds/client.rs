//! Who the gate sees, and whether forged headers change it.

use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::probes::{CLAIMS, FORGED, proxy_headers};
use crate::cli::doctor::outside::visitor::{Heard, Way};
use crate::cli::doctor::report::Verdict;
use crate::cli::doctor::verdict::client::{self, Forged};

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let mut rows: Vec<Forged> = FORGED.iter().map(|(what, lines)| forge(course, what, lines)).collect();
    for (what, preface) in proxy_headers(course.first()) {
        let way = Way { preface, ..course.way() };
        let request = course.request("GET", &course.target(""), "", b"");
        let heard = course.visitor.ask(&way, &[&request]).ok();
        rows.push(Forged::of(what, heard.as_ref().map(Heard::answer)));
    }
    let forged = client::forged(&proven.seen, &rows, proven.heard.own, proven.front);
    let is_chosen = matches!(forged.verdict, Verdict::Fail | Verdict::Warn);
    course.found(forged);
    let machine = course.machine();
    course.found(client::address(&proven.seen, proven.heard.own, machine, is_chosen, proven.front));
    let other = if course.place.https { "http" } else { "https" };
    let claims = CLAIMS.iter().map(|(what, lines)| forge(course, what, &lines.replace("SCHEME", other)));
    let claims: Vec<Forged> = claims.collect();
    course.found(client::claims(&proven.seen, &claims, proven.front));
}

fn forge(course: &mut Course, what: &'static str, lines: &str) -> Forged {
    Forged::of(what, course.told("", lines).ok().as_ref())
}
