//! Upstreams: `http://host[:port]`, `https://host[:port]` or `unix:PATH`, one or several of them.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_yaml::Value;

use crate::config::model::{HealthCheck, Target, Upstream};
use crate::config::read::host::{authority, host};
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::{is_secret, quote};
use crate::config::sections::error::{CheckPathError, UnixPathError, UrlError};

const WANTED: &str = "a URL such as http://127.0.0.1:3000";
/// The message for a missing upstream.
pub(crate) const MISSING: &str = "missing; set the address of your application, e.g. http://127.0.0.1:3000";
/// The longest path of a UNIX socket: `sun_path` is 108 bytes, the last one zero.
const SOCKET_PATH: usize = 107;
/// The most endpoints of an upstream: a request records the ones it tried in the bits of a `u64`.
const MOST: usize = 64;
/// The longest path of a health check.
const CHECK_PATH: usize = 1024;
const EVERY: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

/// Reads a URL, a list of URLs, or a mapping with more keys.
pub(crate) fn upstream(node: &Node) -> Option<Upstream> {
    if matches!(node.value, Value::Mapping(_)) {
        return detailed(node);
    }
    Some(Upstream { targets: targets(node)?, ca: None, server_name: None, health: None })
}

fn detailed(node: &Node) -> Option<Upstream> {
    let section = node.section(WANTED)?;
    let targets = match (section.get("url"), section.get("urls")) {
        (Some(_), Some(urls)) => urls.problem("url is set too; name all endpoints here"),
        (Some(url), None) => target(&url).map(|target| vec![target]),
        (None, Some(urls)) => {
            let a_list = urls.list("a list of URLs such as [http://127.0.0.1:3000, http://127.0.0.1:3001]");
            a_list.and_then(|_| targets(&urls))
        }
        (None, None) => {
            section.problem("url", MISSING);
            None
        }
    };
    let health = section.get("health").map(|node| health(&node));
    let (ca, server_name) = (section.get("ca"), section.get("server_name"));
    let is_tls = |target: &Target| matches!(target, Target::Https { .. });
    if targets.as_ref().is_some_and(|targets| !targets.iter().any(is_tls)) {
        for node in [&ca, &server_name].into_iter().flatten() {
            node.problem::<()>("only applies to https://");
        }
        return Some(Upstream { targets: targets?, ca: None, server_name: None, health: health.flatten() });
    }
    let ca = ca.map(|node| node.file("the path of a PEM file"));
    let server_name = server_name.map(|node| node.parsed("a host name", host).map(|host| host.name));
    Some(Upstream {
        targets: targets?,
        ca: ca.flatten(),
        server_name: server_name.flatten(),
        health: health.flatten(),
    })
}

/// One URL or a list of them.
fn targets(node: &Node) -> Option<Vec<Target>> {
    let entries = match node.value {
        Value::Sequence(_) => node.list(WANTED)?,
        _ => vec![node.clone()],
    };
    if entries.is_empty() {
        return node.problem("is empty; set the address of your application, e.g. http://127.0.0.1:3000");
    }
    if entries.len() > MOST {
        return node.problem(format!("has {} URLs; at most {MOST} are allowed", entries.len()));
    }
    let mut targets = Vec::with_capacity(entries.len());
    let mut all_good = true;
    for entry in &entries {
        match target(entry) {
            // A duplicate is more likely a mistake than a way to give an endpoint twice the load.
            Some(target) if targets.contains(&target) => {
                entry.problem::<()>(format!("{target} is listed twice"));
                all_good = false;
            }
            Some(target) => targets.push(target),
            None => all_good = false,
        }
    }
    all_good.then_some(targets)
}

fn health(node: &Node) -> Option<HealthCheck> {
    let section: Section = node.section("a mapping of keys such as { path: /healthz }")?;
    let path = if let Some(path) = section.get("path") {
        path.parsed("a path such as /healthz", check_path)
    } else {
        section.problem("path", "missing; set the path of the application's health endpoint, e.g. /healthz");
        None
    };
    let every = section.get("every").map(|node| node.duration(EVERY));
    let timeout = section.get("timeout").map(|node| node.duration(TIMEOUT));
    Some(HealthCheck {
        path: path?,
        every: every.unwrap_or(Some(Duration::from_secs(5)))?,
        timeout: timeout.unwrap_or(Some(Duration::from_secs(1)))?,
    })
}

/// Accepts a path that can be in a request line as it is.
fn check_path(text: &str) -> Result<String, CheckPathError> {
    let shown = quote(text);
    if !text.starts_with('/') {
        return Err(CheckPathError::NoSlash(shown));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        return Err(CheckPathError::OddLetter { shown, odd });
    }
    if text.len() > CHECK_PATH {
        return Err(CheckPathError::Long { bytes: text.len(), most: CHECK_PATH });
    }
    Ok(text.to_owned())
}

fn target(node: &Node) -> Option<Target> {
    let url = node.text(WANTED)?;
    if let Some(path) = unix_path(url) {
        return node.judged(path).map(|path| Target::Unix(node.under_base(path)));
    }
    node.judged(http(url))
}

fn http(url: &str) -> Result<Target, UrlError> {
    let shown = quote(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(match authority(url) {
            Ok(_) if is_secret(url) => UrlError::SecretWithoutScheme(shown),
            Ok(_) => UrlError::NoScheme { shown, url: url.to_owned() },
            Err(_) => UrlError::Other { shown, wanted: WANTED },
        });
    };
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(UrlError::UnknownScheme(quote(scheme))),
    };
    if rest.contains('@') {
        return Err(UrlError::User);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, tail) = rest.split_at(end);
    if !matches!(tail, "" | "/") {
        return Err(UrlError::Path { shown: quote(tail), write: format!("{scheme}://{place}") });
    }
    let (host, port) = authority(place)?;
    Ok(if tls {
        Target::Https { host: host.name, port: port.unwrap_or(443) }
    } else {
        Target::Http { host: host.name, port: port.unwrap_or(80) }
    })
}

/// The path of `unix:PATH`, also of `unix:///path`; `None` for another scheme.
pub(crate) fn unix_path(text: &str) -> Option<Result<&Path, UnixPathError>> {
    let rest = text.strip_prefix("unix:")?;
    // After two slashes a URL has a host, which a UNIX socket does not have.
    let path = rest.strip_prefix("//").unwrap_or(rest);
    Some(if path.is_empty() {
        Err(UnixPathError::Missing)
    } else if path.len() < rest.len() && !path.starts_with('/') {
        Err(UnixPathError::Host(path.to_owned()))
    } else if path.len() > SOCKET_PATH || path.contains('\0') {
        Err(UnixPathError::Long { most: SOCKET_PATH })
    } else {
        Ok(Path::new(path))
    })
}

/// The target as a URL, for messages and labels.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
            Self::Http { host, port } => ("http", host, port),
            Self::Https { host, port } => ("https", host, port),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}
