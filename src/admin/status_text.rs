//! A status in words, from its JSON: text for people. The page for browsers is in [`crate::admin::page`].

use std::fmt::Write as _;

use serde_json::Value;

use crate::state::held::HINT;

/// The JSON of [`crate::admin::status::value`], made here or fetched, as text for people.
#[must_use]
pub fn text(status: &Value) -> String {
    let word = |key: &str| plain(&status[key]);
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "nexmo-gate {}: {}, up {}\ngeneration {} of {}, mode {}, deny {}",
        word("version"),
        word("phase"),
        duration(status["uptime_s"].as_u64().unwrap_or(0)),
        word("generation"),
        word("loaded_at"),
        word("mode"),
        word("deny"),
    );
    let _ = writeln!(out, "\nlists");
    for list in rows(&status["lists"]) {
        let last_good = if list["last_good"] == true { "  LAST GOOD: the file cannot be used" } else { "" };
        let _ = writeln!(
            out,
            "  {:<16} {:>7} prefixes  as of {:<10}  reviewed {:<10}  {}{last_good}",
            plain(&list["name"]),
            plain(&list["prefixes"]),
            plain(&list["as_of"]),
            plain(&list["reviewed"]),
            plain(&list["path"]),
        );
    }
    certificates(&mut out, &status["certificates"]);
    let _ = writeln!(out, "\nroutes");
    for route in rows(&status["routes"]) {
        let allow: Vec<String> = rows(&route["allow"]).iter().map(plain).collect();
        let _ = writeln!(
            out,
            "  {:<32} {:<20} {}  [{}]",
            plain(&route["route"]),
            plain(&route["webhook"]),
            outcomes(route),
            allow.join(", "),
        );
    }
    let _ = writeln!(out, "  {:<32} {:<20} {}", "no route", "-", outcomes(&status["unrouted"]));
    let _ = writeln!(out, "\nupstreams");
    for upstream in rows(&status["upstreams"]) {
        let state = plain(&upstream["state"]);
        let meaning = match state.as_str() {
            "failing" => ": cannot be connected to, and there is no other",
            "resting" => ": could not be connected to",
            "down" => ": its health checks fail",
            _ => "",
        };
        let _ = writeln!(out, "  {:<40} {state}{meaning}", plain(&upstream["url"]));
    }
    let _ = writeln!(out, "\nnow");
    for (name, number) in status["gauges"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "  {:<32} {:>12}", name.replace('_', " "), plain(number));
    }
    last_reload(&mut out, &status["last_reload"]);
    out
}

fn certificates(out: &mut String, all: &Value) {
    if rows(all).is_empty() {
        return;
    }
    let _ = writeln!(out, "\ncertificates");
    for one in rows(all) {
        let last_good = if one["last_good"] == true { "  LAST GOOD: the files cannot be used" } else { "" };
        let left = match one["days_left"].as_i64() {
            Some(_) if one["untimely"].is_string() => "NOT VALID YET".to_owned(),
            Some(days) => format!("{days} days left"),
            None => "EXPIRED".to_owned(),
        };
        let names: Vec<String> = rows(&one["names"]).iter().map(plain).collect();
        let _ = writeln!(
            out,
            "  {:<21} until {} ({left})  {}  [{}]{last_good}",
            plain(&one["listener"]),
            plain(&one["until"]),
            plain(&one["path"]),
            names.join(", "),
        );
    }
}

fn last_reload(out: &mut String, report: &Value) {
    if report.is_null() {
        let _ = writeln!(out, "\nno reload yet");
        return;
    }
    let published = if report["published"] == true { "published" } else { "nothing published" };
    let _ = writeln!(
        out,
        "\nlast reload at {} by {}: {published}",
        plain(&report["at"]),
        plain(&report["cause"])
    );
    for change in rows(&report["changes"]) {
        let _ = writeln!(out, "  {}", plain(change));
    }
    for held in rows(&report["held"]) {
        let _ = writeln!(out, "  held: {}; {HINT}", plain(held));
    }
    for key in rows(&report["needs_restart"]) {
        let _ = writeln!(out, "  {}", plain(key));
    }
    for (key, word) in [("warnings", "warning"), ("problems", "problem")] {
        for problem in rows(&report[key]) {
            let _ = writeln!(out, "  {word}: {}", problem_line(problem));
        }
    }
}

/// `at: message`, as the problem itself prints.
#[must_use]
pub fn problem_line(problem: &Value) -> String {
    crate::config::Problem::new(plain(&problem["at"]), plain(&problem["message"])).to_string()
}

fn outcomes(route: &Value) -> String {
    let mut words = Vec::new();
    for (outcome, reasons) in route["outcomes"].as_object().into_iter().flatten() {
        let sum: u64 = reasons.as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
        words.push(format!("{outcome} {sum}"));
    }
    if words.is_empty() { "no request yet".to_owned() } else { words.join(", ") }
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A value as a word: strings without quotes, nothing as `-`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time in its two largest units.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), told);
        }
    }
}
