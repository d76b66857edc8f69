//! From an accepted socket to a stream and a peer: what a connection must say before HTTP.
//!
//! With `proxy_protocol` that is a PROXY header, from a trusted proxy, whole and in time: anyone else
//! is closed. The header is the only thing that is read before the strangers among the sources are
//! dropped, and it is read before TLS.

use std::os::fd::AsRawFd as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant as Moment;

use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{GetSocketDigest as _, SocketDigest, Stream};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::gate::accept::limits::{MakeRoom, Slot};
use crate::gate::accept::screening::{drop_unheard, guest, most_connections, refuses_unheard};
use crate::gate::accept::tls;
use crate::gate::peer::Peer;
use crate::gate::{Gate, http1, http2};
use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::Origin;
use crate::policy::client::proxy_header::{self, Header};
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;
use crate::wire::shares::PeerClass;

/// What a listener asks of its connections.
#[derive(Debug, Default)]
pub(crate) struct ListenerOptions {
    /// Its place in the config's `listen`.
    pub place: usize,
    /// Every connection begins with a PROXY header.
    pub proxy_protocol: bool,
    /// HTTP/2 is served beside HTTP/1.
    pub http2: bool,
}

impl ListenerOptions {
    /// Whether the peer may not even speak here: only a trusted proxy may send a PROXY header.
    #[must_use]
    pub(crate) fn refuses(&self, snapshot: &Snapshot, peer: Address) -> bool {
        self.proxy_protocol && !snapshot.trusted.contains(peer)
    }
}

/// A connection that was counted in.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The socket.
    pub socket: TcpStream,
    /// The other end.
    pub address: Address,
    /// Where it is counted, for as long as it lives.
    pub place: Slot,
    /// Where it must name its source: whether others need its place.
    pub told: Option<MakeRoom>,
}

/// Takes a connection in and serves it to its end.
pub(crate) async fn enter(gate: Arc<Gate>, listener: Arc<ListenerOptions>, arrival: Accepted) {
    let Accepted { mut socket, address, mut place, told } = arrival;
    let mut peer =
        Peer { address, listener: listener.place, tls: false, client_cert: None, origin: Origin::Peer };
    let mut ahead = Vec::new();
    let snapshot = gate.store.load();
    // For all that must be said before HTTP.
    let deadline = Instant::now() + snapshot.config.limits.head_timeout;
    if listener.proxy_protocol {
        if let Some(header) = header_in_time(&mut socket, &mut ahead, deadline, told).await {
            peer.origin = Origin::Proxied(header.source);
        } else {
            Gauges::add(&gate.gauges.bad_proxy_headers);
            tracing::debug!(peer = %address, "closed: no PROXY header, or a malformed one");
            return;
        }
        let stranger = |source| !snapshot.knows(source);
        if let Origin::Proxied(Some(source)) = peer.origin
            && refuses_unheard(&snapshot)
            && !snapshot.hears(source)
        {
            drop_unheard(&gate, &snapshot, source);
            return;
        }
        // From here on the connection is its source's.
        let most = most_connections(&gate, &snapshot);
        let counted = if let Origin::Proxied(Some(source)) = peer.origin {
            place.name(source, guest(&snapshot, source, !stranger(source), most))
        } else {
            place.name_nobody();
            true
        };
        if !counted {
            Gauges::add(&gate.gauges.over_capacity);
            return;
        }
    }
    let mut stream = L4Stream::from(socket);
    let descriptor = stream.as_raw_fd();
    // So that the kernel can be asked what became of an answer.
    stream.set_socket_digest(SocketDigest::from_raw_fd(descriptor));
    let is_stranger = peer.standing(&snapshot) == PeerClass::Stranger;
    let Some(tls) = snapshot.tls(listener.place).cloned() else {
        drop(snapshot);
        if listener.http2 {
            return by_prior_knowledge(gate, stream, ahead, peer, is_stranger).await;
        }
        return over_http1(gate, Box::new(stream), ahead, peer, is_stranger).await;
    };
    let writer = peer.writer();
    let handshake = (!snapshot.knows(writer)).then(|| gate.handshakes.begin(writer, Moment::now()));
    if matches!(handshake, Some(None)) {
        Gauges::add(&gate.gauges.over_capacity);
        return;
    }
    // What came with the PROXY header is the beginning of the handshake.
    stream.rewind(&ahead);
    match tls::accept(&gate.handshake_turns, &tls, stream, deadline).await {
        Ok(secured) => {
            Gauges::add(&gate.gauges.tls_completed);
            (peer.tls, peer.client_cert) = (true, secured.client_cert);
            // A connection outlives many snapshots.
            drop((snapshot, tls, handshake));
            if secured.http2 {
                over_http2(gate, secured.stream, peer, is_stranger).await;
            } else {
                over_http1(gate, secured.stream, Vec::new(), peer, is_stranger).await;
            }
        }
        Err(error) => {
            gate.tls_failures.note_failed(&gate.gauges, &snapshot, peer.writer(), &error.to_string());
        }
    }
}

/// Without TLS the first bytes say which HTTP it is (RFC 9113 section 3.3): an HTTP/2 client begins with
/// a preface that no HTTP/1 request begins with.
async fn by_prior_knowledge(
    gate: Arc<Gate>,
    mut stream: L4Stream,
    mut ahead: Vec<u8>,
    peer: Peer,
    is_stranger: bool,
) {
    let deadline = Instant::now() + gate.store.load().config.limits.head_timeout;
    while ahead.len() < http2::connection::PREFACE.len() && http2::connection::PREFACE.starts_with(&ahead) {
        ahead.reserve(64);
        match timeout_at(deadline, stream.read_buf(&mut ahead)).await {
            Ok(Ok(count)) if count > 0 => {}
            // Nothing, or less than a preface: HTTP/1 knows what to make of it.
            _ => break,
        }
    }
    if ahead.starts_with(http2::connection::PREFACE) {
        stream.rewind(&ahead);
        over_http2(gate, Box::new(stream), peer, is_stranger).await;
    } else {
        over_http1(gate, Box::new(stream), ahead, peer, is_stranger).await;
    }
}

/// Strangers take turns, whoever else is served as it comes.
async fn over_http1(gate: Arc<Gate>, stream: Stream, ahead: Vec<u8>, peer: Peer, is_stranger: bool) {
    let served = pin!(http1::connection::run(Arc::clone(&gate), stream, ahead, peer));
    if is_stranger { gate.stranger_turns.run(served).await } else { served.await }
}

/// On the heap: an idle HTTP/1 connection should not be the size of one that multiplexes.
async fn over_http2(gate: Arc<Gate>, stream: Stream, peer: Peer, is_stranger: bool) {
    let mut served = Box::pin(http2::connection::run(Arc::clone(&gate), stream, peer));
    if is_stranger { gate.stranger_turns.run(served.as_mut()).await } else { served.await }
}

/// The header, unless it is malformed, too late, or the connection must make room for another one.
async fn header_in_time(
    socket: &mut TcpStream,
    ahead: &mut Vec<u8>,
    deadline: Instant,
    told: Option<MakeRoom>,
) -> Option<Header> {
    let must_go = async {
        match told {
            // Whoever would tell is gone: nobody needs the place.
            Some(told) => {
                if told.await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        header = timeout_at(deadline, read_header(socket, ahead)) => header.ok().flatten(),
        () = must_go => None,
    }
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
