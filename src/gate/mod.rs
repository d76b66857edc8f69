//! HTTP in and out: everything between an accepted connection and the answer on it.
//!
//! The HTTP/1.1 head and framing are read here, on the raw bytes, and not by pingora's session types:
//! its parser repairs what must be refused (bare LF, spaces in a target, lists in Content-Length),
//! answers what it cannot parse without telling anyone, and copies every header into a map. The
//! streams under it, TLS and the upstream connector are pingora's. The syntax of lines is `httparse`'s.
//!
//! | file | noun |
//! | --- | --- |
//! | [`listener`] | the accept loop |
//! | [`closing`] | the end of a listening socket |
//! | [`crowd`] | how many connections an address holds open |
//! | [`door`] | from a socket to a stream and a peer: PROXY header, TLS |
//! | [`tls`] | the handshake |
//! | [`http1`] | one HTTP/1 connection: request after request |
//! | [`http2`] | one HTTP/2 connection: requests side by side |
//! | [`wire`] | how a body comes in and an answer goes out, whatever the version |
//! | [`head`] | one head off a stream, within its bounds, judged on its raw bytes |
//! | [`facts`] | what a request head says; the only reader of request headers |
//! | [`memory`] | what the process may hold at worst, by arithmetic |
//! | [`inbox`] | what was read of a connection and not used yet |
//! | [`intake`] | admission: a head and a peer become a ticket, a denial or a rejection |
//! | [`acme`] | the challenges that anybody may ask for |
//! | [`body`] | a request's body, whole |
//! | [`budget`] | the bytes that one request may hold |
//! | [`shares`] | how much one client and all strangers may hold |
//! | [`handshakes`] | how many TLS handshakes strangers may cost |
//! | [`turns`] | heavy work, one after the other between what is light |
//! | [`chunked`] | the chunked coding, decoded strictly |
//! | [`request`] | one request, from its head to its line in the log |
//! | [`request_id`] | names for requests |
//! | [`record`] | what the log will say of a request |
//! | [`exchange`] | a ticket and a body become a complete answer, or a failure |
//! | [`answer`] | an upstream's answer, read whole |
//! | [`balancer`] | which endpoint of an upstream is next |
//! | [`upstream`] | how an endpoint is connected to |
//! | [`resolver`] | the addresses of its name |
//! | [`health`] | whether it says that it is well |
//! | [`pool`] | idle upstream connections |
//! | [`reply`] | what the sender is sent |
//! | [`access_log`] | one event a request |
//! | [`farewell`] | whether a sender is still there when its answer is ready |
//! | [`flood`] | denials that are summed up |
//! | [`alarm`] | one timer a connection |
//! | [`drain`] | the end of the process, as connections see it |

pub mod access_log;
pub mod acme;
pub mod alarm;
pub mod answer;
pub mod balancer;
pub mod body;
pub mod budget;
pub mod chunked;
pub mod closing;
pub mod crowd;
pub mod departures;
pub mod door;
pub mod drain;
#[cfg(debug_assertions)]
mod drill;
pub mod exchange;
pub mod facts;
pub mod farewell;
pub mod flood;
pub mod handshakes;
pub mod head;
pub mod health;
pub mod http1;
pub mod http2;
pub mod inbox;
pub mod intake;
pub mod listener;
pub mod memory;
pub mod pool;
pub mod record;
pub mod reply;
pub mod request;
pub mod request_id;
pub mod resolver;
pub mod shares;
pub mod tls;
pub mod turns;
pub mod upstream;
pub mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::state::denials::Denials;
use crate::state::gauges::Gauges;
use crate::state::store::Store;

/// What all connections share.
#[derive(Debug)]
pub struct Gate {
    /// The current snapshot.
    pub store: Arc<Store>,
    /// The numbers of the process.
    pub gauges: Arc<Gauges>,
    /// Who was denied last.
    pub denials: Arc<Denials>,
    /// Where access events go.
    pub log: access_log::AccessLog,
    /// Upstreams and their idle connections.
    pub pools: pool::Pools,
    /// Who holds how many connections.
    pub crowd: Arc<crowd::Crowd>,
    /// Who holds how many bytes.
    pub byte_shares: shares::Shares,
    /// Who has how many requests in work.
    pub place_shares: shares::Shares,
    /// Connections of HTTP/2 that are open now.
    pub http2_connections: AtomicU64,
    /// Who has how many of them.
    pub http2_shares: shares::Shares,
    /// Streams that are open on them now.
    pub http2_streams: AtomicU64,
    /// Who has how many of them.
    pub stream_shares: shares::Shares,
    /// How many handshakes strangers made lately.
    pub handshakes: handshakes::Handshakes,
    /// Whose handshake is computed next.
    pub handshake_turns: turns::Turns,
    /// Which stranger is heard next.
    pub stranger_turns: turns::Turns,
    /// Connections that the process has descriptors for.
    pub room: usize,
    /// Handshakes of listed senders that failed.
    pub tls_failures: tls::Failures,
    /// Names for requests.
    pub ids: request_id::RequestIds,
    /// Whether the process is ending.
    pub drain: drain::Drain,
}

impl Gate {
    /// A gate that serves what the store holds, with descriptors for `room` connections.
    #[must_use]
    pub fn new(store: Arc<Store>, gauges: Arc<Gauges>, log: access_log::AccessLog, room: usize) -> Self {
        let crowd = Arc::new(crowd::Crowd::new(Arc::clone(&gauges)));
        // How many threads there are is decided at the start, and so are the turns.
        let workers = turns::workers(&store.load().config);
        Self {
            store,
            gauges,
            denials: Arc::default(),
            log,
            pools: pool::Pools::default(),
            crowd,
            byte_shares: shares::Shares::default(),
            place_shares: shares::Shares::default(),
            http2_connections: AtomicU64::new(0),
            http2_shares: shares::Shares::default(),
            http2_streams: AtomicU64::new(0),
            stream_shares: shares::Shares::default(),
            handshakes: handshakes::Handshakes::default(),
            handshake_turns: turns::Turns::new(workers),
            stranger_turns: turns::Turns::new(workers),
            room,
            tls_failures: tls::Failures::default(),
            ids: request_id::RequestIds::default(),
            drain: drain::Drain::default(),
        }
    }
}

/// How often housekeeping is done.
const HOUSEKEEPING: std::time::Duration = std::time::Duration::from_millis(500);

impl Gate {
    /// Connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.gauges.connections.load(Relaxed)
    }

    /// Keeps the pools in step with what is published, closes what has idled for too long and says what
    /// was only counted, for ever.
    pub async fn keep_house(&self) {
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
            self.log.sum_up(false);
            self.gauges.log_lines_dropped.store(self.log.dropped(), Relaxed);
            self.gauges.log_reopen_failed.store(self.log.trouble().is_some().into(), Relaxed);
        }
    }
}
