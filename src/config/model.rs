//! The model: the values of a configuration, complete and checked.
//!
//! No I/O, no YAML and no defaults here: `sections` make these values. Invariant: a [`Config`] is complete.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use crate::policy::admission::{Deny, Mode};
pub(crate) use crate::policy::client::client_ip::ForwardedHeader;
use crate::policy::client::original::Scheme;
use crate::policy::delivery::{OnError, SuccessSet};
use crate::policy::provider::{Provider, Webhook};
use crate::policy::routing::route::PathPattern;

/// Everything an operator can set.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The provider whose webhooks the routes are for.
    pub provider: &'static Provider,
    /// The listeners; never empty.
    pub listen: Vec<Listener>,
    /// The upstream of every route that has none of its own.
    pub upstream: Upstream,
    /// The folder of range files, absolute or relative to the working directory.
    pub ranges: PathBuf,
    /// The proxies that may name the client.
    pub trusted_proxies: Vec<Trusted>,
    /// The header in which they name it.
    pub forwarded_header: ForwardedHeader,
    /// The answer to a denied request.
    pub deny: Deny,
    /// Whether denials are carried out.
    pub mode: Mode,
    /// The routes, in file order; never empty.
    pub routes: Vec<Route>,
    /// Limits on sizes, times and counts.
    pub limits: Limits,
    /// The times of the drain.
    pub drain: Drain,
    /// A folder that keeps the last good lists over a restart.
    pub state: Option<PathBuf>,
    /// The admin interface; `None` turns it off.
    pub admin: Option<Admin>,
    /// The address of the health checks and metrics for other machines; `None` turns it off.
    pub metrics: Option<SocketAddr>,
    /// The path on which the listeners answer probes of trusted proxies and of this machine.
    pub health_path: Option<String>,
    /// The log settings.
    pub log: Log,
    /// The number of worker threads; `None` means one per core.
    pub threads: Option<usize>,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether every connection must begin with a PROXY header from a trusted proxy. If it is true,
    /// `trusted_proxies` is not empty.
    pub proxy_protocol: bool,
    /// The TLS settings; plain HTTP when `None`.
    pub tls: Option<Tls>,
    /// How senders reach what stands in front of it, where that does not say so itself. Never with `tls`.
    pub scheme: Scheme,
    /// Whether HTTP/2 is served beside HTTP/1: chosen by ALPN with TLS, by prior knowledge without.
    pub http2: bool,
    /// The folder of ACME challenge files that are served to anyone.
    pub acme_challenges: Option<PathBuf>,
    /// Whether nobody named it, and its port is that of the variable `PORT`.
    pub is_of_port: bool,
}

impl Listener {
    /// Where its address comes from, if nobody named it.
    #[must_use]
    pub(crate) fn origin(&self) -> Option<String> {
        let address = self.address;
        self.is_of_port.then(|| {
            format!("listens on {address}: no listener is named, and the variable PORT is {}", address.port())
        })
    }
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates; never empty. The first one is the default for names that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// The oldest version that is accepted.
    pub min_version: TlsVersion,
    /// The client certificate that senders are asked for, if any.
    pub client_auth: Option<ClientAuth>,
}

/// A certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The key path of the mapping that names the two files.
    pub at: String,
    /// A PEM file: the certificate first, then those that signed it.
    pub certificate: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// RFC 5246
    #[default]
    V12,
    /// RFC 8446
    V13,
}

/// The client certificate that senders are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// A PEM file with the certificates that may sign it.
    pub ca: PathBuf,
    /// Whether a sender without a certificate is refused. One with a certificate that cannot be verified is
    /// always refused.
    pub required: bool,
}

/// The destination of requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Its endpoints, which take turns; all different, and never none.
    pub targets: Vec<Target>,
    /// A PEM file with the certificates that may sign the upstream's; the system's when `None`.
    pub ca: Option<PathBuf>,
    /// The name that the upstream's certificate must have, if it is not the host of the URL.
    pub server_name: Option<String>,
    /// The health check of each endpoint; without one, only requests show whether an endpoint works.
    pub health: Option<HealthCheck>,
}

/// A health check, sent to an endpoint at intervals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// The path to fetch, which may have a query.
    pub path: String,
    /// The time from an answer to the next check.
    pub every: Duration,
    /// The time for a whole check.
    pub timeout: Duration,
}

/// The transport of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `http://host:port`
    Http {
        /// A name or an address without brackets.
        host: String,
        /// 80 when the URL has none.
        port: u16,
    },
    /// `https://host:port`
    Https {
        /// A name or an address without brackets.
        host: String,
        /// 443 when the URL has none.
        port: u16,
    },
    /// `unix:/path`
    Unix(PathBuf),
}

/// One entry of `trusted_proxies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// A CIDR.
    Prefix(IpNet),
    /// All prefixes of a range list.
    List(String),
}

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The paths that it matches.
    pub path: PathPattern,
    /// The only Host that it matches, if there is one.
    pub host: Option<String>,
    /// The webhook whose rules apply.
    pub webhook: Webhook,
    /// The names of the lists that may use it; never empty.
    pub allow: Vec<String>,
    /// Its own upstream; the common one when `None`.
    pub upstream: Option<Upstream>,
    /// The Host header for the upstream; the sender's own when `None`.
    pub upstream_host: Option<String>,
    /// The statuses that count as delivered.
    pub success: SuccessSet,
    /// The time for a whole exchange, from the sender's first byte.
    pub deadline: Duration,
    /// What the sender gets for a 4xx.
    pub client_errors: OnError,
    /// What the sender gets for a 5xx.
    pub server_errors: OnError,
}

/// The limits. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub max_body: usize,
    /// The largest answer of the upstream, header and body.
    pub max_response: usize,
    /// The largest request head.
    pub max_head: usize,
    /// The time from the first byte of a head to its last.
    pub head_timeout: Duration,
    /// The time from the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub keepalive: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address that neither a list nor `trusted_proxies` has.
    pub connections_per_stranger: usize,
    /// Connections open at once from one address in a list; `None` sets no limit.
    pub connections_per_client: Option<usize>,
    /// Requests in flight at once; further ones get a 503.
    pub concurrent_requests: usize,
    /// Bytes of all messages held at once; a request that needs more gets a 503.
    pub buffers: usize,
}

/// The times of the drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long connections are still accepted after the signal, while `/readyz` answers 503.
    pub delay: Duration,
    /// How long open requests may take after that.
    pub grace: Duration,
}

/// The admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Its address.
    pub address: AdminAddress,
}

/// The address of the admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// A TCP address; a loopback one unless `allow_remote` was set.
    Tcp(SocketAddr),
    /// A UNIX socket.
    Unix(PathBuf),
}

/// The default address.
impl Default for AdminAddress {
    fn default() -> Self {
        Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)))
    }
}

/// The log settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// JSON for programs or text for people.
    pub format: LogFormat,
    /// The least severe level that the event log has.
    pub level: LogLevel,
    /// The destination of the access log.
    pub access: AccessLog,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

/// The level of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(clippy::missing_docs_in_private_items, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The destination of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Standard output.
    Stdout,
    /// Standard error, with the event log.
    Stderr,
    /// A file that is appended to; a manual reload opens it again, so that it can be rotated.
    File(PathBuf),
    /// No access log is written.
    Off,
}
