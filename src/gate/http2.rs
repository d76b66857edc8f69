//! HTTP/2: many requests at once on one connection, each told as the same story as over HTTP/1.
//!
//! Every stream is a request with a body of its own that is read whole and goes up framed anew with one
//! Content-Length, so streams cannot mix on the way to the upstream. Everything a sender can ask for is
//! bounded: streams, header lists, resets, windows, idle time. Invariant: the connection is driven for
//! as long as a stream is served, and no stream outlives the drain's grace.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason as H2Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use pingora::protocols::Stream;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options, handshake};
use tokio::time::{Instant, timeout};

use super::Gate;
use super::alarm::Alarm;
use super::body::Wanted;
use super::budget::Budget;
use super::drain::Parking;
use super::facts::{Head, MAX_FIELDS, Version};
use super::farewell::Sender;
use super::http1::WRITE_TIMEOUT;
use super::intake::{self, Peer, Seen};
use super::record::Scene;
use super::reply::Reply;
use super::request;
use super::wire::Wire;
use crate::config::Limits;
use crate::policy::outcome::Reason;

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
/// How long a connection that is over may take to say so.
const GOODBYE: Duration = Duration::from_secs(1);

type Http2 = Connection<Stream, Bytes>;

/// Serves a connection to its end.
pub async fn run(gate: Arc<Gate>, stream: Stream, peer: Peer) {
    let limits = gate.store.load().config.limits.clone();
    let shaken = timeout(limits.head_timeout, handshake(stream, Some(options(&limits)))).await;
    let Ok(Ok(mut connection)) = shaken else { return };
    let parking = gate.drain.parking();
    let mut alarm = Alarm::new(Instant::now());
    // One reference a stream that is served, and this one.
    let streams = Arc::new(());
    while let Some((request, respond)) =
        accept(&mut connection, &parking, &mut alarm, &limits, &streams).await
    {
        let (gate, peer, held) = (Arc::clone(&gate), peer.clone(), Arc::clone(&streams));
        tokio::spawn(async move {
            serve(&gate, &peer, request, respond).await;
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
        .max_header_list_size(u32::try_from(limits.max_head).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(MAX_RESETS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(Some(MAX_RESETS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER);
    options
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
            connection.accept().await
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

async fn serve(gate: &Gate, peer: &Peer, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    let began = Instant::now();
    let snapshot = gate.store.load();
    let (parts, body) = request.into_parts();
    let mut seen = Seen { request_id: gate.ids.next(), ..Seen::default() };
    let judged = {
        let fields = fields(&parts);
        let head = match &fields {
            Some(fields) => Ok(Head::new(
                parts.method.as_str().as_bytes(),
                target(&parts),
                Version::Http2 { body: !body.is_end_stream() },
                fields,
            )),
            None => Err(Reason::HeadTooLarge),
        };
        intake::judge(&snapshot, peer, head, &mut seen)
    };
    let mut exchange = Exchange { body, respond, alarm: Alarm::new(began), answered: false };
    request::serve(Scene { gate, snapshot: &snapshot, peer, began }, &mut exchange, seen, judged).await;
    if !exchange.answered {
        // `deny: drop`, or an answer that could not be written: the stream ends, the connection lives.
        exchange.respond.send_reset(H2Reason::REFUSED_STREAM);
    }
}

fn target(parts: &Parts) -> &[u8] {
    parts.uri.path_and_query().map_or(&b"*"[..], |target| target.as_str().as_bytes())
}

/// The header lines, with `:authority` in the place of Host. Two hosts that differ are both kept, so that
/// they are refused like two Host lines.
fn fields(parts: &Parts) -> Option<Vec<httparse::Header<'_>>> {
    let mut fields = Vec::with_capacity(parts.headers.len() + 1);
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    if let Some(authority) = authority {
        fields.push(httparse::Header { name: "host", value: authority.as_bytes() });
    }
    for (name, value) in &parts.headers {
        let repeats =
            name == http::header::HOST && authority.is_some_and(|own| own.as_bytes() == value.as_bytes());
        if !repeats {
            fields.push(httparse::Header { name: name.as_str(), value: value.as_bytes() });
        }
    }
    (fields.len() <= MAX_FIELDS).then_some(fields)
}

/// One stream: a request's way in and out.
struct Exchange {
    body: RecvStream,
    respond: SendResponse<Bytes>,
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
        let Ok(stream) = self.respond.send_response(head, reply.body.is_empty()) else { return false };
        self.answered = true;
        if reply.body.is_empty() {
            return true;
        }
        let body = Bytes::copy_from_slice(&reply.body);
        matches!(
            self.alarm.until(Instant::now() + WRITE_TIMEOUT, send_body(stream, body)).await,
            Ok(Some(()))
        )
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
async fn send_body(mut stream: SendStream<Bytes>, mut body: Bytes) -> Option<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
        let piece = body.split_to(room.min(body.len()));
        stream.send_data(piece, body.is_empty()).ok()?;
    }
    Some(())
}
