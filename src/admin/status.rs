//! What is loaded and how it is doing: as JSON, as text for people, as a page for browsers.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::phase_word;
use super::reload::problems;
use crate::config::{Deny, Mode};
use crate::state::gauges::Gauges;
use crate::state::reload::Report;
use crate::state::snapshot::{List, LiveRoute, Snapshot};
use crate::telemetry::timestamp;

/// The answer to `GET /status`.
#[must_use]
pub fn value(snapshot: &Snapshot, last_reload: Option<&Report>, gauges: &Gauges, uptime: Duration) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "phase": phase_word(gauges.phase()),
        "uptime_s": uptime.as_secs(),
        "generation": snapshot.generation,
        "loaded_at": rfc3339(snapshot.loaded_at),
        "mode": mode_word(snapshot.config.mode),
        "deny": deny_word(snapshot.config.deny),
        "trusted_proxies": snapshot.trusted_names,
        "lists": snapshot.lists.values().map(|l| list(l)).collect::<Vec<_>>(),
        "routes": snapshot.routes.iter().map(|r| route(r)).collect::<Vec<_>>(),
        "unrouted": counted(&snapshot.unrouted),
        "gauges": numbers(gauges),
        "last_reload": last_reload.map(reloaded),
    })
}

fn rfc3339(at: SystemTime) -> String {
    let mut text = Vec::new();
    timestamp::write(&mut text, at);
    String::from_utf8_lossy(&text).into_owned()
}

/// The word for a mode, as in the config.
#[must_use]
pub fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
    }
}

/// The word for a deny answer, as in the config.
#[must_use]
pub fn deny_word(deny: Deny) -> &'static str {
    match deny {
        Deny::Forbid => "forbid",
        Deny::Hide => "hide",
        Deny::Retry => "retry",
    }
}

fn list(list: &List) -> Value {
    json!({
        "name": list.name,
        "path": list.path.display().to_string(),
        "prefixes": list.ranges.entries().len(),
        "reviewed": list.ranges.reviewed().map(|day| day.to_string()),
        "as_of": list.ranges.as_of().map(|day| day.to_string()),
        "last_good": list.last_good,
    })
}

fn route(route: &LiveRoute) -> Value {
    let mut value = json!({
        "route": route.label,
        "webhook": route.webhook.name(),
        "allow": route.allow.iter().map(|list| list.name.as_str()).collect::<Vec<_>>(),
        "deadline_ms": u64::try_from(route.deadline.as_millis()).unwrap_or(u64::MAX),
    });
    if let (Value::Object(value), Value::Object(counted)) = (&mut value, counted(route)) {
        value.extend(counted);
    }
    value
}

/// What happened on a route: requests by outcome and reason, answers by status.
fn counted(route: &LiveRoute) -> Value {
    let mut outcomes: Map<String, Value> = Map::new();
    for (reason, count) in route.counters.by_reason() {
        let outcome = outcomes.entry(reason.outcome().word()).or_insert_with(|| json!({}));
        outcome[reason.word()] = json!(count);
    }
    let statuses: Map<String, Value> =
        route.counters.by_status().map(|(status, count)| (status.to_string(), json!(count))).collect();
    json!({
        "outcomes": outcomes,
        "statuses": statuses,
        "would_deny": route.counters.would_deny(),
    })
}

fn numbers(gauges: &Gauges) -> Value {
    json!({
        "connections": gauges.connections.load(Relaxed),
        "connections_accepted": gauges.accepted.load(Relaxed),
        "connections_over_capacity": gauges.over_capacity.load(Relaxed),
        "accept_errors": gauges.accept_errors.load(Relaxed),
        "requests_in_flight": gauges.in_flight.load(Relaxed),
        "buffered_bytes": gauges.buffered.load(Relaxed),
        "upstream_connections_opened": gauges.upstream_opened.load(Relaxed),
        "upstream_connections_reused": gauges.upstream_reused.load(Relaxed),
        "upstream_resent": gauges.upstream_resent.load(Relaxed),
        "log_lines_dropped": gauges.log_lines_dropped.load(Relaxed),
    })
}

fn reloaded(report: &Report) -> Value {
    json!({
        "at": rfc3339(report.at),
        "cause": report.cause.to_string(),
        "published": report.published,
        "changes": report.changes,
        "problems": problems(&report.problems),
        "warnings": problems(&report.warnings),
        "held": report.held,
        "needs_restart": report.needs_restart,
    })
}

/// The JSON of [`value`], local or fetched, as text for people.
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
    let _ = writeln!(out, "\nnow");
    for (name, number) in status["gauges"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "  {:<32} {:>12}", name.replace('_', " "), plain(number));
    }
    last_reload(&mut out, &status["last_reload"]);
    out
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
        let _ = writeln!(out, "  held: {}", plain(held));
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

/// The text as a page: for a person who opens the address in a browser.
#[must_use]
pub fn page(status: &Value) -> String {
    let text = text(status).replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>nexmo-gate</title><pre>{text}</pre>\
         <p><a href=/metrics>metrics</a> (this page as JSON: ask for it with another Accept than text/html)\n"
    )
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

fn duration(seconds: u64) -> String {
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
    use super::super::fixture::{CONFIG, Stage, anonymous};
    use super::*;
    use crate::policy::outcome::Reason;
    use crate::state::gauges::Phase;

    #[test]
    fn programs_and_people_are_told_the_same() {
        let mut stage = Stage::new(CONFIG);
        let snapshot = stage.snapshot();
        snapshot.routes[0].counters.count(Reason::Success, Some(200));
        snapshot.routes[0].counters.count(Reason::NotListed, Some(403));
        let gauges = Gauges::default();
        gauges.enter(Phase::Draining);
        let value = value(&snapshot, None, &gauges, Duration::from_secs(61));
        let route = &value["routes"][0];
        assert_eq!(
            route["outcomes"],
            json!({ "delivered": { "success": 1 }, "denied": { "not_listed": 1 } })
        );
        assert_eq!(route["statuses"], json!({ "200": 1, "403": 1 }));
        assert_eq!(value["lists"][0]["name"], "edge");
        assert_eq!(value["lists"][0]["reviewed"], Value::Null);
        let text = anonymous(&text(&value), stage.folder.path());
        for line in [
            "nexmo-gate 0.1.0: draining, up 1 min 1 s",
            "  edge                   1 prefixes  as of -           reviewed -           DIR/ranges/edge.txt",
            "  /webhooks/answer                 voice-answer         delivered 1, denied 1  [voice, sms]",
            "  /webhooks/sms/*                  sms-inbound          no request yet  [sms]",
            "no reload yet",
        ] {
            assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), told);
        }
    }

    #[test]
    fn a_page_cannot_be_broken_out_of() {
        let page = page(&json!({ "phase": "<script>&" }));
        assert!(page.contains("&lt;script>&amp;") && !page.contains("<script>"));
    }
}
