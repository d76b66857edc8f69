//! The model: the values of a configuration, complete and checked.
//!
//! No I/O, no YAML and no defaults here: `sections` make these values. Invariant: a [`Config`] is complete.

mod inspect;
mod listener;
mod signatures;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use self::inspect::Inspect;
pub(crate) use self::listener::{CertificateFiles, ClientAuth, Listener, Tls, TlsVersion};
pub(crate) use self::signatures::{SecretFile, Signatures};
pub use self::upstream::Target;
pub(crate) use self::upstream::{HealthCheck, Upstream};
pub(crate) use crate::policy::admission::{Deny, Mode};
pub(crate) use crate::policy::client::client_ip::ForwardedHeader;
use crate::policy::delivery::{OnError, SuccessSet};
use crate::policy::demand::Demand;
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
    /// How long a sender that a reload took from the lists is told to try again.
    pub removed_grace: Duration,
    /// After how long a list counts as not reviewed; whole days.
    pub ranges_review: Duration,
    /// Whether denials are carried out.
    pub mode: Mode,
    /// The secrets that webhooks are signed with, and what becomes of a request by its signature.
    pub signatures: Signatures,
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
    /// Whether exchanges are kept, to be looked at.
    pub inspect: Inspect,
    /// The address of the health checks and metrics for other machines; `None` turns it off.
    pub metrics: Option<SocketAddr>,
    /// The path on which the listeners answer probes of trusted proxies and of this machine.
    pub health_path: Option<String>,
    /// The log settings.
    pub log: Log,
    /// The number of worker threads; `None` means one per core.
    pub threads: Option<usize>,
}

impl Config {
    /// `ranges_review` in days.
    #[must_use]
    pub fn review_days(&self) -> i64 {
        i64::try_from(self.ranges_review.as_secs() / 86_400).unwrap_or(i64::MAX)
    }
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
    /// What is asked of the signature of a request.
    pub signature: Demand,
}

impl Route {
    /// Its name in the log and the metrics: the host, if there is one, and the path.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        format!("{}{}", self.host.as_deref().unwrap_or_default(), self.path)
    }
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
