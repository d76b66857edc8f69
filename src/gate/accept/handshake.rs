//! From an accepted socket to a stream and a peer: everything that comes before HTTP.
//!
//! With `proxy_protocol`, a connection must begin with a PROXY header that is complete within `limits.head_timeout`
//! and comes from a trusted proxy; any other connection is closed. (The parser is `policy::client::proxy_header`.)
//! The TLS handshake follows, within the same time. Invariant: where strangers are dropped (`deny: drop` in mode
//! `enforce`), a connection whose header names a stranger is closed before TLS and HTTP.

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
use crate::gate::accept::screening::{drop_unheard, guest, most_connections};
use crate::gate::accept::tls;
use crate::gate::losses::Bound;
use crate::gate::{Gate, http1, http2};
use crate::judge::connection;
use crate::judge::http1::stray;
use crate::judge::peer::Peer;
use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::Origin;
use crate::policy::client::proxy_header::{self, Header};
use crate::state::stats::gauges::Gauges;
use crate::wire::plain;
use crate::wire::shares::PeerClass;

/// The options of a listener.
#[derive(Debug, Default)]
pub(crate) struct ListenerOptions {
    /// The index of the listener in the config's `listen`.
    pub place: usize,
    /// Every connection must begin with a PROXY header.
    pub proxy_protocol: bool,
    /// The listener serves HTTP/2 as well as HTTP/1.
    pub http2: bool,
}

/// A connection that was accepted and counted.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The socket.
    pub socket: TcpStream,
    /// The address of the peer.
    pub address: Address,
    /// Keeps the connection counted until it is dropped.
    pub place: Slot,
    /// With `proxy_protocol`: resolves when the connection must be closed to make room for others.
    pub told: Option<MakeRoom>,
}

/// Serves a connection from its first byte to its end.
pub(crate) async fn enter(gate: Arc<Gate>, listener: Arc<ListenerOptions>, accepted: Accepted) {
    let Accepted { mut socket, address, place: mut slot, told: make_room } = accepted;
    let mut peer = Peer {
        address,
        listener: listener.place,
        tls: false,
        tls_in_front: false,
        client_cert: None,
        origin: Origin::Peer,
    };
    let mut ahead = Vec::new();
    let snapshot = gate.store.load();
    // One deadline for everything that comes before HTTP: the PROXY header and the TLS handshake.
    let deadline = Instant::now() + snapshot.config.limits.head_timeout;
    if listener.proxy_protocol {
        if let Some(header) = header_in_time(&mut socket, &mut ahead, deadline, make_room).await {
            (peer.origin, peer.tls_in_front) = (Origin::Proxied(header.source), header.tls);
        } else {
            report_bad_proxy_header(&gate, &peer, &ahead);
            return;
        }
        let stranger = |source| !snapshot.knows(source);
        let source = if let Origin::Proxied(source) = peer.origin { source } else { None };
        if let Some(reason) = connection::refuse_source(&snapshot, source) {
            drop_unheard(&gate, &snapshot, source.unwrap_or(address), reason);
            return;
        }
        // From here on the connection counts for its source, not for the proxy.
        let most = most_connections(&gate, &snapshot);
        let counted = if let Origin::Proxied(Some(source)) = peer.origin {
            slot.name(source, guest(&snapshot, source, !stranger(source), most))
        } else {
            slot.name_nobody();
            Ok(())
        };
        if let Err(bound) = counted {
            gate.losses.report(bound, source.unwrap_or(address));
            return;
        }
    }
    let is_stranger = peer.standing(&snapshot) == PeerClass::Stranger;
    let Some(tls) = snapshot.tls(listener.place).cloned() else {
        drop(snapshot);
        if listener.http2 {
            return by_prior_knowledge(gate, socket, ahead, peer, is_stranger).await;
        }
        return over_http1(gate, plain::stream(socket), ahead, peer, is_stranger).await;
    };
    let mut stream = rewindable(socket);
    let writer = peer.writer();
    let handshake = (!snapshot.knows(writer)).then(|| gate.handshakes.begin(writer, Moment::now()));
    if matches!(handshake, Some(None)) {
        gate.losses.report(Bound::Handshakes, writer);
        return;
    }
    // The bytes that were read behind the PROXY header are the beginning of the handshake.
    stream.rewind(&ahead);
    match tls::accept(&gate.handshake_turns, &tls, stream, deadline).await {
        Ok(secured) => {
            Gauges::add(&gate.gauges.tls_completed);
            (peer.tls, peer.client_cert) = (true, secured.client_cert);
            // The connection may outlive many snapshots; do not keep this one in memory.
            drop((snapshot, tls, handshake));
            if secured.http2 {
                over_http2(gate, secured.stream, peer, is_stranger).await;
            } else {
                over_http1(gate, secured.stream, Vec::new(), peer, is_stranger).await;
            }
        }
        Err(error) => {
            report_failed_tls(&gate, snapshot.knows(writer), writer, &error.to_string());
        }
    }
}

/// Without TLS the first bytes show the version (RFC 9113 section 3.3): an HTTP/2 client begins with a preface that
/// is no valid beginning of an HTTP/1 request.
async fn by_prior_knowledge(
    gate: Arc<Gate>,
    mut socket: TcpStream,
    mut ahead: Vec<u8>,
    peer: Peer,
    is_stranger: bool,
) {
    let deadline = Instant::now() + gate.store.load().config.limits.head_timeout;
    while ahead.len() < http2::connection::PREFACE.len() && http2::connection::PREFACE.starts_with(&ahead) {
        ahead.reserve(64);
        match timeout_at(deadline, socket.read_buf(&mut ahead)).await {
            Ok(Ok(count)) if count > 0 => {}
            // The end, an error or the deadline before a whole preface: HTTP/1 handles and logs that.
            _ => break,
        }
    }
    if ahead.starts_with(http2::connection::PREFACE) {
        let mut stream = rewindable(socket);
        stream.rewind(&ahead);
        over_http2(gate, Box::new(stream), peer, is_stranger).await;
    } else {
        over_http1(gate, plain::stream(socket), ahead, peer, is_stranger).await;
    }
}

/// The stream of a socket, in front of which bytes can be put back.
fn rewindable(socket: TcpStream) -> L4Stream {
    let mut stream = L4Stream::from(socket);
    let descriptor = stream.as_raw_fd();
    // `wire::delivery_check` asks the kernel through this whether the sender has acknowledged a reply.
    stream.set_socket_digest(SocketDigest::from_raw_fd(descriptor));
    stream
}

/// Serves HTTP/1. Strangers wait for their turn; all others run at once.
async fn over_http1(gate: Arc<Gate>, stream: Stream, ahead: Vec<u8>, peer: Peer, is_stranger: bool) {
    let served = pin!(http1::connection::run(Arc::clone(&gate), stream, ahead, peer));
    if is_stranger { gate.stranger_turns.run(served).await } else { served.await }
}

/// Serves HTTP/2. The future is on the heap, because it is large and would make every HTTP/1 connection as large.
async fn over_http2(gate: Arc<Gate>, stream: Stream, peer: Peer, is_stranger: bool) {
    let mut served = Box::pin(http2::connection::run(Arc::clone(&gate), stream, peer));
    if is_stranger { gate.stranger_turns.run(served.as_mut()).await } else { served.await }
}

/// Reads the PROXY header. `None` when it is malformed or late, or when the connection must make room for another one.
async fn header_in_time(
    socket: &mut TcpStream,
    ahead: &mut Vec<u8>,
    deadline: Instant,
    make_room: Option<MakeRoom>,
) -> Option<Header> {
    let evicted = async {
        match make_room {
            // An error means that the sending half was dropped: this connection will not be asked to make room.
            Some(make_room) => {
                if make_room.await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        header = timeout_at(deadline, read_header(socket, ahead)) => header.ok().flatten(),
        () = evicted => None,
    }
}

/// Counts and reports a trusted proxy whose connections do not begin with a PROXY header, at most once an hour for each: every
/// webhook that comes through it is lost. A connection that closes without a byte is a probe of the port.
fn report_bad_proxy_header(gate: &Gate, peer: &Peer, received: &[u8]) {
    if received.is_empty() {
        return;
    }
    Gauges::add(&gate.gauges.bad_proxy_headers);
    if let Some(count) = gate.bad_proxy_headers.note((peer.listener, peer.address), Moment::now()) {
        tracing::warn!(
            peer = %peer.address,
            count,
            received = stray::note(received).unwrap_or("is no PROXY header"),
            "closed: a connection of this trusted proxy must begin with a PROXY header; let it send one (send-proxy). If it \
             speaks HTTP itself, set listen[{}].proxy_protocol to false. If it only passes bytes on, never do that while \
             it is in trusted_proxies: everybody behind it could choose an address",
            peer.listener
        );
    }
}

/// Counts a failed TLS handshake, and reports those of listed senders and trusted proxies, at most once a minute.
/// Scanners cause most of the others.
fn report_failed_tls(gate: &Gate, known: bool, sender: Address, why: &str) {
    Gauges::add(&gate.gauges.tls_failed);
    tracing::debug!(peer = %sender, why, "TLS handshake failed");
    if known && let Some(count) = gate.tls_failures.note((), Moment::now()) {
        tracing::warn!(peer = %sender, why, count, "TLS handshakes of listed senders failed");
    }
}

/// Reads until the header is complete; the bytes behind it stay in `ahead`.
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
