//! Makes a `Config`, or a list of every problem, from text and flags.
//!
//! Each section has its own reader; here are the keys without a section, and the checks that need several
//! sections.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::config::model::{
    AccessLog, Admin, AdminAddress, Config, Deny, ForwardedHeader, Listener, Log, LogFormat, LogLevel, Mode,
    Route, Target, Upstream,
};
use crate::config::overrides::Overrides;
use crate::config::read::document::{document, outline};
use crate::config::read::error::Problem;
use crate::config::read::node::{Node, Source};
use crate::config::read::report::Report;
use crate::config::read::section::Section;
use crate::config::read::units::quote;
use crate::config::sections::{inspect, limits, listener, lists, routes, signatures, upstream};
use crate::config::variables;
use crate::policy::hold::Outline;
use crate::policy::provider::{self, Provider};
use crate::policy::routing::route::PathPattern;

/// A usable configuration, with its warnings.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The configuration.
    pub config: Config,
    /// What works but is probably a mistake, or must be pointed out; in the order of the file.
    pub warnings: Vec<Problem>,
    /// The outline of the file, to compare it with later versions.
    pub outline: Outline,
}

/// Reads a config file's text (`None`: there is no file) with the values of flags and variables. `base` is
/// the folder of the file: its relative paths start there.
///
/// # Errors
/// Every problem, in the order of the file; those of flags and of missing keys come first.
pub fn parse(text: Option<&str>, overrides: &Overrides, base: &Path) -> Result<Parsed, Vec<Problem>> {
    parse_for(&provider::DEFAULT, text, overrides, base)
}

/// [`parse`], for the webhooks of this provider.
///
/// # Errors
/// As [`parse`].
pub fn parse_for(
    provider: &'static Provider,
    text: Option<&str>,
    overrides: &Overrides,
    base: &Path,
) -> Result<Parsed, Vec<Problem>> {
    let file = document(text.unwrap_or_default()).map_err(|problem| vec![problem])?;
    let report = Report::default();
    let base = if text.is_some() { base } else { Path::new("") };
    let config = {
        let port = overrides.port.as_deref();
        let credentials = overrides.credentials.as_deref();
        let source =
            Source { report: &report, base, replaced: overrides.values(), port, credentials, provider };
        read(&Section::root(&file, &source))
    };
    let unknown: Vec<Problem> = overrides.unknown.iter().map(|name| variables::warning(name)).collect();
    // What a misspelt variable was to set may be what is missing, so it is told with the problems too.
    let warnings = report.finish(&file).map_err(|problems| [problems, unknown.clone()].concat())?;
    let warnings = [unknown, warnings].concat();
    // A reader reports why it leaves something out, so this is never used; it prevents a start if a reader
    // fails to.
    let unread = || vec![Problem::new("upstream", "could not be read")];
    let outline = outline(text.unwrap_or_default(), &file);
    config.map(|config| Parsed { config, warnings, outline }).ok_or_else(unread)
}

fn read(root: &Section) -> Option<Config> {
    let trusted_proxies = lists::trusted_proxies(root);
    let listen = listener::listeners(root, &trusted_proxies);
    let upstream = common_upstream(root);
    let signatures = signatures::signatures(root);
    let routes = routes::routes(root, &trusted_proxies, &signatures.secrets);
    signatures::note_unused(root, &signatures.secrets, &routes);
    let admin = listener::admin(root);
    let metrics = listener::metrics(root);
    let inspect = inspect::inspect(root, admin.as_ref());
    note_collision(root, &listen, admin.as_ref(), metrics);
    note_loops(root, &listen, upstream.as_ref(), &routes);
    let ranges = folder(root, "ranges").unwrap_or_else(|| root.source().base.join("ranges"));
    let deny = deny(root);
    signatures::note_dropped(root, deny);
    note_dropped_challenges(root, &listen, deny);
    Some(Config {
        provider: root.source().provider,
        ranges,
        forwarded_header: forwarded_header(root),
        deny,
        removed_grace: lists::removed_grace(root),
        ranges_review: lists::ranges_review(root),
        mode: mode(root),
        limits: limits::limits(root),
        drain: limits::drain(root, &routes),
        state: folder(root, "state"),
        log: log(root),
        threads: limits::threads(root),
        health_path: health_path(root, &routes),
        inspect,
        metrics,
        listen,
        upstream: upstream?,
        trusted_proxies,
        signatures,
        routes,
        admin,
    })
}

fn common_upstream(root: &Section) -> Option<Upstream> {
    let Some(node) = root.get_filled("upstream") else {
        root.problem("upstream", upstream::MISSING);
        return None;
    };
    upstream::upstream(&node)
}

fn folder(root: &Section, key: &str) -> Option<std::path::PathBuf> {
    root.get_filled(key).and_then(|node| node.file("the path of a folder"))
}

fn forwarded_header(root: &Section) -> ForwardedHeader {
    let words =
        [("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)];
    root.get("forwarded_header").and_then(|node| node.choice(&words, &[])).unwrap_or_default()
}

fn deny(root: &Section) -> Deny {
    let words = [
        ("forbid", Deny::Forbid),
        ("hide", Deny::Hide),
        ("retry", Deny::Retry),
        ("retry_when_stale", Deny::RetryWhenStale),
        ("drop", Deny::Drop),
    ];
    root.get("deny").and_then(|node| node.choice(&words, &[])).unwrap_or_default()
}

fn mode(root: &Section) -> Mode {
    let words = [("enforce", Mode::Enforce), ("observe", Mode::Observe)];
    let Some(node) = root.get("mode") else { return Mode::default() };
    let mode = node.choice(&words, &[]).unwrap_or_default();
    if mode == Mode::Observe {
        node.warning(
            "observe: no request is denied; limits still apply, and malformed requests are rejected",
        );
    }
    mode
}

fn log(root: &Section) -> Log {
    let section = root.section("log");
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
    ];
    Log {
        format: section.get("format").and_then(|n| n.choice(&formats, &[])).unwrap_or_default(),
        level: section.get("level").and_then(|n| n.choice(&levels, &[])).unwrap_or_default(),
        access: section.get("access").and_then(|n| access(&n)).unwrap_or(AccessLog::Stdout),
    }
}

fn access(node: &Node) -> Option<AccessLog> {
    let wanted = "stdout, stderr, off, or the path of a file";
    match node.text(wanted)? {
        "stdout" => Some(AccessLog::Stdout),
        "stderr" => Some(AccessLog::Stderr),
        "off" => Some(AccessLog::Off),
        // A typing error such as "stdot" must not create a file.
        text if !text.contains('/') => {
            let (shown, meant) = (quote(text), quote(&format!("./{text}")));
            node.problem(format!("{shown} is not {wanted}; a file in this folder is written {meant}"))
        }
        _ => node.file(wanted).map(AccessLog::File),
    }
}

/// Reads `health_path`: one exact path that no route serves.
fn health_path(root: &Section, routes: &[Route]) -> Option<String> {
    let node = root.get_filled("health_path")?;
    let text = node.text("a path such as /-/healthy")?;
    let pattern = node.judged(PathPattern::parse(text))?;
    if !matches!(pattern, PathPattern::Exact(_)) {
        return node.problem("must be one path, without a star");
    }
    if let Some(place) = routes.iter().position(|route| route.path == pattern) {
        return node.problem(format!("{text} is the path of routes[{place}] already"));
    }
    Some(text.to_owned())
}

/// The admin interface, the metrics and the listeners cannot share a port.
fn note_collision(root: &Section, listen: &[Listener], admin: Option<&Admin>, metrics: Option<SocketAddr>) {
    let mut taken: Vec<(SocketAddr, &str)> = listen.iter().map(|one| (one.address, "the listener")).collect();
    let admin = match admin {
        Some(Admin { address: AdminAddress::Tcp(own) }) => Some(*own),
        _ => None,
    };
    for (key, own, name) in [("admin", admin, "the admin interface"), ("metrics", metrics, "the metrics")] {
        let Some(own) = own else { continue };
        if let Some((other, whose)) = taken.iter().find(|(other, _)| listener::collide(*other, own)) {
            root.problem(key, format!("{own} is taken by {whose} on {other}"));
        }
        taken.push((own, name));
    }
}

/// Refuses `deny: drop` with ACME challenges: a certificate authority connects from addresses that no list
/// has, and `deny: drop` closes such connections.
fn note_dropped_challenges(root: &Section, listen: &[Listener], deny: Deny) {
    if deny != Deny::Drop || root.source().report.is_spoilt("listen") {
        return;
    }
    for place in (0..listen.len()).filter(|place| listen[*place].acme_challenges.is_some()) {
        let at = format!("listen[{place}].acme_challenges");
        root.source().report.problem(
            &at,
            "with `deny: drop` the connection of a stranger is closed without an answer, so the certificate \
             authority gets none; use another `deny`, or prove the name by DNS",
        );
    }
}

/// Refuses an upstream that is the gate itself: each request would cause another one.
fn note_loops(root: &Section, listen: &[Listener], common: Option<&Upstream>, routes: &[Route]) {
    let named = routes
        .iter()
        .enumerate()
        .filter_map(|(index, route)| Some((format!("routes[{index}].upstream"), route.upstream.as_ref()?)));
    let all = common.map(|u| ("upstream".to_owned(), u)).into_iter().chain(named);
    let targets = all.flat_map(|(at, u)| u.targets.iter().map(move |target| (at.clone(), target)));
    for (at, target) in targets {
        let (Target::Http { host, port } | Target::Https { host, port }) = target else { continue };
        let ip = if host == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { host.parse().ok() };
        let Some(ip) = ip else { continue };
        let own = |l: &&Listener| {
            let everywhere = ip.is_loopback() && l.address.ip().is_unspecified() && l.address.port() == *port;
            everywhere || l.address == SocketAddr::new(ip, *port)
        };
        if let Some(own) = listen.iter().find(own) {
            // The common upstream may come from a flag, whose name `root` reports.
            root.problem(&at, format!("{target} is the gate itself, which listens on {}", own.address));
        }
    }
}
