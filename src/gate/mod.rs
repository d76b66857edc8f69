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
//! | [`connection`] | one downstream connection: request after request |
//! | [`head`] | one head off a stream, within its bounds, judged on its raw bytes |
//! | [`facts`] | what a request head says; the only reader of request headers |
//! | [`intake`] | admission: a head and a peer become a ticket, a denial or a rejection |
//! | [`body`] | a request's body, whole |
//! | [`budget`] | the bytes that one request may hold |
//! | [`chunked`] | the chunked coding, decoded strictly |
//! | [`request`] | one request, from its head to its line in the log |
//! | [`request_id`] | names for requests |
//! | [`exchange`] | a ticket and a body become a complete answer, or a failure |
//! | [`answer`] | an upstream's answer, read whole |
//! | [`balancer`] | which endpoint of an upstream is next |
//! | [`upstream`] | how an endpoint is connected to |
//! | [`resolver`] | the addresses of its name |
//! | [`health`] | whether it says that it is well |
//! | [`pool`] | idle upstream connections |
//! | [`reply`] | what the sender is sent |
//! | [`access_log`] | one event a request |
//! | [`alarm`] | one timer a connection |
//! | [`drain`] | the end of the process, as connections see it |

pub mod access_log;
pub mod alarm;
pub mod answer;
pub mod balancer;
pub mod body;
pub mod budget;
pub mod chunked;
pub mod connection;
pub mod drain;
pub mod exchange;
pub mod facts;
pub mod head;
pub mod health;
pub mod intake;
pub mod listener;
pub mod pool;
pub mod reply;
pub mod request;
pub mod request_id;
pub mod resolver;
pub mod upstream;

use std::sync::Arc;

use crate::state::gauges::Gauges;
use crate::state::store::Store;

/// What all connections share.
#[derive(Debug)]
pub struct Gate {
    /// The current snapshot.
    pub store: Arc<Store>,
    /// The numbers of the process.
    pub gauges: Arc<Gauges>,
    /// Where access events go.
    pub log: access_log::AccessLog,
    /// Upstreams and their idle connections.
    pub pools: pool::Pools,
    /// Names for requests.
    pub ids: request_id::RequestIds,
    /// Whether the process is ending.
    pub drain: drain::Drain,
}

impl Gate {
    /// A gate that serves what the store holds.
    #[must_use]
    pub fn new(store: Arc<Store>, gauges: Arc<Gauges>, log: access_log::AccessLog) -> Self {
        Self {
            store,
            gauges,
            log,
            pools: pool::Pools::default(),
            ids: request_id::RequestIds::default(),
            drain: drain::Drain::default(),
        }
    }
}
