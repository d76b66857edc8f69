//! A status as text for people. The page for browsers is in [`crate::admin::page`].

use std::fmt::Write as _;

use crate::admin::api::reload::Problem;
use crate::admin::api::status::{Certificate, LastHits, LastReload, Outcomes, Secret, Status};
use crate::admin::text::NOTHING;
use crate::admin::text::quantity::duration;
use crate::state::held::HINT;

/// The text for an answer to `GET /status`.
#[must_use]
pub(crate) fn text(status: &Status) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let Status { version, phase, generation, loaded_at, mode, deny, .. } = status;
    let up = duration(status.uptime_s);
    let _ = writeln!(
        out,
        "nexmo-gate {version}: {phase}, up {up}\ngeneration {generation} of {loaded_at}, mode {mode}, deny {deny}"
    );
    lists(&mut out, status);
    certificates(&mut out, &status.certificates);
    secrets(&mut out, &status.secrets);
    routes(&mut out, status);
    signatures(&mut out, status);
    upstreams(&mut out, status);
    let _ = writeln!(out, "\nnow");
    for (name, number) in &status.gauges {
        let _ = writeln!(out, "  {:<32} {number:>12}", name.replace('_', " "));
    }
    match &status.last_reload {
        Some(report) => last_reload(&mut out, report),
        None => out.push_str("\nno reload yet\n"),
    }
    out
}

fn lists(out: &mut String, status: &Status) {
    let _ = writeln!(out, "\nlists");
    for list in &status.lists {
        let last_good = if list.last_good { "  LAST GOOD: the file cannot be used" } else { "" };
        let _ = writeln!(
            out,
            "  {:<16} {:>7} prefixes  as of {:<10}  reviewed {:<10}  {}{last_good}",
            list.name,
            list.prefixes,
            list.as_of.as_deref().unwrap_or(NOTHING),
            list.reviewed.as_deref().unwrap_or(NOTHING),
            list.path,
        );
        if let Some(hits) = &list.last_hits {
            last_hits(out, hits);
        }
    }
}

/// How many prefixes of a list never admitted a request, and when another one last did.
fn last_hits(out: &mut String, hits: &LastHits) {
    // Times of this form are in order when their texts are.
    let last = hits.prefixes.values().flatten().max().map_or("none since the start", String::as_str);
    let cut = if hits.cut > 0 { format!(", not counting {} more", hits.cut) } else { String::new() };
    let _ = writeln!(out, "  {:<16} last hit: {last}; {} never hit{cut}", "", hits.never);
}

fn certificates(out: &mut String, all: &[Certificate]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "\ncertificates");
    for one in all {
        let last_good = if one.last_good { "  LAST GOOD: the files cannot be used" } else { "" };
        let left = match one.days_left {
            Some(_) if one.untimely.is_some() => "NOT VALID YET".to_owned(),
            Some(days) => format!("{days} days left"),
            None => "EXPIRED".to_owned(),
        };
        let Certificate { listener, until, path, .. } = one;
        let names = one.names.join(", ");
        let _ = writeln!(out, "  {listener:<21} until {until} ({left})  {path}  [{names}]{last_good}");
    }
}

fn secrets(out: &mut String, all: &[Secret]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nsecrets of signatures");
    for one in all {
        let last_good = if one.last_good { "  LAST GOOD: the file cannot be used" } else { "" };
        let over = if one.over { " (OVER: it does not count)" } else { "" };
        let until = one.until.as_deref().unwrap_or(NOTHING);
        let used = match &one.last_used {
            Some(last) => format!("hits {}, the last at {last}", one.hits),
            None => "not used yet".to_owned(),
        };
        let _ = writeln!(out, "  {:<24} until {until:<10}{over}  {used}  {}{last_good}", one.of, one.path);
    }
}

fn routes(out: &mut String, status: &Status) {
    let _ = writeln!(out, "\nroutes");
    for route in &status.routes {
        let counted = outcomes(&route.outcomes);
        let allow = route.allow.join(", ");
        let _ = writeln!(out, "  {:<32} {:<20} {counted}  [{allow}]", route.route, route.webhook);
    }
    let counted = outcomes(&status.unrouted.outcomes);
    let _ = writeln!(out, "  {:<32} {NOTHING:<20} {counted}", "no route");
}

fn signatures(out: &mut String, status: &Status) {
    let judged: Vec<_> =
        status.routes.iter().filter_map(|route| Some((&route.route, route.signature.as_ref()?))).collect();
    if judged.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nsignatures");
    for (route, signatures) in judged {
        let found: Vec<String> =
            signatures.findings.iter().map(|(word, count)| format!("{word} {count}")).collect();
        let found = if found.is_empty() { "none yet".to_owned() } else { found.join(", ") };
        let in_a_row = match signatures.faults_in_a_row {
            0 => String::new(),
            faults => format!("  not good in a row: {faults}"),
        };
        let _ = writeln!(out, "  {route:<32} {:<20} {found}{in_a_row}", signatures.need);
    }
}

fn outcomes(outcomes: &Outcomes) -> String {
    let sum = |(outcome, reasons): (&String, &std::collections::BTreeMap<String, u64>)| {
        format!("{outcome} {}", reasons.values().sum::<u64>())
    };
    let words: Vec<String> = outcomes.iter().map(sum).collect();
    if words.is_empty() { "no request yet".to_owned() } else { words.join(", ") }
}

fn upstreams(out: &mut String, status: &Status) {
    let _ = writeln!(out, "\nupstreams");
    for upstream in &status.upstreams {
        let meaning = upstream.state.meaning().map(|meaning| format!(": {meaning}")).unwrap_or_default();
        let _ = writeln!(out, "  {:<40} {}{meaning}", upstream.url, upstream.state.word());
    }
}

fn last_reload(out: &mut String, report: &LastReload) {
    let published = if report.published { "published" } else { "nothing published" };
    let _ = writeln!(out, "\nlast reload at {} by {}: {published}", report.at, report.cause);
    for change in &report.changes {
        let _ = writeln!(out, "  {change}");
    }
    for held in &report.held {
        let _ = writeln!(out, "  held: {held}; {HINT}");
    }
    for key in &report.needs_restart {
        let _ = writeln!(out, "  {key}");
    }
    let kinds: [(&str, &[Problem]); 2] = [("warning", &report.warnings), ("problem", &report.problems)];
    for (word, problems) in kinds {
        for problem in problems {
            let _ = writeln!(out, "  {word}: {problem}");
        }
    }
}
