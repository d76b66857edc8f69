//! HTTP/2: many requests at once on one connection, each told as the same story as over HTTP/1.
//!
//! Every stream is a request with a body of its own that is read whole and goes up framed anew with one
//! Content-Length, so streams cannot mix on the way to the upstream. Everything a sender can ask for is
//! bounded: streams, header lists, resets, windows, idle time. Invariant: the connection is driven for
//! as long as a stream is served, and no stream outlives the drain's grace.

use std::borrow::Cow;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason as H2Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use pingora::protocols::Stream;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::Gate;
use super::alarm::Alarm;
use super::body::Wanted;
use super::budget::Budget;
use super::departures::{Departures, Watched};
use super::drain::Parking;
use super::facts::{Framing, Head, MAX_FIELDS, Version};
use super::farewell::Sender;
use super::http1::WRITE_TIMEOUT;
use super::intake::{self, Peer, Refusal, Seen, Ticket};
use super::record::Scene;
use super::reply::Reply;
use super::request;
use super::wire::Wire;
use crate::config::Limits;
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;

/// The first bytes of every HTTP/2 connection (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests at once on one connection.
const MAX_STREAMS: u32 = 100;
/// Resets that are remembered, and that a sender may cause before the connection ends.
const MAX_RESETS: usize = 64;
/// Body bytes that one stream, and one connection, may have on the way to us.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;
/// Answer bytes of one stream that wait for its sender's window.
const SEND_BUFFER: usize = 64 << 10;
/// How long a client that was told of the end may take to show that it heard, while nothing is served.
const PARTING: Duration = Duration::from_secs(2);
/// How long a connection that is over may take to say so.
const GOODBYE: Duration = Duration::from_secs(1);

type Http2 = Connection<Watched<Stream>, Bytes>;

/// Serves a connection to its end.
pub async fn run(gate: Arc<Gate>, stream: Stream, peer: Peer) {
    let limits = gate.store.load().config.limits.clone();
    let departures = Arc::new(Departures::default());
    let watched = Watched::new(stream, Arc::clone(&departures));
    let shaken = timeout(limits.head_timeout, options(&limits).handshake(watched)).await;
    let Ok(Ok(mut connection)) = shaken else { return };
    let parking = gate.drain.parking();
    let mut alarm = Alarm::new(Instant::now());
    // One reference a stream that is served, and this one.
    let streams = Arc::new(());
    while let Some((request, respond)) =
        accept(&mut connection, &parking, &mut alarm, &limits, &streams).await
    {
        let (gate, peer, held) = (Arc::clone(&gate), peer.clone(), Arc::clone(&streams));
        let departures = Arc::clone(&departures);
        tokio::spawn(async move {
            serve(&gate, &peer, request, respond, departures).await;
            drop(held);
        });
    }
    // What was answered last may still stand in the connection's buffers.
    let closed = poll_fn(|cx| connection.poll_closed(cx));
    let _ = timeout(GOODBYE, closed).await;
}

/// Starts from pingora's bounded defaults: h2's own leave header lists and streams open.
fn options(limits: &Limits) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(header_list(limits.max_head)).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(MAX_RESETS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(Some(MAX_RESETS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER);
    options
}

/// What the library refuses by itself, without a word in the log. So it lies well above `max_head`, which is
/// judged here; the 32 bytes a field are how HTTP/2 counts (RFC 9113 section 6.5.2).
fn header_list(max_head: usize) -> usize {
    max_head.saturating_mul(2).saturating_add(32 * (MAX_FIELDS + 8))
}

/// The next request. Waiting for it is also what moves all streams of the connection. `None` when it is
/// over: closed, broken, idle for too long, or drained.
async fn accept(
    connection: &mut Http2,
    parking: &Parking<'_>,
    alarm: &mut Alarm,
    limits: &Limits,
    streams: &Arc<()>,
) -> Option<(Request<RecvStream>, SendResponse<Bytes>)> {
    let mut leaving = false;
    loop {
        let next = if leaving {
            match alarm.until(Instant::now() + PARTING, connection.accept()).await {
                Ok(next) => next,
                Err(_) if Arc::strong_count(streams) > 1 => continue,
                // It does not answer, or takes nothing any more.
                Err(_) => return None,
            }
        } else {
            let idle = Instant::now() + limits.keepalive;
            match alarm.until(idle, parking.unless_told_to_leave(connection.accept())).await {
                Ok(Some(next)) => next,
                Err(_) if Arc::strong_count(streams) > 1 => continue,
                // Idle, or told to leave: say so (GOAWAY), then serve what the sender had begun before it knew.
                Ok(None) | Err(_) => {
                    connection.graceful_shutdown();
                    leaving = true;
                    continue;
                }
            }
        };
        return next?.ok();
    }
}

async fn serve(
    gate: &Gate,
    peer: &Peer,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    departures: Arc<Departures>,
) {
    let began = Instant::now();
    let snapshot = gate.store.load();
    let (parts, body) = request.into_parts();
    let version = Version::Http2 { body: !body.is_end_stream() };
    let mut seen = Seen { request_id: gate.ids.next(), version: Some(version), ..Seen::default() };
    let judged = judge(&snapshot, peer, &parts, version, &mut seen);
    // A hundred of them would be held as long as their streams.
    drop(parts);
    let mut exchange = Exchange { body, respond, departures, alarm: Alarm::new(began), answered: false };
    request::serve(Scene { gate, snapshot: &snapshot, peer, began }, &mut exchange, seen, judged).await;
    if !exchange.answered {
        // `deny: drop`, or an answer that could not be written: the stream ends, the connection lives.
        exchange.respond.send_reset(H2Reason::REFUSED_STREAM);
    }
}

/// Judges the header as HTTP/1 would have written it.
fn judge(
    snapshot: &Snapshot,
    peer: &Peer,
    parts: &Parts,
    version: Version,
    seen: &mut Seen,
) -> Result<Ticket, Refusal> {
    let (target, cookie) = (target(parts), cookie(parts));
    let fields = fields(parts, cookie.as_deref());
    let method = parts.method.as_str().as_bytes();
    let max = snapshot.config.limits.max_head;
    let line = method.len() + target.len() + " HTTP/1.1\r\n".len() + 1;
    let lines: usize = fields.iter().map(|field| field.name.len() + field.value.len() + ": \r\n".len()).sum();
    let head = if line > max {
        Err(Reason::TargetTooLong)
    } else if fields.len() > MAX_FIELDS || line + lines > max {
        Err(Reason::HeadTooLarge)
    } else {
        Ok(Head::new(method, target.as_bytes(), version, &fields))
    };
    intake::judge(snapshot, peer, head, seen)
}

/// The path and query. A scheme that is not HTTP's is kept before them, so that it is refused as in an
/// absolute form.
fn target(parts: &Parts) -> Cow<'_, str> {
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Cow::Owned(parts.uri.to_string());
    }
    Cow::Borrowed(parts.uri.path_and_query().map_or("*", http::uri::PathAndQuery::as_str))
}

/// HTTP/2 may send each cookie in a field of its own; towards HTTP/1 they are one (RFC 9113 section 8.2.3).
fn cookie(parts: &Parts) -> Option<Vec<u8>> {
    let crumbs: Vec<&[u8]> =
        parts.headers.get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    (crumbs.len() > 1).then(|| crumbs.join(&b"; "[..]))
}

/// The header lines, with `:authority` in the place of Host. A host that differs from it is kept too, so
/// that the two are refused like two Host lines.
fn fields<'p>(parts: &'p Parts, cookie: Option<&'p [u8]>) -> Vec<httparse::Header<'p>> {
    let mut fields = Vec::with_capacity(parts.headers.len() + 1);
    let mut authority = parts.uri.authority().map(http::uri::Authority::as_str);
    if let Some(authority) = authority {
        fields.push(httparse::Header { name: "host", value: authority.as_bytes() });
    }
    for (name, value) in &parts.headers {
        if name == http::header::HOST && authority.is_some_and(|own| own.as_bytes() == value.as_bytes()) {
            // It repeats what was said; to say it once more is two Host lines again.
            authority = None;
        } else if cookie.is_none() || name != http::header::COOKIE {
            fields.push(httparse::Header { name: name.as_str(), value: value.as_bytes() });
        }
    }
    fields.extend(cookie.map(|value| httparse::Header { name: "cookie", value }));
    fields
}

/// One stream: a request's way in and out.
struct Exchange {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    departures: Arc<Departures>,
    alarm: Alarm,
    answered: bool,
}

impl Wire for Exchange {
    async fn read_body(
        &mut self,
        wanted: Wanted,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        if wanted.expects_continue && wanted.framing != Framing::None && !self.body.is_end_stream() {
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            self.respond.send_informational(go_on).map_err(|_| Reason::BodyIncomplete)?;
        }
        let before = message.len();
        let deadline = wanted.ends();
        loop {
            let data = self.alarm.until(deadline, self.body.data()).await.map_err(|_| Reason::BodyTimeout)?;
            let Some(data) = data else { break };
            // A length that the data contradicts is an error of the stream here already.
            let data = data.map_err(|_| Reason::BodyIncomplete)?;
            budget.make_room(data.len())?;
            message.extend_from_slice(&data);
            if message.len() - before > wanted.max {
                return Err(Reason::BodyTooLarge);
            }
            // The sender may send as much again.
            self.body.flow_control().release_capacity(data.len()).map_err(|_| Reason::BodyIncomplete)?;
        }
        match wanted.framing.announced() {
            Some(length) if length != (message.len() - before) as u64 => Err(Reason::BodyIncomplete),
            _ => Ok(()),
        }
    }

    fn skip_body(&mut self, length: u64) -> bool {
        length == 0
    }

    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn sender(&mut self) -> Sender {
        let mut cx = Context::from_waker(Waker::noop());
        match self.respond.poll_reset(&mut cx) {
            Poll::Ready(_) => Sender::Gone,
            Poll::Pending => Sender::Waits,
        }
    }

    async fn write(&mut self, reply: &Reply<'_>) -> bool {
        let Some(head) = head_of(reply) else { return false };
        let left = self.departures.of(self.respond.stream_id().into());
        let Ok(mut stream) = self.respond.send_response(head, reply.body.is_empty()) else { return false };
        self.answered = true;
        let body = Bytes::copy_from_slice(&reply.body);
        let sent = async {
            send_body(&mut stream, body).await?;
            has_left(&mut stream, left).await
        };
        let whole = matches!(self.alarm.within(WRITE_TIMEOUT, sent).await, Ok(Some(())));
        if !whole {
            // What is queued of it is let go.
            stream.send_reset(H2Reason::CANCEL);
        }
        whole
    }

    async fn was_taken(&mut self) -> bool {
        true
    }

    fn has_more(&self) -> bool {
        false
    }
}

/// The answer's head. `Connection` is HTTP/1's and never sent here.
fn head_of(reply: &Reply<'_>) -> Option<Response<()>> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(reply.status).ok()?;
    let headers = response.headers_mut();
    for line in reply.fields.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|b| *b == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    if let Some(length) = reply.length {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Some(response)
}

/// Sends the body as the sender's window allows; `None` when the stream is gone.
async fn send_body(stream: &mut SendStream<Bytes>, mut body: Bytes) -> Option<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
        let piece = body.split_to(room.min(body.len()));
        stream.send_data(piece, body.is_empty()).ok()?;
    }
    Some(())
}

/// Waits until the last frame has gone out; `None` when the stream or the connection ended first.
async fn has_left(stream: &mut SendStream<Bytes>, mut left: oneshot::Receiver<()>) -> Option<()> {
    poll_fn(|cx| match Pin::new(&mut left).poll(cx) {
        Poll::Ready(told) => Poll::Ready(told.ok()),
        Poll::Pending => stream.poll_reset(cx).map(|_| None),
    })
    .await
}
