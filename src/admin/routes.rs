//! Which request to the admin interface gets which answer. No sockets here.

use std::net::IpAddr;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::admin::api::Document;
use crate::admin::api::reload::ReloadReport;
use crate::admin::page::{self, View};
use crate::admin::question::Question;
use crate::admin::{AdminContext, Scope, explain, metrics, reload, status};
use crate::load::reload::ReloaderHealth;
use crate::policy::routing::authority::without_port;
use crate::state::stats::gauges::Phase;

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const NO_RELOADS: &str = "the reload thread has ended\n";
/// The version that Prometheus asks for when it names none.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// As it was sent.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without the question mark; may be empty.
    pub query: String,
    /// What the request says that the host is called: its Host fields, and its target where that does.
    pub hosts: Vec<String>,
    /// A browser sends it for a page, which it tells by `Origin` or `Sec-Fetch-Site`.
    pub is_of_a_page: bool,
    /// A browser that a person looks at.
    pub wants_html: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: &'static str,
    /// The value of Allow, in a 405.
    pub allow: Option<&'static str>,
    /// What a browser may do with it: the value of Content-Security-Policy.
    pub policy: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A few words.
    #[must_use]
    pub(crate) fn plain(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: PLAIN, allow: None, policy: None, body: body.into() }
    }

    fn json(status: u16, document: &impl Document) -> Self {
        match document.to_json() {
            Ok(body) => Self { content_type: JSON, ..Self::plain(status, body) },
            Err(error) => Self::plain(500, format!("the answer cannot be written: {error}\n")),
        }
    }
}

/// What becomes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The answer.
    Now(Answer),
    /// A reload was asked for, and may be: [`reload`] has the answer.
    AfterReload,
}

/// Whether this is a probe, whose answer is a word that costs nothing to find.
#[must_use]
pub(crate) fn is_probe(asked: &Asked) -> bool {
    matches!(asked.path.as_str(), "/healthz" | "/readyz")
}

/// Finds the endpoint of a request and makes its reply.
#[must_use]
pub(crate) fn answer(ctx: &AdminContext, asked: &Asked) -> Told {
    if ctx.scope == Scope::Whole && (asked.method.as_str(), asked.path.as_str()) == ("POST", "/reload") {
        return match refusal(asked) {
            Some(answer) => Told::Now(answer),
            None if asked.is_of_a_page => {
                Told::Now(Answer::plain(403, "a page in a browser cannot ask for a reload\n"))
            }
            None => Told::AfterReload,
        };
    }
    Told::Now(read(ctx, asked))
}

/// Probes ask by any name, and learn one word. Whatever tells more, or asks for more, is for those who name
/// the gate by an address: a page in a browser can have a name of its own made to point here.
fn refusal(asked: &Asked) -> Option<Answer> {
    (!is_probe(asked) && !asked.hosts.iter().all(|host| is_local_name(host))).then(|| {
        Answer::plain(
            403,
            "the Host of this request is a name, and any name can be made to point here; \
             use the address or localhost\n",
        )
    })
}

/// What is only looked at.
fn read(ctx: &AdminContext, asked: &Asked) -> Answer {
    let reading = matches!(asked.method.as_str(), "GET" | "HEAD");
    if ctx.scope == Scope::Probes && !matches!(asked.path.as_str(), "/healthz" | "/readyz" | "/metrics") {
        return Answer::plain(404, "there are: /healthz /readyz /metrics\n");
    }
    // Scrapers on other machines know the gate by a name, and that socket is for them.
    if let Some(refused) = (ctx.scope == Scope::Whole).then(|| refusal(asked)).flatten() {
        return refused;
    }
    match asked.path.as_str() {
        "/healthz" | "/readyz" | "/metrics" | "/status" | "/explain" if !reading => {
            let allow = Some("GET, HEAD");
            Answer { allow, ..Answer::plain(405, "this is for reading: GET or HEAD\n") }
        }
        "/reload" => {
            Answer { allow: Some("POST"), ..Answer::plain(405, "a reload is asked for with POST\n") }
        }
        "/healthz" if has_no_reloads(ctx) => Answer::plain(503, NO_RELOADS),
        "/healthz" => Answer::plain(200, "ok\n"),
        "/readyz" => ready(ctx),
        "/metrics" => Answer { content_type: PROMETHEUS, ..Answer::plain(200, numbers(ctx)) },
        "/status" => report(ctx, asked),
        "/explain" => explain(ctx, &asked.query),
        _ => Answer::plain(404, "there are: /healthz /readyz /metrics /status /explain /reload\n"),
    }
}

fn ready(ctx: &AdminContext) -> Answer {
    let phase = ctx.gauges.phase();
    if phase == Phase::Ready && has_no_reloads(ctx) {
        return Answer::plain(503, NO_RELOADS);
    }
    let status = if phase == Phase::Ready { 200 } else { 503 };
    Answer::plain(status, format!("{}\n", phase.word()))
}

/// Whether changed files go unnoticed for ever: then it serves, but not what it should, and only a restart helps.
/// A reload that takes long is no such thing, the last good state serves meanwhile.
fn has_no_reloads(ctx: &AdminContext) -> bool {
    ctx.reloader.health() == ReloaderHealth::Dead
}

fn numbers(ctx: &AdminContext) -> String {
    metrics::render(&ctx.store.load(), ctx.store.last_reload().as_deref(), &ctx.gauges, SystemTime::now())
}

fn report(ctx: &AdminContext, asked: &Asked) -> Answer {
    let (snapshot, last_reload) = (ctx.store.load(), ctx.store.last_reload());
    let uptime = ctx.started.elapsed();
    let format = asked.query.split('&').find_map(|pair| pair.strip_prefix("format="));
    if format == Some("json") || !asked.wants_html {
        return Answer::json(200, &status::describe(&snapshot, last_reload.as_deref(), &ctx.gauges, uptime));
    }
    let instant = Instant::now();
    ctx.history.sample(snapshot.counted(), instant);
    let view = View {
        snapshot: &snapshot,
        last_reload: last_reload.as_deref(),
        gauges: &ctx.gauges,
        history: &ctx.history,
        denials: &ctx.denials.noted(),
        uptime,
        now: SystemTime::now(),
        instant,
        refresh: page::refresh_of(&asked.query),
    };
    Answer { content_type: HTML, policy: Some(page::POLICY), ..Answer::plain(200, page::render(&view)) }
}

fn explain(ctx: &AdminContext, query: &str) -> Answer {
    match Question::from_query(query) {
        Ok(question) => Answer::json(200, &explain::explain(&ctx.store.load(), &question)),
        Err(problem) => Answer::plain(400, format!("{problem}\n")),
    }
}

/// Reloads, and tells how it went.
pub(crate) async fn reload(ctx: &AdminContext) -> Answer {
    let report = ctx.reloader.reload(reload::CAUSE).await;
    let status = if report.problems.is_empty() { 200 } else { 422 };
    Answer::json(status, &ReloadReport::from(&*report))
}

/// Whether the Host is no name that somebody else could make point here. Without a Host (a UNIX
/// socket, HTTP/1.0) no browser is involved.
fn is_local_name(host: &str) -> bool {
    let name = without_port(host.as_bytes());
    let name = std::str::from_utf8(name).unwrap_or_default();
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};

    #[tokio::test]
    async fn a_name_that_could_be_rebound_is_told_a_word_and_nothing_else() {
        let (_folder, context) = Stage::new(CONFIG).context();
        let ask = |method: &str, path: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            answer(&context, &Asked { method: method.into(), path: path.into(), hosts, ..Asked::default() })
        };
        let status = |told: Told| match told {
            Told::Now(answer) => answer.status,
            Told::AfterReload => 0,
        };
        for hosts in [&["evil.example"][..], &["127.0.0.1:9901", "evil.example"]] {
            for path in ["/metrics", "/status", "/explain", "/reload", "/nothing", "/"] {
                assert_eq!(status(ask("GET", path, hosts)), 403, "{path} {hosts:?}");
                assert_eq!(status(ask("POST", path, hosts)), 403, "{path} {hosts:?}");
            }
            assert_eq!(status(ask("GET", "/healthz", hosts)), 200);
            assert_eq!(status(ask("HEAD", "/readyz", hosts)), 200);
        }
        for hosts in [&[][..], &["localhost:9901"], &["127.0.0.1"]] {
            assert_eq!(status(ask("GET", "/metrics", hosts)), 200);
            assert_eq!(ask("POST", "/reload", hosts), Told::AfterReload);
        }
    }

    #[test]
    fn a_host_that_could_be_rebound_is_no_local_name() {
        for host in ["", "localhost", "LOCALHOST:9901", "127.0.0.1:9901", "[::1]:9901", "[::1]", "10.0.0.5"] {
            assert!(is_local_name(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9901", "127.0.0.1.evil.example", "::x", "[::1"] {
            assert!(!is_local_name(host), "{host}");
        }
    }
}
