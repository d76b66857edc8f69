//! From an accepted socket to a stream and a peer: what a connection must say before HTTP.
//!
//! With `proxy_protocol` that is a PROXY header, from a trusted proxy, whole and in time: anyone else
//! is closed. The header is the only thing that is read before the strangers among the sources are
//! dropped, and it is read before TLS.

use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{GetSocketDigest as _, SocketDigest};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::crowd::Place;
use super::intake::Peer;
use super::listener::refuses_unheard;
use super::{Gate, http1};
use crate::policy::addr::Address;
use crate::policy::client_ip::Origin;
use crate::policy::outcome::Reason;
use crate::policy::proxy_header::{self, Header};
use crate::state::gauges::{Gauges, Held};
use crate::state::snapshot::Snapshot;

/// What a listener asks of its connections.
#[derive(Debug, Default)]
pub struct Door {
    /// Every connection begins with a PROXY header.
    pub proxy_protocol: bool,
}

impl Door {
    /// Whether the peer may not even speak here: only a trusted proxy may send a PROXY header.
    #[must_use]
    pub fn refuses(&self, snapshot: &Snapshot, peer: Address) -> bool {
        self.proxy_protocol && !snapshot.trusted.contains(peer)
    }
}

/// Takes a connection in and serves it to its end.
pub async fn enter(gate: Arc<Gate>, door: Arc<Door>, mut socket: TcpStream, address: Address, _place: Place) {
    let open = Arc::clone(&gate);
    let _open = Held::new(&open.gauges.connections, 1);
    let mut peer = Peer { address, tls: false, origin: Origin::Peer };
    let mut ahead = Vec::new();
    if door.proxy_protocol {
        let snapshot = gate.store.load();
        let deadline = Instant::now() + snapshot.config.limits.head_timeout;
        if let Ok(Some(header)) = timeout_at(deadline, read_header(&mut socket, &mut ahead)).await {
            peer.origin = Origin::Proxied(header.source);
        } else {
            Gauges::add(&gate.gauges.bad_proxy_headers);
            tracing::debug!(peer = %address, "closed: no PROXY header, or a malformed one");
            return;
        }
        let stranger = |source| !snapshot.knows(source);
        if let Origin::Proxied(Some(source)) = peer.origin
            && stranger(source)
            && refuses_unheard(&snapshot)
        {
            gate.drop_unheard(&snapshot, source);
            return;
        }
    }
    let mut stream = L4Stream::from(socket);
    let descriptor = stream.as_raw_fd();
    // So that the kernel can be asked what became of an answer.
    stream.set_socket_digest(SocketDigest::from_raw_fd(descriptor));
    http1::run(gate, Box::new(stream), ahead, peer).await;
}

/// Reads until the header is whole; what follows it stays in `ahead`.
async fn read_header(socket: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<Header> {
    loop {
        match proxy_header::parse(ahead) {
            Ok(Some((header, len))) => {
                ahead.drain(..len);
                return Some(header);
            }
            Ok(None) => {}
            Err(_) => return None,
        }
        ahead.reserve(256);
        if socket.read_buf(ahead).await.ok()? == 0 {
            return None;
        }
    }
}

impl Gate {
    /// Counts and logs a connection that is closed without a word.
    pub fn drop_unheard(&self, snapshot: &Snapshot, address: Address) {
        Gauges::add(&self.gauges.dropped_unheard);
        self.log_unheard(snapshot, address, Reason::NotListed);
    }
}
