//! The answers stay as they were: the first version wrote the files in `tests/fixtures/admin`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::Instant;

use crate::admin::api::Document;
use crate::admin::api::explanation::{Explanation, Verdict};
use crate::admin::api::reload::ReloadReport;
use crate::admin::api::status::{Certificate, Secret, Signatures, Status, UpstreamState};
use crate::admin::explain::explain;
use crate::admin::explain::question::{Parameters, Question};
use crate::admin::fixture::{CONFIG, Stage, anonymous};
use crate::admin::status::describe;
use crate::config::Problem;
use crate::policy::outcome::Reason;
use crate::state::report::{Cause, Report};
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::{Gauges, Phase};

const STATUS: &str = include_str!("../../../tests/fixtures/admin/status.json");
const RELOAD: &str = include_str!("../../../tests/fixtures/admin/reload.json");
const EXPLAIN: &str = include_str!("../../../tests/fixtures/admin/explain.json");
const EXPLAIN_ALL: &str = include_str!("../../../tests/fixtures/admin/explain-all.json");

fn snapshot(stage: &mut Stage) -> Snapshot {
    let mut snapshot = stage.snapshot();
    snapshot.loaded_at = UNIX_EPOCH + Duration::from_secs(20_778 * 86_400);
    snapshot.lists["sms"].last_hits.note(1, 20_778 * 86_400);
    let route = &snapshot.routes[0];
    route.counters.count(Reason::Success, Some(200));
    route.counters.count(Reason::NotListed, Some(403));
    for _ in 0..3 {
        let _ = route.upstream.endpoints[0].health.failed(false, Instant::now());
    }
    snapshot
}

fn report(snapshot: &Snapshot) -> Report {
    Report {
        at: snapshot.loaded_at,
        published: true,
        changes: vec!["list=sms added=1 removed=0".to_owned()],
        problems: vec![Problem::new("ranges/voice.txt:3", "\"x\": is not an IP address")],
        warnings: vec![Problem::new("", "odd")],
        held: vec!["list=sms would lose 2 of 3 prefixes".to_owned()],
        needs_restart: vec!["listen: needs a restart".to_owned()],
        ..Report::new(Cause::Asked, 2)
    }
}

#[test]
fn every_answer_is_written_as_ever() {
    let mut stage = Stage::new(CONFIG);
    let snapshot = snapshot(&mut stage);
    let report = report(&snapshot);
    let gauges = Gauges::default();
    gauges.enter(Phase::Ready);
    let status = describe(&snapshot, Some(&report), &gauges, Duration::from_secs(61));
    let written = |text: String| anonymous(&text, stage.folder.path());
    assert_eq!(written(status.to_json().unwrap()), STATUS);
    assert_eq!(written(ReloadReport::from(&report).to_json().unwrap()), RELOAD);
    let via = "1.2.3.4, 198.51.100.7, 203.0.113.9".to_owned();
    let questions = [(Some(via), Some("/webhooks/answer"), EXPLAIN), (None, None, EXPLAIN_ALL)];
    for (via, path, wanted) in questions {
        let ip = Some("10.1.1.1".to_owned());
        let path = path.map(str::to_owned);
        let question = Question::new(Parameters { ip, via, path, ..Parameters::default() }).unwrap();
        assert_eq!(written(explain(&snapshot, &question, |_| None, 0).unwrap().to_json().unwrap()), wanted);
    }
}

/// Reads a text and writes it again; also reads it with an unknown key added to every object.
fn round_trip<T: Document + Debug + PartialEq>(text: &str) -> T {
    let document = T::from_json(text).unwrap();
    assert_eq!(document.to_json().unwrap(), text);
    let mut newer: Value = serde_json::from_str(text).unwrap();
    assert!(add_a_key(&mut newer) > 0);
    assert_eq!(T::from_json(&newer.to_string()).unwrap(), document, "{newer}");
    document
}

/// Not in maps by name (findings, gauges, outcomes and so on): there a new key is an entry.
fn add_a_key(value: &mut Value) -> usize {
    match value {
        Value::Array(rows) => rows.iter_mut().map(add_a_key).sum(),
        Value::Object(keys) => {
            let typed = keys.iter_mut().filter(|(key, _)| {
                !["findings", "gauges", "outcomes", "payloads", "prefixes", "statuses"]
                    .contains(&key.as_str())
            });
            let inner: usize = typed.map(|(_, value)| add_a_key(value)).sum();
            keys.insert("new".to_owned(), serde_json::json!({ "of": ["a newer gate"] }));
            inner + 1
        }
        _ => 0,
    }
}

#[test]
fn every_type_survives_the_way_there_and_back() {
    let mut status: Status = round_trip(STATUS);
    round_trip::<ReloadReport>(RELOAD);
    for text in [EXPLAIN, EXPLAIN_ALL] {
        round_trip::<Explanation>(text);
    }
    // Fields that the files do not have.
    status.certificates = vec![Certificate {
        days_left: Some(-1),
        last_good: true,
        listener: "0.0.0.0:443".to_owned(),
        names: vec!["hooks.example".to_owned()],
        path: "/etc/cert.pem".to_owned(),
        serial: "0a".to_owned(),
        until: "2026-12-01".to_owned(),
        untimely: Some("is not valid yet".to_owned()),
    }];
    status.secrets = vec![Secret {
        hits: 3,
        last_good: true,
        last_used: Some("2026-11-21T00:00:00.000Z".to_owned()),
        of: "api_key a1b2c3d".to_owned(),
        over: true,
        path: "/etc/nexmo-gate/secrets/a1b2c3d".to_owned(),
        until: Some("2026-12-31".to_owned()),
    }];
    status.routes[0].signature = Some(Signatures {
        faults_in_a_row: 2,
        findings: BTreeMap::from([("unsigned".to_owned(), 2), ("valid".to_owned(), 1)]),
        need: "require".to_owned(),
        payloads: BTreeMap::from([("body".to_owned(), 1)]),
        repeats: 1,
    });
    status.last_reload = None;
    let conditions = [
        UpstreamState::Up,
        UpstreamState::Resting,
        UpstreamState::Down,
        UpstreamState::Other("new".to_owned()),
    ];
    for state in conditions {
        status.upstreams[0].state = state;
        status.upstreams[0].rest_ms = Some(5);
        let text = status.to_json().unwrap();
        assert_eq!(round_trip::<Status>(&text), status);
        // The order on the wire is alphabetical, in every type.
        let sorted: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{sorted:#}\n"), text);
    }
    let mut explanation = Explanation::from_json(EXPLAIN).unwrap();
    for (verdict, word) in
        [(Verdict::Admitted, "admitted"), (Verdict::Denied, "denied"), (Verdict::WouldDeny, "would_deny")]
    {
        explanation.routes[0].verdict = verdict;
        let text = explanation.to_json().unwrap();
        assert!(text.contains(&format!("\"verdict\": \"{word}\"")), "{text}");
        assert_eq!(round_trip::<Explanation>(&text), explanation);
    }
}

#[test]
fn a_key_that_is_missing_is_named() {
    fn each<T: Document + Debug>(text: &str, may_be_missing: &[&str]) {
        let whole: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
        for key in whole.keys() {
            let mut less = whole.clone();
            less.remove(key);
            let read = T::from_json(&Value::Object(less).to_string());
            match read {
                Ok(_) => assert!(may_be_missing.contains(&key.as_str()), "{key}"),
                Err(error) => {
                    assert!(error.to_string().contains(&format!("missing field `{key}`")), "{error}");
                }
            }
        }
    }
    each::<Status>(STATUS, &["last_reload"]);
    each::<ReloadReport>(RELOAD, &[]);
    each::<Explanation>(EXPLAIN, &["listener", "method", "client", "no_client", "path", "via"]);
}

#[test]
fn a_verdict_that_is_not_known_is_taken_for_no_other() {
    let text = EXPLAIN.replace("\"verdict\": \"admitted\"", "\"verdict\": \"admited\"");
    let error = Explanation::from_json(&text).unwrap_err().to_string();
    assert!(error.contains("unknown variant `admited`, expected one of `admitted`"), "{error}");
}
