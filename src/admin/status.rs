//! What is loaded and how it is doing, as JSON. The words are in [`crate::admin::status_text`].

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::admin::phase_word;
use crate::admin::reload::problems;
use crate::config::{Deny, Mode};
use crate::state::endpoint::Endpoint;
use crate::state::report::Report;
use crate::state::snapshot::{List, LiveRoute, Snapshot};
use crate::state::stats::gauges::Gauges;
use crate::state::stats::health::Condition;
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
        "certificates": certificates(snapshot, SystemTime::now()),
        "routes": snapshot.routes.iter().map(|r| route(r)).collect::<Vec<_>>(),
        "unrouted": counted(&snapshot.unrouted),
        "upstreams": snapshot.endpoints().values().map(|e| upstream(e)).collect::<Vec<_>>(),
        "gauges": numbers(gauges),
        "last_reload": last_reload.map(reloaded),
    })
}

/// A time as logs write it.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
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
        Deny::Drop => "drop",
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

/// The certificates by listener, in the order of the config.
fn certificates(snapshot: &Snapshot, now: SystemTime) -> Vec<Value> {
    let doors = snapshot.config.listen.iter().zip(&snapshot.doors);
    let shown = doors.filter_map(|(listener, door)| Some((listener, door.as_ref()?)));
    let all = shown.flat_map(|(listener, door)| door.certificates.iter().map(move |one| (listener, one)));
    all.map(|(listener, one)| {
        json!({
            "listener": listener.address.to_string(),
            "path": one.files.certificate.display().to_string(),
            "names": one.names,
            "serial": one.serial,
            "until": one.until,
            "days_left": one.days_left(now),
            "untimely": one.untimely(now),
            "last_good": one.last_good,
        })
    })
    .collect()
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

fn upstream(endpoint: &Endpoint) -> Value {
    let condition = endpoint.health.condition(Instant::now());
    let (state, rest) = match condition {
        Condition::Up => ("up", None),
        Condition::Failing => ("failing", None),
        Condition::Resting(rest) => ("resting", Some(rest)),
        Condition::Down => ("down", None),
    };
    json!({
        "url": endpoint.url,
        "state": state,
        "rest_ms": rest.map(|rest| u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)),
        "checked": endpoint.check.is_some(),
    })
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
        "http2_streams_refused": gauges.streams_refused.load(Relaxed),
        "tls_handshakes": gauges.tls_completed.load(Relaxed),
        "tls_handshakes_failed": gauges.tls_failed.load(Relaxed),
        "accept_errors": gauges.accept_errors.load(Relaxed),
        "requests_in_flight": gauges.in_flight.load(Relaxed),
        "buffered_bytes": gauges.buffered.load(Relaxed),
        "upstream_connections_opened": gauges.upstream_opened.load(Relaxed),
        "upstream_connections_reused": gauges.upstream_reused.load(Relaxed),
        "upstream_resent": gauges.upstream_resent.load(Relaxed),
        "log_lines_dropped": gauges.log_lines_dropped.load(Relaxed),
        "log_reopen_failed": gauges.log_reopen_failed.load(Relaxed),
        "reload_busy_s": gauges.reload_busy.load(Relaxed),
        "reload_dead": gauges.reload_dead.load(Relaxed),
        "admin_made_room": gauges.admin_made_room.load(Relaxed),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage, anonymous};
    use crate::admin::status_text::text;
    use crate::policy::outcome::Reason;
    use crate::state::stats::gauges::Phase;

    #[test]
    fn programs_and_people_are_told_the_same() {
        let mut stage = Stage::new(CONFIG);
        let snapshot = stage.snapshot();
        snapshot.routes[0].counters.count(Reason::Success, Some(200));
        snapshot.routes[0].counters.count(Reason::NotListed, Some(403));
        for _ in 0..3 {
            let _ = snapshot.routes[0].upstream.endpoints[0].health.failed(false, Instant::now());
            let _ = snapshot.routes[2].upstream.endpoints[0].health.failed(true, Instant::now());
        }
        let gauges = Gauges::default();
        gauges.enter(Phase::Draining);
        let value = value(&snapshot, None, &gauges, Duration::from_secs(61));
        let route = &value["routes"][0];
        assert_eq!(
            route["outcomes"],
            json!({ "delivered": { "success": 1 }, "denied": { "not_listed": 1 } })
        );
        assert_eq!(route["statuses"], json!({ "200": 1, "403": 1 }));
        let states: Vec<_> = value["upstreams"].as_array().unwrap().iter().map(|u| &u["state"]).collect();
        assert_eq!(states, ["failing", "resting", "up"]);
        assert!(value["upstreams"][1]["rest_ms"].as_u64().is_some_and(|ms| (4000..=5000).contains(&ms)));
        assert_eq!(
            value["upstreams"][2],
            json!({ "url": "unix:/run/b.sock", "state": "up", "rest_ms": null, "checked": true })
        );
        assert_eq!(value["lists"][0]["name"], "edge");
        assert_eq!(value["lists"][0]["reviewed"], Value::Null);
        let text = anonymous(&text(&value), stage.folder.path());
        for line in [
            "nexmo-gate 0.1.0: draining, up 1 min 1 s",
            "  edge                   1 prefixes  as of -           reviewed -           DIR/ranges/edge.txt",
            "  /webhooks/answer                 voice-answer         delivered 1, denied 1  [voice, sms]",
            "  /webhooks/sms/*                  sms-inbound          no request yet  [sms]",
            "  http://127.0.0.1:3000                    failing: cannot be connected to, and there is no other",
            "  http://127.0.0.1:3001                    resting: could not be connected to",
            "  unix:/run/b.sock                         up",
            "no reload yet",
        ] {
            assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
        }
    }
}
