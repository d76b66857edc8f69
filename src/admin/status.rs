//! Makes the answer to `GET /status`. The text form is in [`crate::admin::text::status`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::admin::api::status::{
    Certificate, LastReload, List, Outcomes, Route, Secret, Status, Statuses, Unrouted, Upstream,
};
use crate::state::endpoint::Endpoint;
use crate::state::report::Report;
use crate::state::secrets::LiveSecret;
use crate::state::snapshot::{self, LiveRoute, Snapshot};
use crate::state::stats::gauges::{Gauges, TABLE};
use crate::state::stats::health::Condition;
use crate::telemetry::timestamp;

/// The answer to `GET /status`.
#[must_use]
pub(crate) fn describe(
    snapshot: &Snapshot,
    last_reload: Option<&Report>,
    gauges: &Gauges,
    uptime: Duration,
) -> Status {
    Status {
        certificates: certificates(snapshot, SystemTime::now()),
        deny: snapshot.config.deny.word().to_owned(),
        gauges: TABLE.iter().map(|number| (number.key.to_owned(), number.value(gauges))).collect(),
        generation: snapshot.generation,
        last_reload: last_reload.map(LastReload::from),
        lists: snapshot.lists.values().map(|list| List::from(&**list)).collect(),
        loaded_at: rfc3339(snapshot.loaded_at),
        mode: snapshot.config.mode.word().to_owned(),
        phase: gauges.phase().word().to_owned(),
        routes: snapshot.routes.iter().map(|route| Route::from(&**route)).collect(),
        secrets: secrets(snapshot, SystemTime::now()),
        trusted_proxies: snapshot.trusted_names.iter().map(ToString::to_string).collect(),
        unrouted: Unrouted::from(&*snapshot.unrouted),
        upstreams: snapshot.endpoints().values().map(|endpoint| Upstream::from(&***endpoint)).collect(),
        uptime_s: uptime.as_secs(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// A time in RFC 3339, as in the log.
#[must_use]
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let mut text = Vec::new();
    timestamp::write(&mut text, at);
    String::from_utf8_lossy(&text).into_owned()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The certificates by listener, in the order of the config.
fn certificates(snapshot: &Snapshot, now: SystemTime) -> Vec<Certificate> {
    let doors = snapshot.config.listen.iter().zip(&snapshot.doors);
    let shown = doors.filter_map(|(listener, door)| Some((listener, door.as_ref()?)));
    let all = shown.flat_map(|(listener, door)| door.certificates.iter().map(move |one| (listener, one)));
    all.map(|(listener, one)| Certificate {
        days_left: one.days_left(now),
        last_good: one.last_good,
        listener: listener.address.to_string(),
        names: one.names.clone(),
        path: one.files.certificate.display().to_string(),
        serial: one.serial.clone(),
        until: one.until.clone(),
        untimely: one.untimely(now),
    })
    .collect()
}

/// The secrets of signatures, in the order of the config.
fn secrets(snapshot: &Snapshot, now: SystemTime) -> Vec<Secret> {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let shown = |one: &LiveSecret| Secret {
        last_good: one.last_good,
        of: one.owner(),
        over: one.is_over(now),
        path: one.file.file.display().to_string(),
        until: one.file.until.map(|day| day.to_string()),
    };
    snapshot.secrets.sources.iter().map(shown).collect()
}

impl From<&snapshot::List> for List {
    fn from(list: &snapshot::List) -> Self {
        Self {
            as_of: list.ranges.as_of().map(|day| day.to_string()),
            last_good: list.last_good,
            name: list.name.clone(),
            path: list.path.display().to_string(),
            prefixes: list.ranges.entries().len(),
            reviewed: list.ranges.reviewed().map(|day| day.to_string()),
        }
    }
}

impl From<&LiveRoute> for Route {
    fn from(route: &LiveRoute) -> Self {
        Self {
            allow: route.allow.iter().map(|list| list.name.clone()).collect(),
            deadline_ms: milliseconds(route.deadline),
            outcomes: outcomes(route),
            route: route.label.clone(),
            statuses: statuses(route),
            webhook: route.webhook.name().to_owned(),
            would_deny: route.counters.would_deny(),
        }
    }
}

impl From<&LiveRoute> for Unrouted {
    fn from(route: &LiveRoute) -> Self {
        Self { outcomes: outcomes(route), statuses: statuses(route), would_deny: route.counters.would_deny() }
    }
}

fn outcomes(route: &LiveRoute) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for (reason, count) in route.counters.by_reason() {
        let outcome = outcomes.entry(reason.outcome().word().to_owned()).or_default();
        outcome.insert(reason.word().to_owned(), count);
    }
    outcomes
}

fn statuses(route: &LiveRoute) -> Statuses {
    route.counters.by_status().collect()
}

impl From<&Endpoint> for Upstream {
    fn from(endpoint: &Endpoint) -> Self {
        let condition = endpoint.health.condition(Instant::now());
        let rest = match condition {
            Condition::Resting(rest) => Some(rest),
            Condition::Up | Condition::Failing | Condition::Down => None,
        };
        Self {
            checked: endpoint.check.is_some(),
            rest_ms: rest.map(milliseconds),
            state: condition.into(),
            url: endpoint.url.clone(),
        }
    }
}

impl From<&Report> for LastReload {
    fn from(report: &Report) -> Self {
        Self {
            at: rfc3339(report.at),
            cause: report.cause.to_string(),
            changes: report.changes.clone(),
            held: report.held.clone(),
            needs_restart: report.needs_restart.clone(),
            problems: report.problems.iter().map(Into::into).collect(),
            published: report.published,
            warnings: report.warnings.iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::api::status::UpstreamState;
    use crate::admin::fixture::{CONFIG, Stage, anonymous};
    use crate::admin::text::status::text;
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
        let status = describe(&snapshot, None, &gauges, Duration::from_secs(61));
        let [failing, resting, up] = status.upstreams.as_slice() else { panic!("{:?}", status.upstreams) };
        assert_eq!(failing.state, UpstreamState::Failing);
        assert_eq!(resting.state, UpstreamState::Resting);
        assert!(resting.rest_ms.is_some_and(|ms| (4000..=5000).contains(&ms)));
        let url = "unix:/run/b.sock".to_owned();
        assert_eq!(up, &Upstream { checked: true, rest_ms: None, state: UpstreamState::Up, url });
        let text = anonymous(&text(&status), stage.folder.path());
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
