//! The status page: `/status` for browsers, without script and without external resources.
//!
//! It reads `state` and decides nothing. Its only style sheet is [`STYLE`], which the Content-Security-Policy
//! names by its hash; the policy forbids everything else, so that even a mistake in escaping could neither
//! run nor load anything.
//!
//! | file | noun |
//! | --- | --- |
//! | [`markup`] | HTML whose values are always escaped |
//! | [`chart`] | columns as an inline SVG |
//! | [`attention`] | what needs the operator's attention |
//! | [`level`] | how much it does |
//! | [`traffic`] | requests, per route |
//! | [`denied`] | the last denials |
//! | [`loaded`] | lists, certificates, upstreams, the last reload |
//! | [`proposed`] | what is proposed for the lists |
//! | [`signatures`] | signatures by route, and the secrets that made them |
//! | [`exchanges`] | the pages of `/inspect` |

pub(crate) mod attention;
pub(crate) mod chart;
pub(crate) mod denied;
pub(crate) mod exchanges;
pub(crate) mod level;
pub(crate) mod loaded;
pub(crate) mod markup;
pub(crate) mod proposed;
pub(crate) mod signatures;
#[cfg(test)]
mod tests;
pub(crate) mod traffic;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use self::markup::Markup;
use crate::admin::status::rfc3339;
use crate::admin::text::quantity::{ago, duration};
use crate::config::Mode;
use crate::state::proposals::Proposals;
use crate::state::report::Report;
use crate::state::snapshot::Snapshot;
use crate::state::stats::denials::Noted;
use crate::state::stats::gauges::{Gauges, Phase};
use crate::state::stats::history::History;
use crate::state::strangers::SignedStranger;
use crate::telemetry::timestamp::unix_seconds;

/// The style sheet, byte for byte the content of `<style>`.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The Content-Security-Policy of the page. The hash is that of [`STYLE`]; a test prints the right one.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'sha256-3Pz0h/VM6SzAEpnVN6gUA9Nf3PT0beAplXLUhqWP0a0='; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The seconds that `?refresh=` may ask for.
const REFRESH: std::ops::RangeInclusive<u32> = 2..=3600;

/// The data of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The snapshot in use.
    pub snapshot: &'a Snapshot,
    /// The result of the last reload.
    pub last_reload: Option<&'a Report>,
    /// The proposals that wait.
    pub proposals: &'a Proposals,
    /// The numbers of the process.
    pub gauges: &'a Gauges,
    /// The counts of the last minutes per route.
    pub history: &'a History,
    /// The last denials.
    pub denials: &'a Noted,
    /// The clients in no list that proved themselves by a signature.
    pub strangers: &'a [SignedStranger],
    /// How long the process has run.
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
    pub(crate) fn today(&self) -> i64 {
        let seconds = unix_seconds(self.now);
        i64::try_from(seconds / 86_400).unwrap_or(i64::MAX)
    }
}

/// The refresh interval that the query asks for: `refresh=10`.
#[must_use]
pub(crate) fn refresh_of(query: &str) -> Option<u32> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("refresh="))?;
    asked.parse().ok().filter(|seconds| REFRESH.contains(seconds))
}

/// The whole page as HTML.
#[must_use]
pub(crate) fn render(view: &View<'_>) -> String {
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
        proposed::section(view),
        loaded::upstreams(view),
        loaded::certificates(view),
        signatures::section(view),
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

fn head(page: &mut Markup, view: &View<'_>, worst: Option<level::Level>) {
    page.put("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">", &[]);
    if let Some(seconds) = view.refresh {
        page.put("<meta http-equiv=\"refresh\" content=\"{}\">", &[&seconds]);
    }
    // The colour shows the worst level in a row of tabs.
    let dot = match worst {
        None => "%231f8a5b",
        Some(level::Level::Warn) => "%23c98500",
        Some(level::Level::Bad) => "%23c62f2f",
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
    page.put("<a href=\"/inspect\">Exchanges</a> <a href=\"/status?format=json\">JSON</a> <a href=\"/metrics\">Metrics</a></nav></footer>", &[]);
}
