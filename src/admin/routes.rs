//! Which request to the admin interface gets which answer. No sockets here.

use std::net::IpAddr;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::admin::api::doctor::Invitation;
use crate::admin::api::reload::ReloadReport;
use crate::admin::api::strangers::SignedStrangers;
use crate::admin::explain::question::{Parameters, Question};
use crate::admin::inspect::act::NotDone;
use crate::admin::inspect::query::{Query, QueryError};
use crate::admin::message::{Answer, Asked};
use crate::admin::page::{self, View};
use crate::admin::{AdminContext, Scope, explain, inspect, metrics, reload, status};
use crate::load::reload::ReloaderHealth;
use crate::policy::routing::authority::without_port;
use crate::state::doctor::{LASTS, NoToken};
use crate::state::stats::gauges::Phase;
use crate::telemetry::timestamp::unix_seconds;

const NO_RELOADS: &str = "the reload thread has ended\n";
/// The version that Prometheus expects if it names none.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The answer.
    Now(Answer),
    /// The request is a permitted reload: [`reload`] makes the answer.
    AfterReload,
    /// The request is a permitted replay: [`replay`] makes the answer.
    AfterReplay {
        /// The exchange.
        number: u64,
        /// Although its answer directs something.
        anyway: bool,
    },
}

/// Whether this is a probe, whose answer takes no work.
#[must_use]
pub(crate) fn is_probe(asked: &Asked) -> bool {
    matches!(asked.path.as_str(), "/healthz" | "/readyz")
}

/// Decides which answer a request gets, and makes it.
#[must_use]
pub(crate) fn answer(ctx: &AdminContext, asked: &Asked) -> Told {
    let acts = ["/reload", "/doctor", "/inspect", "/replay"].contains(&asked.path.as_str());
    if !(acts && ctx.scope == Scope::Whole && asked.method == "POST") {
        return Told::Now(read(ctx, asked));
    }
    match refusal(asked) {
        Some(answer) => Told::Now(answer),
        None if asked.is_of_a_page => {
            let what = match asked.path.as_str() {
                "/reload" => "a reload",
                "/doctor" => "a token",
                "/inspect" => "an inspection",
                _ => "a replay",
            };
            Told::Now(Answer::plain(403, format!("a page in a browser cannot ask for {what}\n")))
        }
        None => act(ctx, asked),
    }
}

/// Does what a request asks for that changes something.
fn act(ctx: &AdminContext, asked: &Asked) -> Told {
    let query = match asked.path.as_str() {
        "/reload" => return Told::AfterReload,
        "/doctor" => return Told::Now(invite(ctx, &asked.query)),
        _ => Query::read(&asked.query),
    };
    match (query, asked.path.as_str()) {
        (Err(problem), _) => Told::Now(wrong(&problem)),
        (Ok(Query { id: Some(number), anyway, .. }), "/replay") => Told::AfterReplay { number, anyway },
        (Ok(_), "/replay") => Told::Now(wrong(&QueryError::NoId)),
        (Ok(query), _) => Told::Now(match inspect::act::switch(ctx, &query, &asked.by) {
            Ok(switched) => Answer::json(200, &switched),
            Err(why) => not_done(why),
        }),
    }
}

/// Makes a token of the doctor, or lets that of another gate count here too.
fn invite(ctx: &AdminContext, query: &str) -> Answer {
    let now = std::time::Instant::now();
    let made = match query.strip_prefix("token=") {
        Some(token) => ctx.doctor.adopt(token, now).map(|()| token.to_owned()),
        None => ctx.doctor.make(now),
    };
    match made {
        Ok(token) => Answer::json(200, &Invitation { seconds: LASTS.as_secs(), token }),
        Err(error @ NoToken::NotOne) => Answer::plain(400, format!("{error}\n")),
        Err(error) => Answer::plain(500, format!("{error}\n")),
    }
}

fn wrong(problem: &QueryError) -> Answer {
    Answer::plain(400, format!("{problem}\n"))
}

fn not_done(why: NotDone) -> Answer {
    Answer::plain(why.status(), format!("{why}\n"))
}

/// Sends an exchange again, and makes the answer from the result.
pub(crate) async fn replay(ctx: &AdminContext, number: u64, anyway: bool) -> Answer {
    match inspect::act::replay(ctx, number, anyway).await {
        Ok(replayed) => Answer::json(200, &replayed),
        Err(why) => not_done(why),
    }
}

/// The last exchanges, or one of them.
fn show(ctx: &AdminContext, asked: &Asked) -> Answer {
    let query = match Query::read(&asked.query) {
        Ok(query) => query,
        Err(problem) => return wrong(&problem),
    };
    let html = asked.wants_html && !asked.query.split('&').any(|pair| pair == "format=json");
    let Some(number) = query.id else {
        let list = inspect::list(ctx, &query);
        return if html {
            Answer::page(page::exchanges::list(&list, &query, &asked.query))
        } else {
            Answer::json(200, &list)
        };
    };
    match inspect::one(ctx, number, query.bodies) {
        Ok(whole) if html => Answer::page(page::exchanges::whole::page(&whole)),
        Ok(whole) => Answer::json(200, &whole),
        Err(why) if html => {
            Answer { status: 404, ..Answer::page(page::exchanges::missing(&why.to_string())) }
        }
        Err(why) => Answer::plain(404, format!("{why}\n")),
    }
}

/// Refuses a request whose Host is a name, unless it is a probe: a page in a browser can have its own name
/// made to point here, and must neither read nor request anything. Probes get only one word.
fn refusal(asked: &Asked) -> Option<Answer> {
    (!is_probe(asked) && !asked.hosts.iter().all(|host| is_local_name(host))).then(|| {
        Answer::plain(
            403,
            "the Host of this request is a name, and any name can be made to point here; \
             use the address or localhost\n",
        )
    })
}

/// Answers a request that changes nothing.
fn read(ctx: &AdminContext, asked: &Asked) -> Answer {
    let reading = matches!(asked.method.as_str(), "GET" | "HEAD");
    if ctx.scope == Scope::Probes && !matches!(asked.path.as_str(), "/healthz" | "/readyz" | "/metrics") {
        return Answer::plain(404, "there are: /healthz /readyz /metrics\n");
    }
    // Scrapers on other machines use a name for the gate, and that socket is for them.
    if let Some(refused) = (ctx.scope == Scope::Whole).then(|| refusal(asked)).flatten() {
        return refused;
    }
    match asked.path.as_str() {
        "/healthz" | "/readyz" | "/metrics" | "/status" | "/explain" | "/strangers" if !reading => {
            let allow = Some("GET, HEAD");
            Answer { allow, ..Answer::plain(405, "use GET or HEAD\n") }
        }
        "/inspect" if !reading => Answer {
            allow: Some("GET, HEAD, POST"),
            ..Answer::plain(405, "use GET, or POST to turn it on\n")
        },
        "/replay" => {
            Answer { allow: Some("POST"), ..Answer::plain(405, "use POST to send an exchange again\n") }
        }
        "/reload" => Answer { allow: Some("POST"), ..Answer::plain(405, "use POST to reload\n") },
        "/doctor" => Answer { allow: Some("POST"), ..Answer::plain(405, "use POST for a token\n") },
        "/healthz" if has_no_reloads(ctx) => Answer::plain(503, NO_RELOADS),
        "/healthz" => Answer::plain(200, "ok\n"),
        "/readyz" => ready(ctx),
        "/metrics" => Answer { content_type: PROMETHEUS, ..Answer::plain(200, numbers(ctx)) },
        "/status" => report(ctx, asked),
        "/explain" => explain(ctx, &asked.query),
        "/inspect" => show(ctx, asked),
        "/strangers" => Answer::json(200, &SignedStrangers { clients: ctx.strangers.all() }),
        _ => Answer::plain(
            404,
            "there are: /healthz /readyz /metrics /status /explain /inspect /strangers /reload /replay /doctor\n",
        ),
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

/// Whether the reload thread has ended. Then changed files go unnoticed until a restart. A slow reload does
/// not count: the last good state stays in use meanwhile.
fn has_no_reloads(ctx: &AdminContext) -> bool {
    ctx.reloader.health() == ReloaderHealth::Dead
}

fn numbers(ctx: &AdminContext) -> String {
    let (last_reload, proposals) = (ctx.store.last_reload(), ctx.store.proposals());
    metrics::render(&ctx.store.load(), last_reload.as_deref(), &proposals, &ctx.gauges, SystemTime::now())
}

fn report(ctx: &AdminContext, asked: &Asked) -> Answer {
    let (snapshot, last_reload, proposals) =
        (ctx.store.load(), ctx.store.last_reload(), ctx.store.proposals());
    let uptime = ctx.started.elapsed();
    let format = asked.query.split('&').find_map(|pair| pair.strip_prefix("format="));
    if format == Some("json") || !asked.wants_html {
        return Answer::json(
            200,
            &status::describe(&snapshot, last_reload.as_deref(), &proposals, &ctx.gauges, uptime),
        );
    }
    let instant = Instant::now();
    ctx.history.sample(snapshot.counted(), instant);
    let view = View {
        snapshot: &snapshot,
        last_reload: last_reload.as_deref(),
        proposals: &proposals,
        gauges: &ctx.gauges,
        history: &ctx.history,
        denials: &ctx.denials.noted(),
        strangers: &ctx.strangers.all(),
        uptime,
        now: SystemTime::now(),
        instant,
        refresh: page::refresh_of(&asked.query),
    };
    Answer::page(page::render(&view))
}

fn explain(ctx: &AdminContext, query: &str) -> Answer {
    let question = Parameters::from_query(query).and_then(Question::new);
    let now = unix_seconds(SystemTime::now());
    match question.and_then(|question| explain::explain(&ctx.store.load(), &question, |_| None, now)) {
        Ok(explanation) => Answer::json(200, &explanation),
        Err(problem) => Answer::plain(400, format!("{problem}\n")),
    }
}

/// Reloads, and makes the answer from the report.
pub(crate) async fn reload(ctx: &AdminContext) -> Answer {
    let report = ctx.reloader.reload(reload::CAUSE).await;
    let status = if report.problems.is_empty() { 200 } else { 422 };
    Answer::json(status, &ReloadReport::from(&*report))
}

/// Whether the Host is an address or `localhost`, which cannot be made to point elsewhere. Without a Host (a
/// UNIX socket, HTTP/1.0) no browser is involved.
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
        let status = |outcome: Told| match outcome {
            Told::Now(answer) => answer.status,
            Told::AfterReload | Told::AfterReplay { .. } => 0,
        };
        for hosts in [&["evil.example"][..], &["127.0.0.1:9901", "evil.example"]] {
            for path in [
                "/metrics", "/status", "/explain", "/inspect", "/replay", "/reload", "/doctor", "/nothing",
                "/",
            ] {
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
