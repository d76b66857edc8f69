//! Connections and streams that are closed because a bound is reached: each has no line in the access log, since there
//! is no request yet. It is counted, and an event says which bound it was and what to change.
//!
//! The bounds themselves are kept elsewhere. Invariant: whatever is closed for a bound is reported here.

use std::sync::Arc;
use std::time::Instant;

use crate::policy::address::addr::Address;
use crate::state::stats::event_limiter::{EventLimiter, HOURLY};
use crate::state::stats::gauges::Gauges;

/// A bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    /// All connections.
    Connections,
    /// The connections of one listed client.
    PerClient,
    /// The connections of one stranger.
    PerStranger,
    /// The connections of all strangers together.
    Strangers,
    /// Connections whose PROXY header has not come.
    Unnamed,
    /// TLS handshakes of strangers.
    Handshakes,
    /// HTTP/2 connections.
    Http2Connections,
    /// HTTP/2 streams.
    Streams,
}

impl Bound {
    /// What happened, and what the operator can change.
    fn text(self) -> &'static str {
        match self {
            Self::Connections => {
                "connections closed: as many are open as limits.connections and LimitNOFILE of the service allow; raise them, \
                 or lower limits.keepalive"
            }
            Self::PerClient => {
                "connections closed: this listed client has limits.connections_per_client open; raise it"
            }
            Self::PerStranger => {
                "connections closed: this address, which no list holds, has limits.connections_per_stranger open; if it is a \
                 proxy of yours, name it in trusted_proxies"
            }
            Self::Strangers => {
                "connections closed: addresses that no list holds have half of limits.connections open; the other half is \
                 kept for listed senders"
            }
            Self::Unnamed => {
                "connections closed: too many on a listener with proxy_protocol sent no PROXY header yet; if a balancer \
                 probes the port, let it probe health_path, or raise limits.connections"
            }
            Self::Handshakes => {
                "connections closed: addresses that no list holds began too many TLS handshakes; if they are senders, add \
                 their ranges"
            }
            Self::Http2Connections => {
                "HTTP/2 connections closed: this client, or all together, have their share of a quarter of limits.connections \
                 open; raise it"
            }
            Self::Streams => {
                "HTTP/2 streams refused, and their senders may repeat them: this client, or all together, have their share of \
                 twice limits.concurrent_requests open; raise it"
            }
        }
    }
}

/// Counts and reports them.
#[derive(Debug)]
pub(crate) struct Losses {
    gauges: Arc<Gauges>,
    events: EventLimiter<Bound>,
}

impl Losses {
    /// Nothing was lost; losses are counted in `gauges`.
    #[must_use]
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges, events: EventLimiter::every(HOURLY) }
    }

    /// Counts a connection or stream that is closed because a bound is reached. The event comes at most once an hour for
    /// each bound.
    pub(crate) fn report(&self, bound: Bound, peer: Address) {
        Gauges::add(match bound {
            Bound::Streams => &self.gauges.streams_refused,
            _ => &self.gauges.over_capacity,
        });
        if let Some(count) = self.events.note(bound, Instant::now()) {
            tracing::warn!(%peer, count, "{}", bound.text());
        }
    }
}
