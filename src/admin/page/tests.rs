//! Tests of the whole page.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

use crate::admin::fixture::{CONFIG, Stage};
use crate::admin::metrics;
use crate::admin::page::*;
use crate::admin::status::describe;
use crate::admin::text::quantity::grouped;
use crate::admin::text::status::text;
use crate::config::Problem;
use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::state::report::{Cause, Report};
use crate::state::stats::denials::{Denial, Denials};
use crate::state::stats::gauges::TABLE;

const HOSTILE: &str = "/<script>alert(1)</script>'\"&\u{202e}";

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |number: u32| char::from(DIGITS[(number & 63) as usize]);
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |sum, at| sum << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        let places = (0..=three.len()).map(|place| digit(number >> (18 - 6 * place)));
        text.extend(places.chain(std::iter::repeat_n('=', 3 - three.len())));
    }
    text
}

/// A process that has just begun, of which a page is made.
pub(super) struct Begun {
    pub(super) history: History,
    pub(super) gauges: Gauges,
    pub(super) denials: Noted,
    pub(super) proposals: Proposals,
}

impl Begun {
    pub(super) fn new() -> Self {
        Self {
            history: History::new(Instant::now()),
            gauges: Gauges::default(),
            denials: Noted::default(),
            proposals: Proposals::default(),
        }
    }

    pub(super) fn view<'v>(&'v self, snapshot: &'v Snapshot) -> View<'v> {
        let Self { history, gauges, denials, proposals } = self;
        View {
            snapshot,
            last_reload: None,
            proposals,
            gauges,
            history,
            denials,
            strangers: &[],
            uptime: Duration::ZERO,
            now: SystemTime::now(),
            instant: Instant::now(),
            refresh: None,
        }
    }
}

/// A page for this config, with one hostile denial.
fn page(config: &str, report: Option<&Report>, phase: Phase) -> String {
    let snapshot = Stage::new(config).snapshot();
    let start = Instant::now();
    let (history, denials, gauges) = (History::new(start), Denials::default(), Gauges::default());
    gauges.enter(phase);
    snapshot.routes[0].counters.count(Reason::Success, Some(200));
    snapshot.routes[0].counters.count(Reason::NotListed, Some(403));
    denials.note(&Denial {
        client: Address::new("203.0.113.77".parse().unwrap()),
        reason: Reason::NotListed,
        observed: false,
        route: Some("/webhooks/answer"),
        path: HOSTILE.as_bytes(),
        at: start,
    });
    render(&View {
        proposals: &Proposals::default(),
        snapshot: &snapshot,
        last_reload: report,
        gauges: &gauges,
        history: &history,
        denials: &denials.noted(),
        strangers: &[],
        uptime: Duration::from_secs(3725),
        now: UNIX_EPOCH + Duration::from_secs(20_778 * 86_400),
        instant: start + Duration::from_secs(61),
        refresh: Some(10),
    })
}

#[test]
fn the_policy_names_the_style_that_the_page_has() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let right = base64(suite.common.hash_provider.hash(STYLE.as_bytes()).as_ref());
    let named = POLICY.split("'sha256-").nth(1).and_then(|rest| rest.split('\'').next());
    assert_eq!(named, Some(right.as_str()), "style.css was changed: its hash is the right side");
    assert!(page(CONFIG, None, Phase::Ready).contains(&format!("<style>{STYLE}</style>")));
}

#[test]
fn text_from_a_stranger_stays_text_on_the_page() {
    let page = page(CONFIG, None, Phase::Ready);
    assert!(
        page.contains("/&lt;script&gt;alert(1)&lt;<wbr>/script&gt;&#39;&quot;&amp;\\xe2\\x80\\xae"),
        "{page}"
    );
    for never in ["<script", "\u{202e}", " style=", "onload", "onclick", "javascript:"] {
        assert!(!page.contains(never), "{never}");
    }
    // The command to copy has nothing that a shell would act on.
    assert!(page.contains("<code>nexmo-gate explain 203.0.113.77 --running</code>"), "{page}");
}

#[test]
fn the_page_reports_what_the_gate_does() {
    let page = page(CONFIG, None, Phase::Draining);
    for part in [
        "<title>nexmo-gate: draining</title>",
        "<meta http-equiv=\"refresh\" content=\"10\">",
        "up 1 h 2 min",
        "<li class=\"warn\">list sms was last compared with its source 265 days ago</li>",
        "<li class=\"warn\">denied on configured routes in the last 15 minutes: 1 request; the clients are below</li>",
        "<tr class=\"delivered\"><th scope=\"row\">delivered</th><td>1</td><td>1</td></tr>",
        "<tr class=\"denied\"><th scope=\"row\">denied</th><td>1</td><td>1</td></tr>",
        "<code>api.example.com/webhooks/verify</code>",
        "<small>with health checks</small>",
        "1 min ago",
        "None since the start.",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("last good"));
}

/// The operator can find a number by its name in the status, the metrics or the page.
#[test]
fn every_number_of_the_process_stands_in_the_status_the_metrics_and_the_page() {
    let snapshot = Stage::new(CONFIG).snapshot();
    let begun = Begun::new();
    let gauges = &begun.gauges;
    gauges.bad_proxy_headers.store(1011, Relaxed);
    gauges.dropped_unheard.store(1012, Relaxed);
    gauges.health_probes.store(1013, Relaxed);
    gauges.tls_completed.store(1014, Relaxed);
    let status = describe(&snapshot, None, &Proposals::default(), gauges, Duration::ZERO);
    let metrics = metrics::render(&snapshot, None, &Proposals::default(), gauges, SystemTime::now());
    let page = render(&begun.view(&snapshot));
    let mut seen = 0;
    for number in TABLE {
        let value = number.value(gauges);
        seen += value;
        assert_eq!(status.gauges.get(number.key), Some(&value), "{}", number.key);
        let line = format!("\nnexmo_gate_{} {value}\n", number.metric);
        assert!(metrics.contains(&line), "{line}\n{metrics}");
        let fact = format!("<dt>{}</dt><dd>{}<", number.words, grouped(value));
        let limited = format!("<dt>{}</dt><dd>{} <small>of ", number.words, grouped(value));
        assert!(page.contains(&fact) || page.contains(&limited), "{fact}\n{page}");
    }
    assert_eq!(seen, 1011 + 1012 + 1013 + 1014);
    assert_eq!(page.matches(" <small>of ").count(), 2);
}

#[test]
fn a_secret_that_needs_attention_is_told_with_its_owner_and_its_file() {
    let secrets = "signatures: { secrets: [{ api_key: a1b2c3d, file: a }, { api_key: a1b2c3d, file: b, until: 2025-12-31 }] }";
    let mut stage = Stage::new(&format!("{CONFIG}{secrets}\n"));
    for name in ["a", "b"] {
        std::fs::write(stage.folder.path().join(name), "s3cr3t-of-sixteen").unwrap();
    }
    let mut snapshot = stage.snapshot();
    snapshot.secrets.sources[0].last_good = true;
    let begun = Begun::new();
    let view = begun.view(&snapshot);
    let page = render(&view);
    let path = snapshot.secrets.sources[0].file.file.display().to_string();
    for wanted in [
        "the secret of api_key a1b2c3d is the last good one: ",
        &path,
        "the secret of api_key a1b2c3d no longer counts since the end of 2025-12-31 (UTC); remove it",
    ] {
        assert!(page.contains(wanted), "{wanted}\n{page}");
    }
    let text = text(&describe(&snapshot, None, &Proposals::default(), &begun.gauges, Duration::ZERO));
    assert!(
        text.contains(&format!(
            "  api_key a1b2c3d          until -           not used yet  {path}  LAST GOOD: the file cannot be used\n"
        )),
        "{text}"
    );
    assert!(
        text.contains("  api_key a1b2c3d          until 2025-12-31 (OVER: it does not count)  "),
        "{text}"
    );
    assert!(!page.contains("s3cr3t") && !text.contains("s3cr3t"));
}

#[test]
fn a_problem_of_a_list_stands_at_the_list() {
    let mut stage = Stage::new(CONFIG);
    let mut snapshot = stage.snapshot();
    let mut list = snapshot.lists["sms"].as_ref().clone();
    list.last_good = true;
    let at = format!("{}:3", list.path.display());
    snapshot.lists.insert("sms".to_owned(), Arc::new(list));
    let other = Problem::new("upstream", "no port in <this>");
    let report = Report {
        problems: vec![other, Problem::new(at.clone(), "not an address: \"1.2.3\"")],
        ..Report::new(Cause::Changed, 1)
    };
    let begun = Begun::new();
    let page = render(&View { last_reload: Some(&report), ..begun.view(&snapshot) });
    let (_, lists) = page.split_once("<h2>Lists</h2>").unwrap();
    let (lists, rest) = lists.split_once("</section>").unwrap();
    assert!(lists.contains(&format!("<code>{at}</code> not an address: &quot;1.2.3&quot;")), "{lists}");
    assert!(!lists.contains("upstream"), "{lists}");
    assert!(rest.contains("no port in &lt;this&gt;") && rest.contains("failed"), "{rest}");
    assert!(
        page.contains("the last reload found 1 problem: upstream: no port in &lt;this&gt;")
            && !page.contains("http-equiv"),
        "{page}"
    );
}

#[test]
fn prefixes_that_admitted_nobody_are_named_once_others_have() {
    let snapshot = Stage::new(CONFIG).snapshot();
    let begun = Begun::new();
    let page = render(&begun.view(&snapshot));
    assert_eq!(page.matches("no hit since the start").count(), 2, "a list of proxies admits nobody\n{page}");
    snapshot.lists["voice"].last_hits.note(0, 1_795_219_200);
    for entry in 0..3 {
        snapshot.lists["sms"].last_hits.note(entry, 1_795_219_200);
    }
    let page = render(&begun.view(&snapshot));
    assert!(page.contains("<small>never hit since the start: 192.0.2.64/28</small>"), "{page}");
    assert_eq!(page.matches("hit since the start").count(), 1, "{page}");
    let text = text(&describe(&snapshot, None, &Proposals::default(), &begun.gauges, Duration::ZERO));
    assert!(text.contains("  last hit: 2026-11-21T00:00:00.000Z; 1 never hit\n"), "{text}");
    assert!(text.contains("; 0 never hit\n"), "{text}");
}

#[test]
fn a_refresh_is_asked_for_within_bounds() {
    let cases = [("refresh=10", Some(10)), ("a=b&refresh=2", Some(2)), ("refresh=1", None), ("", None)];
    for (query, wanted) in cases {
        assert_eq!(refresh_of(query), wanted, "{query}");
    }
    assert_eq!(refresh_of("refresh=10;url=http://evil.example"), None);
}
