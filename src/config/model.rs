//! The model: what a configuration can say, complete and checked.
//!
//! No I/O, no YAML and no defaults here: `sections` make these values. Invariant: a [`Config`] is complete and means the
//! same whoever reads it.

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
    /// Whose webhooks the routes are for.
    pub provider: &'static Provider,
    /// Where requests are accepted; never empty.
    pub listen: Vec<Listener>,
    /// Where requests go that no route sends elsewhere.
    pub upstream: Upstream,
    /// The folder of range files, absolute or relative to the working directory.
    pub ranges: PathBuf,
    /// Who may name the client for us.
    pub trusted_proxies: Vec<Trusted>,
    /// In which header they name it.
    pub forwarded_header: ForwardedHeader,
    /// What a denied request is told.
    pub deny: Deny,
    /// Whether denials are carried out.
    pub mode: Mode,
    /// The routes, in file order; never empty.
    pub routes: Vec<Route>,
    /// Bounds on size, time and number.
    pub limits: Limits,
    /// How the process ends.
    pub drain: Drain,
    /// A folder that keeps the last good lists over a restart.
    pub state: Option<PathBuf>,
    /// The admin interface; `None` turns it off.
    pub admin: Option<Admin>,
    /// A read-only part of it for other machines: scrapers, kubelets. `None` turns it off.
    pub metrics: Option<SocketAddr>,
    /// The path that the listeners themselves answer to probes of trusted proxies and of this machine.
    pub health_path: Option<String>,
    /// What is logged where.
    pub log: Log,
    /// Worker threads; `None` means one a core.
    pub threads: Option<usize>,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Every connection must begin with a PROXY header, from a trusted proxy. Where this is set
    /// `trusted_proxies` is not empty.
    pub proxy_protocol: bool,
    /// What it takes to be spoken to in TLS; plain HTTP when `None`.
    pub tls: Option<Tls>,
    /// How senders reach what stands in front of it, where that does not say so itself. Never with `tls`.
    pub scheme: Scheme,
    /// HTTP/2 is served beside HTTP/1: chosen by ALPN with TLS, by prior knowledge without.
    pub http2: bool,
    /// The folder of ACME challenge files that are answered from here to anyone.
    pub acme_challenges: Option<PathBuf>,
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates; never empty. The first one is shown where the sender names none that is known.
    pub certificates: Vec<CertificateFiles>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The certificate that senders are asked for.
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

/// The certificate that a sender is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// A PEM file with the certificates that may sign it.
    pub ca: PathBuf,
    /// Whether a sender without one is turned away; one that cannot be verified always is.
    pub required: bool,
}

/// Where requests are sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Its endpoints, which take turns; all different, and never none.
    pub targets: Vec<Target>,
    /// A PEM file with the certificates that may sign the upstream's; the system's when `None`.
    pub ca: Option<PathBuf>,
    /// The name that the upstream's certificate must bear, when it is not the host of the URL.
    pub server_name: Option<String>,
    /// How each endpoint is asked whether it is well; only requests tell when `None`.
    pub health: Option<HealthCheck>,
}

/// A question to an endpoint, asked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// What is fetched: a path, perhaps with a query.
    pub path: String,
    /// From one answer to the next question.
    pub every: Duration,
    /// How long the whole of it may take.
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
    /// Which paths.
    pub path: PathPattern,
    /// Which Host, when only one.
    pub host: Option<String>,
    /// Which webhook's rules.
    pub webhook: Webhook,
    /// The names of the lists that may use it; never empty.
    pub allow: Vec<String>,
    /// Where its requests go; the common upstream when `None`.
    pub upstream: Option<Upstream>,
    /// The Host that the upstream is given; the sender's own when `None`.
    pub upstream_host: Option<String>,
    /// The statuses that count as delivered.
    pub success: SuccessSet,
    /// How long the sender may be kept waiting, from its first byte.
    pub deadline: Duration,
    /// What happens to 4xx.
    pub client_errors: OnError,
    /// What happens to 5xx.
    pub server_errors: OnError,
}

/// Bounds. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub max_body: usize,
    /// The largest answer of the upstream, header and body.
    pub max_response: usize,
    /// The largest request head.
    pub max_head: usize,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub keepalive: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address that neither a list nor `trusted_proxies` covers.
    pub connections_per_stranger: usize,
    /// Connections open at once from one address that a list covers; `None` sets no bound.
    pub connections_per_client: Option<usize>,
    /// Requests in flight at once; 503 above.
    pub concurrent_requests: usize,
    /// Bytes of all messages held at once; 503 above.
    pub buffers: usize,
}

/// The end of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long connections are still accepted after the signal, while `/readyz` says no.
    pub delay: Duration,
    /// How long open requests may take after that.
    pub grace: Duration,
}

/// The admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub address: AdminAddress,
}

/// Where the admin interface listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// A TCP address, loopback unless `allow_remote` was set.
    Tcp(SocketAddr),
    /// A UNIX socket.
    Unix(PathBuf),
}

/// Where it listens when nothing else is said.
impl Default for AdminAddress {
    fn default() -> Self {
        Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)))
    }
}

/// Logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// JSON for machines or text for people.
    pub format: LogFormat,
    /// The least severe operational event that is written.
    pub level: LogLevel,
    /// Where the access log goes.
    pub access: AccessLog,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One line for people.
    Text,
}

/// Severity of operational events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(clippy::missing_docs_in_private_items, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The access log's destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Standard output.
    Stdout,
    /// Standard error, with the operational log.
    Stderr,
    /// A file, appended to; opened again at each reload so that it can be rotated.
    File(PathBuf),
    /// No access log is written.
    Off,
}
