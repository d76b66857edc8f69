//! The sockets that the gate opens: listeners, admin interface, metrics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_yaml::Value;

use crate::config::model::{Admin, AdminAddress, Listener, Trusted};
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::quote;
use crate::config::sections::tls;
use crate::config::sections::upstream::unix_path;
use crate::policy::client::original::Scheme;

/// The variable by which platforms (Heroku, Render, Cloud Run, Fly) say where the program has to listen.
pub(crate) const PORT: &str = "PORT";
const WANTED: &str = "an address with a port such as 0.0.0.0:8080";

/// Reads `listen`: a list of addresses, or of mappings with an `address`.
pub(crate) fn listeners(root: &Section, trusted: &[Trusted]) -> Vec<Listener> {
    let Some(node) = root.get("listen") else { return unnamed(root).into_iter().collect() };
    let Some(entries) = node.list("a list such as [{ address: \"0.0.0.0:8080\" }]") else {
        return Vec::new();
    };
    if entries.is_empty() {
        node.problem::<()>("is empty; without a listener no request can come in");
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for entry in entries {
        let Some((place, listener)) = listener(root, &entry, trusted) else { continue };
        let address = listener.address;
        if let Some(other) = listeners.iter().find(|other| collide(other.address, address)) {
            place.problem::<()>(format!("{address} is taken by the listener on {}", other.address));
        }
        listeners.push(listener);
    }
    listeners
}

/// The listener where none is named: on the port of the platform, if that chooses one.
fn unnamed(root: &Section) -> Option<Listener> {
    let Some(text) = root.source().port else {
        return Some(plain(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))));
    };
    let Some(port) = text.trim().parse().ok().filter(|port| *port > 0) else {
        let shown = quote(text);
        let message =
            format!("{shown} is not a port from 1 to 65535; the gate listens on it, as no listener is named");
        root.source().report.problem(PORT, message);
        return None;
    };
    Some(Listener { is_of_port: true, ..plain(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))) })
}

/// Reads one entry; returns also the node of its address, which is the entry itself or its key.
fn listener<'a>(root: &Section, entry: &Node<'a>, trusted: &[Trusted]) -> Option<(Node<'a>, Listener)> {
    if !matches!(entry.value, Value::Mapping(_)) {
        let address = entry.parsed(WANTED, socket_address)?;
        return Some((entry.clone(), plain(address)));
    }
    let section = entry.section(WANTED)?;
    // Read every key before returning, so that all problems are reported.
    let proxy_protocol = proxy_protocol(root, &section, trusted);
    let tls = section.get("tls").and_then(|node| tls::tls(&node));
    let scheme = scheme(&section).unwrap_or_default();
    let http2 = section.get("http2").and_then(|node| node.truth()).unwrap_or(false);
    let acme_challenges = section.get("acme_challenges").and_then(|node| node.file("the path of a folder"));
    let Some(place) = section.get("address") else {
        section.problem("address", format!("missing; wanted {WANTED}"));
        return None;
    };
    let address = place.parsed(WANTED, socket_address)?;
    Some((
        place,
        Listener { address, proxy_protocol, tls, scheme, http2, acme_challenges, is_of_port: false },
    ))
}

/// A listener that has only an address.
fn plain(address: SocketAddr) -> Listener {
    Listener {
        address,
        proxy_protocol: false,
        tls: None,
        scheme: Scheme::Http,
        http2: false,
        acme_challenges: None,
        is_of_port: false,
    }
}

/// Whether PROXY headers are required.
fn proxy_protocol(root: &Section, section: &Section, trusted: &[Trusted]) -> bool {
    let proxied = section.get("proxy_protocol").filter(|node| node.truth() == Some(true));
    // If an entry of trusted_proxies could not be read, that is the problem to report.
    let place = root.get("trusted_proxies").map_or("trusted_proxies".to_owned(), |node| node.path);
    if let Some(node) = proxied.as_ref().filter(|_| trusted.is_empty())
        && !root.source().report.is_spoilt(&place)
    {
        node.problem::<()>(
            "only a trusted proxy may send the PROXY header, and trusted_proxies is empty, so every \
             connection would be closed; name the proxies there",
        );
    }
    proxied.is_some()
}

/// How senders reach what stands in front. A listener that speaks TLS itself knows how it is reached.
fn scheme(section: &Section) -> Option<Scheme> {
    let words = [Scheme::Http, Scheme::Https].map(|scheme| (scheme.word(), scheme));
    let node = section.get("scheme")?;
    let scheme = node.choice(&words, &[])?;
    let tls = section.get("tls").is_some_and(|tls| !matches!(tls.value, Value::Null | Value::Bool(false)));
    if tls {
        return node
            .problem("says how senders reach a proxy in front, and this listener has tls itself; remove it");
    }
    Some(scheme)
}

/// Reads `admin`: a mapping, an address, or `off`.
pub(crate) fn admin(root: &Section) -> Option<Admin> {
    let local = || Some(Admin { address: AdminAddress::default() });
    let Some(node) = root.get("admin") else { return local() };
    if matches!(node.value, Value::Null | Value::Bool(false)) || node.is_word("off") {
        return None;
    }
    let mut place = node.clone();
    let mut allow_remote = false;
    if let Value::Mapping(_) = node.value {
        let section = node.section("a mapping of keys")?;
        allow_remote = section.get("allow_remote").is_some_and(|n| n.truth() == Some(true));
        match section.get("address") {
            Some(address) => place = address,
            None if section.source().report.is_spoilt(&node.path) => return None,
            None => return local(),
        }
    }
    let text = place.text("an address such as 127.0.0.1:9901, unix:/run/nexmo-gate/admin.sock, or off")?;
    if let Some(path) = unix_path(text) {
        let path = place.judged(path)?;
        return Some(Admin { address: AdminAddress::Unix(place.under_base(path)) });
    }
    let address = place.judged(socket_address(text))?;
    if !address.ip().to_canonical().is_loopback() {
        if !allow_remote {
            return place.problem(format!(
                "{address} can be reached from other machines, and anyone who connects may reload and read the \
                 status; use 127.0.0.1 or unix:PATH, or set allow_remote: true"
            ));
        }
        place.warning(format!(
            "{address} can be reached from other machines; anyone who connects may reload and read the status"
        ));
    }
    Some(Admin { address: AdminAddress::Tcp(address) })
}

/// Reads `metrics`: a mapping, an address, or `off`.
pub(crate) fn metrics(root: &Section) -> Option<SocketAddr> {
    let node = root.get("metrics")?;
    if matches!(node.value, Value::Null | Value::Bool(false)) || node.is_word("off") {
        return None;
    }
    let place = if let Value::Mapping(_) = node.value {
        let section = node.section("a mapping of keys")?;
        let Some(address) = section.get("address") else {
            section.problem("address", "missing; wanted an address such as 0.0.0.0:9902");
            return None;
        };
        address
    } else {
        node
    };
    place.parsed("an address with a port such as 0.0.0.0:9902", socket_address)
}

/// Whether the two addresses cannot be bound at the same time. `[::]` is all of IPv4 too; only beside `0.0.0.0`, which has
/// a socket of its own then, is it IPv6 alone.
pub(crate) fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // A mapped address is a socket of IPv4.
    let (one, other) = (a.ip().to_canonical(), b.ip().to_canonical());
    let everywhere = |one: IpAddr, other: IpAddr| {
        let both = one.is_ipv6() && !other.is_unspecified();
        one.is_unspecified() && (both || one.is_ipv4() == other.is_ipv4())
    };
    let same_place = one == other || everywhere(one, other) || everywhere(other, one);
    a.port() == b.port() && a.port() != 0 && same_place
}

/// Why a text is no address with a port. The texts in it are as they may be shown.
#[derive(Debug, thiserror::Error)]
enum SocketAddressError {
    /// An address alone.
    #[error("{shown} has no port; write for example {example}")]
    NoPort {
        /// What stands there.
        shown: String,
        /// The same with a port.
        example: SocketAddr,
    },
    /// A port alone.
    #[error("{shown} has no address; write 0.0.0.0:{port} for all of IPv4 or [::]:{port} for both")]
    NoAddress {
        /// What stands there.
        shown: String,
        /// The port of it.
        port: u16,
    },
    /// The name of this machine, with this port.
    #[error("names are not looked up here; write 127.0.0.1:{0} or [::1]:{0}")]
    Localhost(u16),
    /// An IPv6 address that runs into its port.
    #[error("an IPv6 address must be in brackets; write [{host}]:{port}")]
    BareIpv6 {
        /// The address.
        host: String,
        /// The port.
        port: u16,
    },
    /// What stands after the address.
    #[error("the port {0} is not a number from 0 to 65535")]
    BadPort(String),
    /// Anything else.
    #[error("{0} is not {WANTED}; names are not looked up")]
    Other(String),
}

/// Reads an address with a port.
fn socket_address(text: &str) -> Result<SocketAddr, SocketAddressError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let shown = quote(text);
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        let example = SocketAddr::new(ip, 8080);
        return Err(SocketAddressError::NoPort { shown, example });
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let number = port.parse::<u16>();
    Err(match (host, number) {
        ("" | "*", Ok(port)) => SocketAddressError::NoAddress { shown, port },
        ("localhost", Ok(port)) => SocketAddressError::Localhost(port),
        (host, Ok(port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
            SocketAddressError::BareIpv6 { host: host.to_owned(), port }
        }
        (host, Err(_)) if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() => {
            SocketAddressError::BadPort(quote(port))
        }
        _ => SocketAddressError::Other(shown),
    })
}
