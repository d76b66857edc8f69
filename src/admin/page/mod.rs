//! `/status` for people: a page that a browser shows without script and without loading anything else.
//!
//! It reads what `state` holds and decides nothing. Its only style is [`STYLE`], which the
//! Content-Security-Policy names by its hash; everything else is forbidden there, so that even a mistake
//! in escaping could neither run nor load anything.
//!
//! | file | noun |
//! | --- | --- |
//! | [`markup`] | HTML whose holes are always escaped |
//! | [`chart`] | columns as an inline SVG |
//! | [`attention`] | what needs a person |
//! | [`traffic`] | requests, route by route |
//! | [`denied`] | who was denied last |
//! | [`loaded`] | lists, certificates, upstreams, the last reload |

pub mod attention;
pub mod chart;
pub mod denied;
pub mod loaded;
pub mod markup;
pub mod traffic;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use self::markup::Markup;
use crate::admin::status::rfc3339;
use crate::admin::text::quantity::{ago, duration};
use crate::config::Mode;
use crate::state::report::Report;
use crate::state::snapshot::Snapshot;
use crate::state::stats::denials::Noted;
use crate::state::stats::gauges::{Gauges, Phase};
use crate::state::stats::history::History;

/// The page's style sheet, word for word what stands in its `<style>`.
pub const STYLE: &str = include_str!("style.css");
/// What a browser may do with the page. The hash is that of [`STYLE`]; a test says the right one.
pub const POLICY: &str = "default-src 'none'; style-src 'sha256-AFpaDfHOqteNOW6kSyenYRuXR8FDy6TpmiHKsSdYtuo='; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The seconds that may be asked for with `?refresh=`.
const REFRESH: std::ops::RangeInclusive<u32> = 2..=3600;

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What serves.
    pub snapshot: &'a Snapshot,
    /// How the last reload went.
    pub last_reload: Option<&'a Report>,
    /// The numbers of the process.
    pub gauges: &'a Gauges,
    /// What happened lately.
    pub history: &'a History,
    /// Who was denied last.
    pub denials: &'a Noted,
    /// How long the process runs.
    pub uptime: Duration,
    /// The time of day.
    pub now: SystemTime,
    /// The same moment on the clock that requests are timed by.
    pub instant: Instant,
    /// Seconds after which the page loads itself again.
    pub refresh: Option<u32>,
}

impl View<'_> {
    /// Days since 1970-01-01.
    #[must_use]
    pub fn today(&self) -> i64 {
        let seconds = self.now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(seconds / 86_400).unwrap_or(i64::MAX)
    }
}

/// How often the page shall load itself again: `refresh=10` in the query.
#[must_use]
pub fn refresh_of(query: &str) -> Option<u32> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("refresh="))?;
    asked.parse().ok().filter(|seconds| REFRESH.contains(seconds))
}

/// The page.
#[must_use]
pub fn render(view: &View<'_>) -> String {
    let needs = attention::needs(view);
    let mut page = Markup::default();
    head(&mut page, view, needs.first().map(|(level, _)| *level));
    page.put("<body><header>", &[]);
    title(&mut page, view);
    page.put("</header><main>", &[]);
    for part in
        [attention::section(&needs), traffic::overview(view), traffic::routes(view), denied::section(view)]
    {
        page.append(&part);
    }
    page.put("<div class=\"columns\">", &[]);
    for part in [
        loaded::lists(view),
        loaded::upstreams(view),
        loaded::certificates(view),
        loaded::last_reload(view),
        loaded::process(view),
    ] {
        page.append(&part);
    }
    page.put("</div></main>", &[]);
    foot(&mut page, view);
    page.put("</body></html>\n", &[]);
    page.into_text()
}

fn head(page: &mut Markup, view: &View<'_>, worst: Option<attention::Level>) {
    page.put("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">", &[]);
    if let Some(seconds) = view.refresh {
        page.put("<meta http-equiv=\"refresh\" content=\"{}\">", &[&seconds]);
    }
    // A tab among many shows how the gate is.
    let dot = match worst {
        None => "%231f8a5b",
        Some(attention::Level::Warn) => "%23c98500",
        Some(attention::Level::Bad) => "%23c62f2f",
    };
    page.put("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns=&quot;http://www.w3.org/2000/svg&quot; viewBox=&quot;0 0 16 16&quot;%3E%3Ccircle cx=&quot;8&quot; cy=&quot;8&quot; r=&quot;7&quot; fill=&quot;{}&quot;/%3E%3C/svg%3E\">", &[&dot]);
    page.put("<title>nexmo-gate: {}</title><style>", &[&phase(view).1]);
    page.put(STYLE, &[]);
    page.put("</style></head>", &[]);
}

fn phase(view: &View<'_>) -> (&'static str, &'static str) {
    match view.gauges.phase() {
        Phase::Starting => ("warn", "starting"),
        Phase::Ready => ("good", "serving"),
        Phase::Draining => ("warn", "draining"),
    }
}

fn title(page: &mut Markup, view: &View<'_>) {
    let snapshot = view.snapshot;
    let (class, word) = phase(view);
    page.put("<h1>nexmo-gate</h1><p class=\"pills\"><span class=\"pill {}\">{}</span> ", &[&class, &word]);
    let mode = snapshot.config.mode;
    let class = if mode == Mode::Observe { "warn" } else { "plain" };
    page.put("<span class=\"pill {}\">mode {}</span> ", &[&class, &mode.word()]);
    page.put("<span class=\"pill plain\">deny {}</span></p>", &[&snapshot.config.deny.word()]);
    let loaded = view.now.duration_since(snapshot.loaded_at).unwrap_or_default();
    page.put(
        "<p class=\"meta\">version {} &middot; up {} &middot; generation {}",
        &[&env!("CARGO_PKG_VERSION"), &duration(view.uptime.as_secs()), &snapshot.generation],
    );
    page.put(", loaded <time datetime=\"{}\">{}</time>", &[&rfc3339(snapshot.loaded_at), &ago(loaded)]);
    page.put(" &middot; {}</p>", &[&loaded::trusted(view)]);
}

/// `2026-11-21 19:30:00`
fn to_the_second(at: SystemTime) -> String {
    rfc3339(at).replace('T', " ").chars().take(19).collect()
}

fn foot(page: &mut Markup, view: &View<'_>) {
    let since = view.now.checked_sub(view.uptime).unwrap_or(UNIX_EPOCH);
    page.put(
        "<footer><p>As of {}, up since {} (UTC).</p><nav>",
        &[&to_the_second(view.now), &to_the_second(since)],
    );
    match view.refresh {
        None => page.put("<a href=\"/status?refresh=10\">Refresh every 10 s</a> ", &[]),
        Some(seconds) => page.put("Refreshes every {} s. <a href=\"/status\">Stop</a> ", &[&seconds]),
    }
    page.put("<a href=\"/status?format=json\">JSON</a> <a href=\"/metrics\">Metrics</a></nav></footer>", &[]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::UNIX_EPOCH;

    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};
    use crate::admin::metrics;
    use crate::admin::status::describe;
    use crate::admin::text::quantity::grouped;
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

    /// A page of a stage whose config was changed by `edit`, with one hostile denial.
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
            snapshot: &snapshot,
            last_reload: report,
            gauges: &gauges,
            history: &history,
            denials: &denials.noted(),
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
    fn what_a_stranger_sends_stays_text() {
        let page = page(CONFIG, None, Phase::Ready);
        assert!(
            page.contains("/&lt;script&gt;alert(1)&lt;<wbr>/script&gt;&#39;&quot;&amp;\\xe2\\x80\\xae"),
            "{page}"
        );
        for never in ["<script", "\u{202e}", " style=", "onload", "onclick", "javascript:"] {
            assert!(!page.contains(never), "{never}");
        }
        // What is shown to be copied holds nothing that a shell would act on.
        assert!(page.contains("<code>nexmo-gate explain 203.0.113.77 --running</code>"), "{page}");
    }

    #[test]
    fn what_the_gate_does_is_told() {
        let page = page(CONFIG, None, Phase::Draining);
        for part in [
            "<title>nexmo-gate: draining</title>",
            "<meta http-equiv=\"refresh\" content=\"10\">",
            "up 1 h 2 min",
            "<li class=\"warn\">list sms was last compared with its source 265 days ago</li>",
            "<li class=\"warn\">denied on configured routes in the last 15 minutes: 1 request; see below who asked</li>",
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

    /// An operator finds a number by whatever they look at.
    #[test]
    fn every_number_of_the_process_stands_in_the_status_the_metrics_and_the_page() {
        let snapshot = Stage::new(CONFIG).snapshot();
        let gauges = Gauges::default();
        gauges.bad_proxy_headers.store(1011, Relaxed);
        gauges.dropped_unheard.store(1012, Relaxed);
        gauges.health_probes.store(1013, Relaxed);
        gauges.tls_completed.store(1014, Relaxed);
        let status = describe(&snapshot, None, &gauges, Duration::ZERO);
        let metrics = metrics::render(&snapshot, None, &gauges, SystemTime::now());
        let page = render(&View {
            snapshot: &snapshot,
            last_reload: None,
            gauges: &gauges,
            history: &History::new(Instant::now()),
            denials: &Noted::default(),
            uptime: Duration::ZERO,
            now: SystemTime::now(),
            instant: Instant::now(),
            refresh: None,
        });
        let mut seen = 0;
        for number in TABLE {
            let value = number.value(&gauges);
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
        let (history, gauges) = (History::new(Instant::now()), Gauges::default());
        let page = render(&View {
            snapshot: &snapshot,
            last_reload: Some(&report),
            gauges: &gauges,
            history: &history,
            denials: &Noted::default(),
            uptime: Duration::ZERO,
            now: SystemTime::now(),
            instant: Instant::now(),
            refresh: None,
        });
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
    fn a_refresh_is_asked_for_within_bounds() {
        let cases = [("refresh=10", Some(10)), ("a=b&refresh=2", Some(2)), ("refresh=1", None), ("", None)];
        for (query, wanted) in cases {
            assert_eq!(refresh_of(query), wanted, "{query}");
        }
        assert_eq!(refresh_of("refresh=10;url=http://evil.example"), None);
    }
}
