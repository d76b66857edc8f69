//! The numbers in Prometheus' text format.
//!
//! The counters are in `state`, and a scrape only reads them. Names and labels are an interface: dashboards and alerts
//! use them.
//!
//! | file | noun |
//! | --- | --- |
//! | [`exposition`] | the text format |
//! | [`lists`] | the range lists, and when their prefixes last admitted a request |
//! | [`signatures`] | the signatures of requests, and the secrets that made them |

mod exposition;
mod lists;
mod signatures;

use std::collections::BTreeMap;
use std::time::SystemTime;

use tokio::time::Instant;

use self::exposition::Page;
use crate::policy::outcome::Reason;
use crate::state::proposals::Proposals;
use crate::state::report::Report;
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::state::stats::counters::LATENCY_BOUNDS_MS;
use crate::state::stats::gauges::{Gauges, Phase, TABLE};
use crate::state::stats::health::Condition;
use crate::state::tls;
use crate::telemetry::timestamp::unix_seconds;

/// All numbers as text.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    last_reload: Option<&Report>,
    proposals: &Proposals,
    gauges: &Gauges,
    now: SystemTime,
) -> String {
    let mut page = Page::default();
    requests(&mut page, snapshot);
    latency(&mut page, snapshot);
    signatures::write(&mut page, snapshot);
    process(&mut page, gauges);
    upstreams(&mut page, snapshot);
    lists::write(&mut page, snapshot, proposals, now);
    hits_since(&mut page, gauges);
    certificates(&mut page, snapshot, now);
    loads(&mut page, snapshot, last_reload);
    page.into_text()
}

fn hits_since(page: &mut Page, gauges: &Gauges) {
    const NAME: &str = "prefix_hits_since_timestamp_seconds";
    page.family(
        NAME,
        "gauge",
        "Since when the last hits of prefixes are known; with a state folder over restarts.",
    );
    page.sample(NAME, &[], gauges.hits_since());
}

fn requests(page: &mut Page, snapshot: &Snapshot) {
    page.family("requests_total", "counter", "Requests that ended, by what became of them and why.");
    for route in snapshot.all_routes() {
        let mut seen: Vec<(Reason, u64)> = route.counters.by_reason().collect();
        // These exist from the start: a rate cannot see a counter's step from absent to one, and alerts need
        // it.
        for usual in
            [Reason::Success, Reason::NotListed, Reason::JustRemoved, Reason::StaleList, Reason::Overloaded]
        {
            if seen.iter().all(|(reason, _)| *reason != usual) {
                seen.push((usual, 0));
            }
        }
        for (reason, count) in seen {
            let labels = [
                ("route", route.label.as_str()),
                ("webhook", route.webhook.name()),
                ("outcome", reason.outcome().word()),
                ("reason", reason.word()),
            ];
            page.sample("requests_total", &labels, count);
        }
    }
    page.family("responses_total", "counter", "Answers that senders were given, by status.");
    for route in snapshot.all_routes() {
        for (status, count) in route.counters.by_status() {
            let status = status.to_string();
            let labels = [
                ("route", route.label.as_str()),
                ("webhook", route.webhook.name()),
                ("status", status.as_str()),
            ];
            page.sample("responses_total", &labels, count);
        }
    }
    page.family("would_deny_total", "counter", "Requests that only `mode: observe` let pass.");
    for route in snapshot.all_routes() {
        page.sample("would_deny_total", &of_route(route), route.counters.would_deny());
    }
}

fn of_route(route: &LiveRoute) -> [(&str, &str); 2] {
    [("route", &route.label), ("webhook", route.webhook.name())]
}

#[expect(clippy::cast_precision_loss, reason = "bounds are small")]
fn latency(page: &mut Page, snapshot: &Snapshot) {
    const NAME: &str = "upstream_latency_seconds";
    page.family(NAME, "histogram", "From sending a request to the upstream to its complete answer.");
    for route in snapshot.all_routes() {
        let (cells, sum) = route.counters.latency();
        let bounds = LATENCY_BOUNDS_MS.iter().map(|ms| (*ms as f64 / 1000.0).to_string());
        page.histogram(NAME, &of_route(route), bounds, &cells, sum);
    }
}

fn process(page: &mut Page, gauges: &Gauges) {
    let phase = gauges.phase();
    page.family("phase", "gauge", "1 for what the process is doing now.");
    for one in Phase::ALL {
        page.sample("phase", &[("phase", one.word())], u8::from(one == phase));
    }
    for number in TABLE {
        page.family(number.metric, number.kind.word(), number.help());
        page.sample(number.metric, &[], number.value(gauges));
    }
}

fn upstreams(page: &mut Page, snapshot: &Snapshot) {
    page.family(
        "upstream_healthy",
        "gauge",
        "0 where an endpoint cannot be connected to, rests, or fails its health checks.",
    );
    // One URL may stand for two endpoints with different certificates or checks: show the worse one.
    let mut healthy: BTreeMap<&str, bool> = BTreeMap::new();
    let now = Instant::now();
    for endpoint in snapshot.endpoints().values() {
        let is_up = endpoint.health.condition(now) == Condition::Up;
        *healthy.entry(&endpoint.url).or_insert(true) &= is_up;
    }
    for (url, healthy) in healthy {
        page.sample("upstream_healthy", &[("upstream", url)], u8::from(healthy));
    }
}

fn certificates(page: &mut Page, snapshot: &Snapshot, now: SystemTime) {
    let mut all: Vec<_> = tls::certificates(&snapshot.doors).collect();
    all.sort_by_key(|one| &one.files.certificate);
    // Listeners may share a certificate.
    all.dedup_by_key(|one| &one.files.certificate);
    let paths: Vec<_> = all.iter().map(|one| one.files.certificate.display().to_string()).collect();
    page.family("certificate_not_after_timestamp_seconds", "gauge", "When a certificate expires.");
    for (one, path) in all.iter().zip(&paths) {
        page.sample("certificate_not_after_timestamp_seconds", &[("certificate", path)], one.not_after);
    }
    page.family("certificate_days_left", "gauge", "Whole days until a certificate expires; -1 when it has.");
    for (one, path) in all.iter().zip(&paths) {
        page.sample("certificate_days_left", &[("certificate", path)], one.days_left(now).unwrap_or(-1));
    }
    page.family("certificate_warn_days", "gauge", "With fewer days left the gate warns about a certificate.");
    for (one, path) in all.iter().zip(&paths) {
        page.sample("certificate_warn_days", &[("certificate", path)], one.warn_days());
    }
    page.family(
        "certificate_last_good",
        "gauge",
        "1 where the files cannot be used now and their last good version serves.",
    );
    for (one, path) in all.iter().zip(&paths) {
        page.sample("certificate_last_good", &[("certificate", path)], u8::from(one.last_good));
    }
}

fn loads(page: &mut Page, snapshot: &Snapshot, last_reload: Option<&Report>) {
    let unix = |at: SystemTime| unix_seconds(at);
    page.family("generation", "gauge", "The snapshot that serves, counted from 1.");
    page.sample("generation", &[], snapshot.generation);
    page.family("loaded_timestamp_seconds", "gauge", "When the snapshot that serves was loaded.");
    page.sample("loaded_timestamp_seconds", &[], unix(snapshot.loaded_at));
    page.family("last_reload_ok", "gauge", "1 unless the last reload found problems.");
    let ok = last_reload.is_none_or(|report| report.problems.is_empty());
    page.sample("last_reload_ok", &[], u8::from(ok));
    page.family("last_reload_timestamp_seconds", "gauge", "When the last reload was; 0 for never.");
    page.sample("last_reload_timestamp_seconds", &[], last_reload.map_or(0, |report| unix(report.at)));
    page.family("build_info", "gauge", "1; the label names the version.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};
    use crate::policy::address::range_list::parse;
    use crate::state::proposals::{Change, Waiting};
    use std::collections::HashSet;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    fn page() -> String {
        let mut stage = Stage::new(CONFIG);
        let snapshot = stage.snapshot();
        let counters = &snapshot.routes[0].counters;
        counters.count(Reason::Success, Some(200));
        counters.count(Reason::Success, Some(200));
        counters.count(Reason::Deadline, Some(504));
        counters.count_would_deny();
        counters.time(Duration::from_millis(3));
        snapshot.unrouted.counters.count(Reason::NoRoute, Some(403));
        snapshot.lists["voice"].last_hits.note(1, 1_795_219_200);
        let down = snapshot.routes[2].upstream.endpoints[1].as_ref();
        assert_eq!(down.url, "unix:/run/b.sock");
        for _ in 0..2 {
            let _ = down.health.checked(false);
        }
        let gauges = Gauges::default();
        gauges.enter(Phase::Ready);
        gauges.accepted.store(7, Relaxed);
        let day = UNIX_EPOCH + Duration::from_secs(20_778 * 86_400);
        let now = Some(&snapshot.lists["sms"].ranges);
        let proposals = Proposals {
            waiting: vec![Waiting {
                list: "sms".to_owned(),
                at: 20_775 * 86_400,
                by: "ada".to_owned(),
                source: "https://vendor.example/ips".to_owned(),
                change: Change::between(now, &parse(b"198.51.100.0/24\n203.0.113.0/30\n").unwrap()).unwrap(),
            }],
            ..Proposals::default()
        };
        render(&snapshot, None, &proposals, &gauges, day)
    }

    #[test]
    fn the_metrics_report_what_happened() {
        let page = page();
        let answer = "route=\"/webhooks/answer\",webhook=\"voice-answer\"";
        for line in [
            &format!("requests_total{{{answer},outcome=\"delivered\",reason=\"success\"}} 2"),
            &format!("requests_total{{{answer},outcome=\"undelivered\",reason=\"deadline\"}} 1"),
            &format!("requests_total{{{answer},outcome=\"denied\",reason=\"not_listed\"}} 0"),
            "requests_total{route=\"-\",webhook=\"generic\",outcome=\"denied\",reason=\"no_route\"} 1",
            &format!("responses_total{{{answer},status=\"504\"}} 1"),
            &format!("would_deny_total{{{answer}}} 1"),
            &format!("upstream_latency_seconds_bucket{{{answer},le=\"0.002\"}} 0"),
            &format!("upstream_latency_seconds_bucket{{{answer},le=\"0.005\"}} 1"),
            &format!("upstream_latency_seconds_bucket{{{answer},le=\"+Inf\"}} 1"),
            &format!("upstream_latency_seconds_sum{{{answer}}} 0.003"),
            &format!("upstream_latency_seconds_count{{{answer}}} 1"),
            "phase{phase=\"ready\"} 1",
            "phase{phase=\"draining\"} 0",
            "connections_accepted_total 7",
            "upstream_healthy{upstream=\"http://127.0.0.1:3000\"} 1",
            "upstream_healthy{upstream=\"http://127.0.0.1:3001\"} 1",
            "upstream_healthy{upstream=\"unix:/run/b.sock\"} 0",
            "list_prefixes{list=\"sms\"} 3",
            "list_last_good{list=\"sms\"} 0",
            "list_reviewed_age_seconds{list=\"voice\"} 1728000",
            "prefix_last_hit_timestamp_seconds{list=\"voice\",prefix=\"192.0.2.64/28\"} 1795219200",
            "prefix_last_hit_timestamp_seconds{list=\"voice\",prefix=\"192.0.2.0/28\"} 0",
            "prefix_last_hit_cut{list=\"sms\"} 0",
            "proposal_age_seconds{list=\"sms\"} 259200",
            "proposal_changes{list=\"sms\",kind=\"added\"} 1",
            "proposal_changes{list=\"sms\",kind=\"removed\"} 2",
            "proposal_changes{list=\"sms\",kind=\"gained_v4\"} 4",
            "proposal_changes{list=\"sms\",kind=\"lost_v6\"} 256",
            "generation 1",
            "last_reload_ok 1",
            "last_reload_timestamp_seconds 0",
        ] {
            assert!(
                page.lines().any(|seen| seen.strip_prefix("nexmo_gate_") == Some(line)),
                "{line}\n{page}"
            );
        }
        assert!(!page.contains("list_reviewed_age_seconds{list=\"edge\"}"), "nobody ever reviewed it");
        assert!(!page.contains("hit_cut{list=\"edge\"}"), "a list of proxies admits nobody");
    }

    /// The rules of the text format: one TYPE per family, before its samples, which are contiguous; no series
    /// twice; every value is a number; counters end in `_total`.
    #[test]
    fn the_page_follows_the_text_format() {
        let page = page();
        assert!(page.ends_with('\n'));
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut series = HashSet::new();
        let mut family = "";
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(kinds.insert(name, kind), None, "{name}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                family = name;
            } else if !line.starts_with("# HELP ") {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(series.insert(sample), "{line}");
                let name = sample.split('{').next().unwrap();
                let rest = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} outside its family"));
                let histogram = kinds[family] == "histogram" && ["_bucket", "_sum", "_count"].contains(&rest);
                assert!(rest.is_empty() || histogram, "{line}");
            }
        }
        assert_eq!(kinds.len(), 53);
        assert!(series.len() > 80, "{}", series.len());
    }
}
