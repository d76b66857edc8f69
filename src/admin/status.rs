//! Makes the answer to `GET /status`. The text form is in [`crate::admin::text::status`].

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::admin::api::status::{
    Certificate, LastHits, LastReload, List, Outcomes, Route, Secret, Signatures, Status, Statuses, Unrouted,
    Upstream,
};
use crate::admin::last_hits::{self, OfList};
use crate::state::endpoint::Endpoint;
use crate::state::report::Report;
use crate::state::secrets::LiveSecret;
use crate::state::snapshot::{self, LiveRoute, Snapshot};
use crate::state::stats::gauges::{Gauges, TABLE};
use crate::state::stats::health::Condition;
use crate::telemetry::timestamp;
use crate::telemetry::timestamp::unix_seconds;

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
        lists: lists(snapshot),
        loaded_at: rfc3339(snapshot.loaded_at),
        mode: snapshot.config.mode.word().to_owned(),
        phase: gauges.phase().word().to_owned(),
        routes: snapshot.routes.iter().map(|one| route(snapshot, one)).collect(),
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

/// The same for a time in Unix seconds.
fn of_unix(seconds: u64) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_secs(seconds))
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
    let now = unix_seconds(now);
    let shown = |one: &LiveSecret| Secret {
        hits: one.uses.hits(),
        last_good: one.last_good,
        last_used: one.uses.last().map(of_unix),
        of: one.owner(),
        over: one.is_over(now),
        path: one.file.file.display().to_string(),
        until: one.file.until.map(|day| day.to_string()),
    };
    snapshot.secrets.sources.iter().map(shown).collect()
}

/// The range lists, by name.
fn lists(snapshot: &Snapshot) -> Vec<List> {
    let hits = last_hits::of(snapshot);
    let shown = |list: &snapshot::List| List {
        as_of: list.ranges.as_of().map(|day| day.to_string()),
        last_good: list.last_good,
        last_hits: hits.iter().find(|one| one.list.name == list.name).map(LastHits::from),
        name: list.name.clone(),
        path: list.path.display().to_string(),
        prefixes: list.ranges.entries().len(),
        reviewed: list.ranges.reviewed().map(|day| day.to_string()),
    };
    snapshot.lists.values().map(|list| shown(list)).collect()
}

impl From<&OfList<'_>> for LastHits {
    fn from(one: &OfList<'_>) -> Self {
        let shown = one.shown.iter();
        Self {
            cut: one.cut,
            never: one.never(),
            prefixes: shown.map(|(prefix, at)| (prefix.to_string(), at.map(of_unix))).collect(),
        }
    }
}

fn route(snapshot: &Snapshot, route: &LiveRoute) -> Route {
    Route {
        allow: route.allow.iter().map(|list| list.name.clone()).collect(),
        deadline_ms: milliseconds(route.deadline),
        outcomes: outcomes(route),
        route: route.label.clone(),
        signature: snapshot.signature_rules(route).map(|_| signatures(route)),
        statuses: statuses(route),
        webhook: route.webhook.name().to_owned(),
        would_deny: route.counters.would_deny(),
    }
}

fn signatures(route: &LiveRoute) -> Signatures {
    let counted = &route.counters.signatures;
    let mut findings = BTreeMap::new();
    for (_, finding, count) in counted.by_finding() {
        *findings.entry(finding.word().to_owned()).or_default() += count;
    }
    Signatures {
        faults_in_a_row: counted.in_a_row(),
        findings,
        need: route.signature.need.word().to_owned(),
        payloads: counted.by_form().map(|(form, count)| (form.word().to_owned(), count)).collect(),
        repeats: counted.repeats(),
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
    use crate::admin::fixture::{CONFIG, SIGNED, Stage, anonymous};
    use crate::admin::text::status::text;
    use crate::policy::outcome::Reason;
    use crate::policy::signature::finding::{Finding, Scheme};
    use crate::policy::signature::payload::PayloadForm;
    use crate::state::stats::gauges::Phase;
    use crate::state::stats::signatures::Counted;

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

    #[test]
    fn signatures_are_told_to_programs_and_people_and_secrets_to_nobody() {
        let mut stage = Stage::new(SIGNED);
        let snapshot = stage.snapshot();
        let good = Counted {
            scheme: Some(Scheme::Token),
            finding: Finding::Valid,
            age: Some(1),
            form: Some(PayloadForm::Body),
        };
        let signatures = &snapshot.routes[0].counters.signatures;
        signatures.count(&good);
        for scheme in [Some(Scheme::Token), Some(Scheme::Parameter)] {
            signatures.count(&Counted { scheme, finding: Finding::Bad, age: None, form: None });
        }
        snapshot.secrets.count_use(1, 20_778 * 86_400);
        let status = describe(&snapshot, None, &Gauges::default(), Duration::ZERO);
        let one = |word: &str, count| BTreeMap::from([(word.to_owned(), count)]);
        let wanted = Signatures {
            faults_in_a_row: 2,
            findings: one("valid", 1).into_iter().chain(one("bad", 2)).collect(),
            need: "require".to_owned(),
            payloads: one("body", 1),
            repeats: 0,
        };
        assert_eq!(status.routes[0].signature.as_ref(), Some(&wanted));
        assert_eq!(status.routes[2].signature, None, "signature: off");
        let [old, new] = status.secrets.as_slice() else { panic!("{:?}", status.secrets) };
        assert_eq!((old.hits, &old.last_used, old.until.as_deref()), (0, &None, Some("2026-12-31")));
        assert_eq!((new.hits, new.last_used.as_deref()), (1, Some("2026-11-21T00:00:00.000Z")));
        let text = anonymous(&text(&status), stage.folder.path());
        for line in [
            "  /webhooks/answer                 require              bad 2, valid 1  not good in a row: 2",
            "  /webhooks/sms/*                  note                 none yet",
            "  api_key a1b2c3d          until 2026-12-31  not used yet  DIR/old",
            "  api_key a1b2c3d          until -           hits 1, the last at 2026-11-21T00:00:00.000Z  DIR/new",
        ] {
            // Behind the file there may be what is odd about it, by the day on which the test runs.
            assert!(
                text.lines().any(|seen| seen.replace(" (OVER: it does not count)", "") == line),
                "{line}\n{text}"
            );
        }
        assert!(!format!("{text}{status:?}").contains("the secret of "), "{text}");
    }
}
