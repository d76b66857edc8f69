//! Where requests go: `http://host[:port]`, `https://host[:port]` or `unix:/path`.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::host::{authority, host};
use super::raw::Node;
use super::units::quote;
use super::{Target, Upstream};

const WANTED: &str = "a URL such as http://127.0.0.1:3000";
/// What is said where an upstream should be.
pub const MISSING: &str = "missing; where should requests go? e.g. http://127.0.0.1:3000";
/// The longest path of a UNIX socket: `sun_path` is 108 bytes, the last one zero.
const SOCKET_PATH: usize = 107;

/// Reads a URL, or a mapping of `url`, `ca` and `server_name`.
pub fn upstream(node: &Node) -> Option<Upstream> {
    match node.value {
        Value::Sequence(_) => node.problem("several upstreams are not supported yet; name one"),
        Value::Mapping(_) => detailed(node),
        _ => Some(Upstream { target: target(node)?, ca: None, server_name: None }),
    }
}

fn detailed(node: &Node) -> Option<Upstream> {
    let section = node.section(WANTED)?;
    let target = if let Some(url) = section.get("url") {
        target(&url)
    } else {
        section.problem("url", MISSING);
        None
    };
    let ca = section.get("ca");
    let server_name = section.get("server_name");
    if target.as_ref().is_some_and(|t| !matches!(t, Target::Https { .. })) {
        for node in [&ca, &server_name].into_iter().flatten() {
            node.problem::<()>("has a meaning with https:// only");
        }
        return Some(Upstream { target: target?, ca: None, server_name: None });
    }
    let ca = ca.map(|node| node.file("the path of a PEM file"));
    let server_name = server_name.map(|node| node.parsed("a host name", host).map(|host| host.name));
    Some(Upstream { target: target?, ca: ca.flatten(), server_name: server_name.flatten() })
}

fn target(node: &Node) -> Option<Target> {
    let url = node.text(WANTED)?;
    if let Some(path) = unix_path(url) {
        return node.judged(path).map(|path| Target::Unix(node.under_base(path)));
    }
    node.judged(http(url))
}

fn http(url: &str) -> Result<Target, String> {
    let shown = quote(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(match authority(url) {
            Ok(_) => format!("{shown} has no scheme; write http://{url} or https://{url}"),
            Err(_) => format!("{shown} is not {WANTED}, https://app.example or unix:/run/app.sock"),
        });
    };
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(format!("the scheme {} is not http, https or unix", quote(scheme))),
    };
    if rest.contains('@') {
        return Err("a user name or password has no place in this URL".to_owned());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, tail) = rest.split_at(end);
    if !matches!(tail, "" | "/") {
        return Err(format!(
            "{} is too much: requests keep their own path and query; write {scheme}://{place}",
            quote(tail)
        ));
    }
    let (host, port) = authority(place)?;
    Ok(if tls {
        Target::Https { host: host.name, port: port.unwrap_or(443) }
    } else {
        Target::Http { host: host.name, port: port.unwrap_or(80) }
    })
}

/// The path of `unix:/path` or `unix:///path`; `None` for another scheme.
pub fn unix_path(text: &str) -> Option<Result<&Path, String>> {
    let rest = text.strip_prefix("unix:")?;
    // With two slashes the next part would be a host, which a UNIX socket does not have.
    let path = rest.strip_prefix("//").unwrap_or(rest);
    Some(if path.is_empty() {
        Err("the path is missing; write unix:/run/app.sock".to_owned())
    } else if path.len() < rest.len() && !path.starts_with('/') {
        Err(format!("a UNIX socket has no host; write unix:/{path}"))
    } else if path.len() > SOCKET_PATH || path.contains('\0') {
        Err(format!("the path of a UNIX socket has at most {SOCKET_PATH} bytes and no zero byte"))
    } else {
        Ok(Path::new(path))
    })
}

/// An upstream as a URL, for messages.
pub fn show(target: &Target) -> String {
    let at = |scheme: &str, host: &str, port: u16| {
        if host.contains(':') {
            format!("{scheme}://[{host}]:{port}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    };
    match target {
        Target::Http { host, port } => at("http", host, *port),
        Target::Https { host, port } => at("https", host, *port),
        Target::Unix(path) => format!("unix:{}", PathBuf::from(path).display()),
    }
}
