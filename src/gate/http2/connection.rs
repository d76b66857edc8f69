//! The life of an HTTP/2 connection: it accepts streams and serves each of them as a request, side by side.
//!
//! The request itself is handled by the same code as over HTTP/1 (`request`). Its body is read whole and forwarded
//! with one Content-Length, so streams cannot mix on the way to the application. Everything that a sender can ask for
//! is bounded: streams, header lists, resets, windows, idle time. Open streams are counted by client and in total; a
//! stream above a bound is refused with `REFUSED_STREAM`, so that its sender may repeat it at once. Invariant: the
//! connection is polled for as long as one of its streams is served, and no stream outlives the drain's grace.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason as H2Reason, RecvStream};
use http::Request;
use pingora::protocols::Stream;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use tokio::time::{Instant, timeout};

use crate::config::{Limits, Mode};
use crate::gate::Gate;
use crate::gate::http2::conduct::{Conduct, Ending};
use crate::gate::http2::fields;
use crate::gate::http2::sent::{SentStreams, Watched};
use crate::gate::http2::slot::StreamSlot;
use crate::gate::http2::stream::RequestStream;
use crate::gate::losses::Bound;
use crate::gate::request;
use crate::gate::request::context::Context;
use crate::gate::request::replying::MOST_UNWELCOME;
use crate::judge;
use crate::judge::head::{MAX_FIELDS, Version};
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::state::snapshot::Snapshot;
use crate::wire::drain::Parking;
use crate::wire::shares::{PeerClass, Share};
use crate::wire::timer::Timer;

/// The first bytes of every HTTP/2 connection (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One connection of this many may be HTTP/2.
const PART: u64 = 4;
/// Streams that may be open at once on one connection.
pub(crate) const MAX_STREAMS: u64 = 100;
/// The same for a connection of a stranger.
const FEW_STREAMS: u64 = 4;
/// Streams that are accepted before other tasks on this thread run.
const AT_ONCE: usize = 4;
/// How many reset streams of each kind the library remembers. Too many of those that it had not handed out, or that it
/// reset itself for an error, end the connection.
const MAX_RESETS: usize = 64;
/// The receive window of a stream in bytes; also the smallest receive window of a connection.
pub(crate) const STREAM_WINDOW: u32 = 64 << 10;
/// The receive window of a connection in bytes, for each stream that may be open on it.
const WINDOW_A_STREAM: u64 = 4 << 10;
/// Reply bytes of one stream that may wait for the sender's window.
const SEND_BUFFER: usize = 64 << 10;
/// How long a client may take to react to a GOAWAY while no stream is served.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last frames of a connection may take to be written.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

type Http2 = Connection<Watched<Stream>, Bytes>;

/// Serves a connection to its end.
pub(crate) async fn run(gate: Arc<Gate>, stream: Stream, peer: Peer) {
    let snapshot = gate.store.load();
    let limits = snapshot.config.limits.clone();
    let Some(_place) = place(&gate, &snapshot, &peer) else {
        gate.losses.report(Bound::Http2Connections, peer.writer());
        return;
    };
    let is_stranger = peer.standing(&snapshot) == PeerClass::Stranger;
    let streams = if is_stranger { FEW_STREAMS } else { MAX_STREAMS };
    let (sent_streams, conduct) = (Arc::new(SentStreams::default()), Arc::new(Conduct::default()));
    let watched = Watched::new(stream, Arc::clone(&sent_streams), most_bytes(&snapshot, &peer));
    // The connection may outlive many snapshots; do not keep this one in memory.
    drop(snapshot);
    let handshake = timeout(limits.head_timeout, options(&limits, streams).handshake(watched)).await;
    let Ok(Ok(mut connection)) = handshake else { return };
    let waiting =
        Waiting { parking: gate.drain.parking(), limits: &limits, conduct: &conduct, streams: Arc::new(()) };
    let mut timer = Timer::new(Instant::now());
    let mut taken = 0usize;
    while let Some((request, mut respond)) = waiting.accept(&mut connection, &mut timer).await {
        taken = taken.wrapping_add(1);
        if taken.is_multiple_of(AT_ONCE) {
            tokio::task::yield_now().await;
        }
        let snapshot = gate.store.load();
        let Some(slot) = StreamSlot::take(&gate, &snapshot, &peer) else {
            gate.losses.report(Bound::Streams, peer.writer());
            // Nothing of the request was processed, so its sender may repeat it (RFC 9113 section 8.7).
            respond.send_reset(H2Reason::REFUSED_STREAM);
            continue;
        };
        let (peer, held) = (peer.clone(), Arc::clone(&waiting.streams));
        let (sent_streams, conduct) = (Arc::clone(&sent_streams), Arc::clone(&conduct));
        tokio::spawn(async move {
            let gate = slot.gate();
            let served = pin!(serve(gate, &snapshot, &peer, request, respond, (sent_streams, conduct)));
            if is_stranger {
                gate.stranger_turns.run(served).await;
            } else {
                served.await;
            }
            drop(held);
        });
    }
    // The last replies may still be in the buffers of the connection.
    let closed = poll_fn(|cx| connection.poll_closed(cx));
    let _ = timeout(SHUTDOWN_TIMEOUT, closed).await;
}

/// Counts an HTTP/2 connection. These have a bound of their own, because each needs more memory than HTTP/1.
fn place<'g>(gate: &'g Gate, snapshot: &Snapshot, peer: &Peer) -> Option<Share<'g>> {
    let holder = gate.http2_shares.holder(peer.writer(), peer.standing(snapshot));
    let most = most_connections(&snapshot.config.limits);
    Share::take(&gate.http2_shares, &gate.http2_connections, holder, 1, most)
}

/// How many HTTP/2 connections may be open at once.
#[must_use]
pub(crate) fn most_connections(limits: &Limits) -> u64 {
    (limits.connections as u64).div_ceil(PART)
}

/// How many bytes a connection may send in all. A stranger's connection carries few requests; without this bound it
/// could send other frames without end, and they cost time too.
fn most_bytes(snapshot: &Snapshot, peer: &Peer) -> usize {
    let limits = &snapshot.config.limits;
    match (peer.standing(snapshot), snapshot.config.mode) {
        (PeerClass::Stranger, Mode::Enforce) => {
            // The body of a denied request may have filled its window.
            (limits.max_head + STREAM_WINDOW as usize).saturating_mul(MOST_UNWELCOME as usize)
        }
        _ => usize::MAX,
    }
}

/// The options of the library. They start from pingora's defaults, because h2's own do not bound header lists and
/// streams.
fn options(limits: &Limits, streams: u64) -> H2Options {
    let mut options = default_h2_options();
    let window = u32::try_from(streams * WINDOW_A_STREAM).unwrap_or(u32::MAX).max(STREAM_WINDOW);
    options
        .max_concurrent_streams(u32::try_from(streams).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(header_list(limits.max_head)).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(MAX_RESETS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(Some(MAX_RESETS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window)
        .max_send_buffer_size(SEND_BUFFER);
    options
}

/// The largest header list. The library refuses a larger one by itself, without a log line, so this is above
/// `max_head`, which the gate checks and logs. HTTP/2 counts 32 bytes more for each field (RFC 9113 section 6.5.2).
#[must_use]
pub(crate) fn header_list(max_head: usize) -> usize {
    max_head.saturating_add(max_head / 4).saturating_add(32 * (MAX_FIELDS + 8))
}

/// What is needed to wait for the next request.
struct Waiting<'a> {
    parking: Parking<'a>,
    limits: &'a Limits,
    conduct: &'a Conduct,
    /// One reference for each stream that is served, and this one.
    streams: Arc<()>,
}

impl Waiting<'_> {
    /// Waits for the next request. This also drives all streams of the connection. `None` when the connection is over:
    /// closed, broken, idle for too long, drained, or ended by [`Conduct`].
    async fn accept(
        &self,
        connection: &mut Http2,
        timer: &mut Timer,
    ) -> Option<(Request<RecvStream>, SendResponse<Bytes>)> {
        let mut leaving = None;
        loop {
            let goaway_sent = leaving.is_some();
            let accepted = self.conduct.unless_over(leaving, connection.accept());
            let next = if goaway_sent {
                timer.until(Instant::now() + GOAWAY_TIMEOUT, accepted).await.map(Some)
            } else {
                let idle = Instant::now() + self.limits.keepalive;
                timer.until(idle, self.parking.unless_told_to_leave(accepted)).await
            };
            match next {
                Ok(Some(Ok(next))) => return next?.ok(),
                Ok(Some(Err(Ending::AtOnce))) => {
                    connection.abrupt_shutdown(H2Reason::ENHANCE_YOUR_CALM);
                    return None;
                }
                Err(_) if Arc::strong_count(&self.streams) > 1 => {}
                // The client does not react to the GOAWAY.
                Err(_) if goaway_sent => return None,
                // Idle, draining, or too many unwelcome requests: send GOAWAY, then serve the requests that the client
                // sent before it received that.
                Ok(Some(Err(Ending::InOrder)) | None) | Err(_) => {
                    connection.graceful_shutdown();
                    leaving = Some(Ending::InOrder);
                }
            }
        }
    }
}

async fn serve(
    gate: &Gate,
    snapshot: &Snapshot,
    peer: &Peer,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    (sent_streams, conduct): (Arc<SentStreams>, Arc<Conduct>),
) {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let version = Version::Http2 { body: !body.is_end_stream() };
    let request_id = gate.ids.next();
    let mut received = Received { request_id, version: Some(version), ..Received::default() };
    let head = fields::head(&parts, version, snapshot.config.limits.max_head);
    // Free the header map now: its fields were copied, and up to a hundred open streams would each keep one.
    drop(parts);
    let judged = judge::request::judge(snapshot, peer, head, &mut received);
    let mut stream =
        RequestStream { body, respond, sent_streams, conduct, timer: Timer::new(began), answered: false };
    request::serve(Context { gate, snapshot, peer, began }, &mut stream, &received, judged).await;
    stream.end();
}
