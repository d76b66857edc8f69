//! Where requests go: the endpoints of an application and their health checks.

use std::path::PathBuf;
use std::time::Duration;

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
    /// `unix:PATH`
    Unix(PathBuf),
}
