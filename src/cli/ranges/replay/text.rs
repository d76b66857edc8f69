//! The result of a replay for people.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fmt::Write as _;

use crate::admin::text::quantity::{counted, grouped};
use crate::cli::ranges::replay::report::{LineCounts, Network, ReplayReport, Side, UNJUDGED};
use crate::cli::table::columns;

/// The networks that are shown; `--json` has more.
const MOST_SHOWN: usize = 50;

/// The text.
#[must_use]
pub(crate) fn text(report: &ReplayReport) -> String {
    let mut out = String::new();
    let lines = &report.lines;
    // Writing to a String cannot fail, here and below.
    let _ = write!(out, "{} requests were judged again", grouped(lines.judged));
    if let Some(seen) = &report.seen {
        let _ = write!(out, ", from {} to {}", seen.first, seen.last);
    }
    out.push('\n');
    let rows = [
        ("admitted by both", report.kept),
        ("admitted by neither", report.out),
        ("gained", report.gained.requests),
        ("LOST", report.lost.requests),
    ];
    out.push_str(&table_of(&rows));
    unjudged(&mut out, lines, lines.before);
    for (log, why) in &report.unfinished {
        let _ = writeln!(out, "\n{log} was not read to its end: {why}");
    }
    side(&mut out, "LOST", &report.lost);
    side(&mut out, "gained", &report.gained);
    let verdict = match (lines.judged, report.lost.requests) {
        (0, _) => "no request could be judged, so nobody can say who would be lost",
        (_, 0) => "nobody would be lost",
        _ => "somebody would be LOST",
    };
    let _ = writeln!(out, "\n{}: {verdict}", report.lists.join(", "));
    out
}

/// The same before a publication: one line, who would be lost, and what could not be judged.
#[must_use]
pub(crate) fn brief(report: &ReplayReport) -> String {
    let judged = report.lines.judged;
    let mut out = format!("  replay    {} of the access log", requests(judged));
    if let Some(seen) = &report.seen {
        // Writing to a String cannot fail.
        let _ = write!(out, " from {} to {}", seen.first, seen.last);
    }
    out.push_str(match (judged, report.lost.requests) {
        (0, _) => ": nobody can say who would be lost\n",
        (_, 0) => ": nobody would be lost\n",
        _ => ":\n",
    });
    side(&mut out, "LOST", &report.lost);
    if report.lost.requests > 0 && report.lost.forwarded == 0 {
        out.push_str("  none of these requests was forwarded, so they do not hold the list\n");
    }
    // What is older was not asked for.
    unjudged(&mut out, &report.lines, 0);
    out
}

/// A number of requests.
#[must_use]
pub(crate) fn requests(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "request" } else { "requests" })
}

fn table_of(rows: &[(&str, u64)]) -> String {
    let row = |(words, count): &(&str, u64)| vec![(*words).to_owned(), grouped(*count).to_string()];
    columns(&rows.iter().map(row).collect::<Vec<_>>(), &[1])
}

fn unjudged(out: &mut String, lines: &LineCounts, before: u64) {
    let rows = [
        ("older than --since", before),
        ("a route that is not configured any more", lines.route_gone),
        ("no route matched", lines.no_route),
        ("the client is not known", lines.no_client),
        ("sums of requests", lines.summaries),
        ("of another log", lines.other),
        ("cut off, or no line of this gate", lines.damaged),
    ];
    let rows: Vec<_> = rows.into_iter().filter(|(_, count)| *count > 0).collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nlines that could not be judged\n{}", table_of(&rows).trim_end());
    if lines.summed_up > 0 {
        let _ =
            writeln!(out, "  (the sums stand for {} requests of unknown clients)", grouped(lines.summed_up));
    }
}

fn side(out: &mut String, words: &str, side: &Side) {
    if side.requests == 0 {
        return;
    }
    let count = counted(side.networks.len(), "network", "networks");
    let _ = writeln!(out, "\n{words}: {count}");
    let head = ["network", "requests", "first", "last", "routes", "signatures"].map(str::to_owned).to_vec();
    let rows = side.networks.iter().take(MOST_SHOWN).map(row);
    out.push_str(&columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &[1]));
    if let Some(more) = side.networks.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {}; --json has them", counted(more, "more network", "more networks"));
    }
    if side.beyond > 0 {
        let _ = writeln!(out, "  and {} requests of still other networks", grouped(side.beyond));
    }
    if let answered @ 1.. = side.requests.saturating_sub(side.forwarded) {
        let answered = requests(answered);
        let _ = writeln!(out, "  of these, {answered} were denied, rejected or answered by the gate itself");
    }
}

fn row(network: &Network) -> Vec<String> {
    let mut routes = listed(&network.routes);
    if network.other_routes > 0 {
        let _ = write!(routes, ", others {}", network.other_routes);
    }
    let judged: BTreeMap<_, _> = network.signatures.iter().filter(|(word, _)| **word != UNJUDGED).collect();
    let signatures = if judged.is_empty() { UNJUDGED.to_owned() } else { listed(&network.signatures) };
    let requests = grouped(network.requests).to_string();
    vec![network.network.clone(), requests, network.first.clone(), network.last.clone(), routes, signatures]
}

fn listed(counts: &BTreeMap<impl Display, u64>) -> String {
    counts.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
}
