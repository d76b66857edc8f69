//! HTTP/2: many requests at once on one connection, each told as the same story as over HTTP/1.
//!
//! Every stream is a request with a body of its own that is read whole and goes up framed anew with one
//! Content-Length, so streams cannot mix on the way to the upstream. Everything a sender can ask for is
//! bounded: streams, header lists, resets, windows, idle time. A stream that is open is counted by its client and
//! for all; one for which there is no place is refused in the way that lets its sender try again at once. Invariant:
//! the connection is driven for as long as a stream is served, and no stream outlives the drain's grace.

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
use crate::gate::http1::line::UNWELCOME;
use crate::gate::http2::conduct::{Conduct, Ending};
use crate::gate::http2::fields;
use crate::gate::http2::sent::{SentStreams, Watched};
use crate::gate::http2::slot::StreamSlot;
use crate::gate::http2::stream::RequestStream;
use crate::gate::peer::Peer;
use crate::gate::request::context::Context;
use crate::gate::request::head::{MAX_FIELDS, Version};
use crate::gate::request::received::Received;
use crate::gate::request::{self, intake};
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;
use crate::wire::drain::Parking;
use crate::wire::shares::{PeerClass, Share};
use crate::wire::timer::Timer;

/// The first bytes of every HTTP/2 connection (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Of the connections that may be open, this part may speak HTTP/2.
const PART: u64 = 4;
/// Streams that may be open at once on one connection.
pub(crate) const MAX_STREAMS: u64 = 100;
/// The same for a stranger.
const FEW_STREAMS: u64 = 4;
/// Streams that are taken in before others on this thread have their turn.
const AT_ONCE: usize = 4;
/// Resets of streams that were not handed out yet which are remembered, and end a connection beyond.
const MAX_RESETS: usize = 64;
/// Body bytes that one stream may have on the way to us; also what a connection may have before it says otherwise.
pub(crate) const STREAM_WINDOW: u32 = 64 << 10;
/// Body bytes that a whole connection may have on the way to us, for each of its streams.
const WINDOW_A_STREAM: u64 = 4 << 10;
/// Answer bytes of one stream that wait for its sender's window.
const SEND_BUFFER: usize = 64 << 10;
/// How long a client that was told of the end may take to show that it heard, while nothing is served.
const PARTING: Duration = Duration::from_secs(2);
/// How long a connection that is over may take to say so.
const GOODBYE: Duration = Duration::from_secs(1);

type Http2 = Connection<Watched<Stream>, Bytes>;

/// Serves a connection to its end.
pub(crate) async fn run(gate: Arc<Gate>, stream: Stream, peer: Peer) {
    let snapshot = gate.store.load();
    let limits = snapshot.config.limits.clone();
    let Some(_place) = place(&gate, &snapshot, &peer) else {
        Gauges::add(&gate.gauges.over_capacity);
        return;
    };
    let is_stranger = peer.standing(&snapshot) == PeerClass::Stranger;
    let streams = if is_stranger { FEW_STREAMS } else { MAX_STREAMS };
    let (sent_streams, conduct) = (Arc::new(SentStreams::default()), Arc::new(Conduct::default()));
    let watched = Watched::new(stream, Arc::clone(&sent_streams), most_bytes(&snapshot, &peer));
    // A connection outlives many snapshots.
    drop(snapshot);
    let shaken = timeout(limits.head_timeout, options(&limits, streams).handshake(watched)).await;
    let Ok(Ok(mut connection)) = shaken else { return };
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
            Gauges::add(&gate.gauges.streams_refused);
            // It was not looked at, so its sender may repeat it (RFC 9113 section 8.7).
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
    // What was answered last may still stand in the connection's buffers.
    let closed = poll_fn(|cx| connection.poll_closed(cx));
    let _ = timeout(GOODBYE, closed).await;
}

/// A place among the connections of HTTP/2, which cost more than others and carry more.
fn place<'g>(gate: &'g Gate, snapshot: &Snapshot, peer: &Peer) -> Option<Share<'g>> {
    let holder = gate.http2_shares.holder(peer.writer(), peer.standing(snapshot));
    let most = most_connections(&snapshot.config.limits);
    Share::take(&gate.http2_shares, &gate.http2_connections, holder, 1, most)
}

/// Connections of HTTP/2 that may be open together.
#[must_use]
pub(crate) fn most_connections(limits: &Limits) -> u64 {
    (limits.connections as u64).div_ceil(PART)
}

/// What a connection may bring. A stranger's carries few requests, and frames that are no request cost time too.
fn most_bytes(snapshot: &Snapshot, peer: &Peer) -> usize {
    let limits = &snapshot.config.limits;
    match (peer.standing(snapshot), snapshot.config.mode) {
        (PeerClass::Stranger, Mode::Enforce) => {
            // A denied request may have been followed by as much body as its window allows.
            (limits.max_head + STREAM_WINDOW as usize).saturating_mul(UNWELCOME as usize)
        }
        _ => usize::MAX,
    }
}

/// Starts from pingora's bounded defaults: h2's own leave header lists and streams open.
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

/// What the library refuses by itself, without a word in the log. So it lies above `max_head`, which is
/// judged here; the 32 bytes a field are how HTTP/2 counts (RFC 9113 section 6.5.2).
#[must_use]
pub(crate) fn header_list(max_head: usize) -> usize {
    max_head.saturating_add(max_head / 4).saturating_add(32 * (MAX_FIELDS + 8))
}

/// Waiting for the next request.
struct Waiting<'a> {
    parking: Parking<'a>,
    limits: &'a Limits,
    conduct: &'a Conduct,
    /// One reference a stream that is served, and this one.
    streams: Arc<()>,
}

impl Waiting<'_> {
    /// The next request. Waiting for it is also what moves all streams of the connection. `None` when it is
    /// over: closed, broken, idle for too long, drained, or ended for its client's conduct.
    async fn accept(
        &self,
        connection: &mut Http2,
        timer: &mut Timer,
    ) -> Option<(Request<RecvStream>, SendResponse<Bytes>)> {
        let mut leaving = None;
        loop {
            let told = leaving.is_some();
            let accepted = self.conduct.unless_over(leaving, connection.accept());
            let next = if told {
                timer.until(Instant::now() + PARTING, accepted).await.map(Some)
            } else {
                let idle = Instant::now() + self.limits.keepalive;
                timer.until(idle, self.parking.unless_told_to_leave(accepted)).await
            };
            match next {
                Ok(Some(Ok(next))) => return next?.ok(),
                Ok(Some(Err(Ending::Calm))) => {
                    connection.abrupt_shutdown(H2Reason::ENHANCE_YOUR_CALM);
                    return None;
                }
                Err(_) if Arc::strong_count(&self.streams) > 1 => {}
                // It does not answer, or takes nothing any more.
                Err(_) if told => return None,
                // Idle, or told to leave: say so (GOAWAY), then serve what the sender had begun before it knew.
                Ok(Some(Err(Ending::Leave)) | None) | Err(_) => {
                    connection.graceful_shutdown();
                    leaving = Some(Ending::Leave);
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
    // What is needed of it was copied: a hundred streams would hold a hundred maps.
    drop(parts);
    let judged = intake::judge(snapshot, peer, head, &mut received);
    let mut stream =
        RequestStream { body, respond, sent_streams, conduct, timer: Timer::new(began), answered: false };
    request::serve(Context { gate, snapshot, peer, began }, &mut stream, &received, judged).await;
    stream.end();
}
