//! HTTP in and out: everything between an accepted connection and the answer on it.
//!
//! The HTTP/1.1 head and framing are read here, on the raw bytes, and not by pingora's session types:
//! its parser repairs what must be refused (bare LF, spaces in a target, lists in Content-Length),
//! answers what it cannot parse without telling anyone, and copies every header into a map. The
//! streams under it, TLS and the upstream connector are pingora's. The syntax of lines is `httparse`'s.
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`accept`] | from a socket to a connection that speaks HTTP |
//! | [`http2`] | requests side by side on one connection |
//! | [`http1`] | request after request on one connection |
//! | [`request`] | one request, from its head to its line in the log |
//! | [`peer`] | who is at the other end of a connection |
//! | [`memory`] | what the process may hold at worst, by arithmetic |

pub(crate) mod accept;
pub(crate) mod http1;
pub(crate) mod http2;
pub mod memory;
pub(crate) mod peer;
pub(crate) mod request;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::gate::accept::limits::ConnectionLimits;
use crate::gate::accept::tls_failures::Failures;
use crate::gate::accept::tls_limits::TlsLimits;
use crate::gate::accept::turns::{Turns, workers};
use crate::gate::request::log::access_log::AccessLog;
use crate::gate::request::log::events::Events;
use crate::gate::request::request_id::RequestIds;
use crate::state::stats::gauges::Gauges;
use crate::state::store::Store;
use crate::upstream::pools::Pools;
use crate::wire::drain::Drain;
use crate::wire::shares::Shares;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The current snapshot.
    pub store: Arc<Store>,
    /// The numbers of the process.
    pub gauges: Arc<Gauges>,
    /// Whoever is told that a request has ended.
    pub events: Events,
    /// Upstreams and their idle connections.
    pub pools: Pools,
    /// Who holds how many connections.
    pub connection_limits: Arc<ConnectionLimits>,
    /// Who holds how many bytes.
    pub byte_shares: Shares,
    /// Who has how many requests in work.
    pub place_shares: Shares,
    /// Connections of HTTP/2 that are open now.
    pub http2_connections: AtomicU64,
    /// Who has how many of them.
    pub http2_shares: Shares,
    /// Streams that are open on them now.
    pub http2_streams: AtomicU64,
    /// Who has how many of them.
    pub stream_shares: Shares,
    /// How many handshakes strangers made lately.
    pub handshakes: TlsLimits,
    /// Whose handshake is computed next.
    pub handshake_turns: Turns,
    /// Which stranger is heard next.
    pub stranger_turns: Turns,
    /// Connections that the process has descriptors for.
    pub room: usize,
    /// Handshakes of listed senders that failed.
    pub tls_failures: Failures,
    /// Names for requests.
    pub ids: RequestIds,
    /// Whether the process is ending.
    pub drain: Drain,
}

impl Gate {
    /// A gate that serves what the store holds, with descriptors for `room` connections.
    #[must_use]
    pub(crate) fn new(store: Arc<Store>, gauges: Arc<Gauges>, log: AccessLog, room: usize) -> Self {
        let connection_limits = Arc::new(ConnectionLimits::new(Arc::clone(&gauges)));
        // How many threads there are is decided at the start, and so are the turns.
        let workers = workers(&store.load().config);
        Self {
            store,
            gauges,
            events: Events::new(log),
            pools: Pools::default(),
            connection_limits,
            byte_shares: Shares::default(),
            place_shares: Shares::default(),
            http2_connections: AtomicU64::new(0),
            http2_shares: Shares::default(),
            http2_streams: AtomicU64::new(0),
            stream_shares: Shares::default(),
            handshakes: TlsLimits::default(),
            handshake_turns: Turns::new(workers),
            stranger_turns: Turns::new(workers),
            room,
            tls_failures: Failures::default(),
            ids: RequestIds::default(),
            drain: Drain::default(),
        }
    }
}

/// How often housekeeping is done.
const HOUSEKEEPING: std::time::Duration = std::time::Duration::from_millis(500);

impl Gate {
    /// Connections that are open now.
    #[must_use]
    pub(crate) fn open_connections(&self) -> u64 {
        self.gauges.connections.load(Relaxed)
    }

    /// Keeps the pools in step with what is published, closes what has idled for too long and says what
    /// was only counted, for ever.
    pub(crate) async fn keep_house(&self) {
        let mut tick = tokio::time::interval(HOUSEKEEPING);
        let mut published = self.store.published();
        loop {
            let wanted = self.pools.open_all(&self.store.load());
            tokio::select! {
                // What is wanted is known before anything is closed.
                biased;
                Ok(()) = published.changed() => continue,
                _ = tick.tick() => {}
            }
            self.pools.prune(&wanted);
            self.events.log.sum_up(false);
            self.gauges.log_lines_dropped.store(self.events.log.dropped(), Relaxed);
            self.gauges.log_reopen_failed.store(self.events.log.trouble().is_some().into(), Relaxed);
        }
    }
}
