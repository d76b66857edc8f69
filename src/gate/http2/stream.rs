//! One HTTP/2 stream: how the body of its request comes in and the reply goes out.
//!
//! It implements [`Transport`] for HTTP/2; the rules for requests are in `request`. Invariant: a reply counts as
//! written only when its last frame was written.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason as H2Reason, RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::gate::http1::line::WRITE_TIMEOUT;
use crate::gate::http2::conduct::Conduct;
use crate::gate::http2::sent::{Sent, SentStreams};
use crate::policy::outcome::Reason;
use crate::wire::body::{Framing, Wanted};
use crate::wire::budget::Budget;
use crate::wire::delivery_check::SenderState;
use crate::wire::timer::Timer;
use crate::wire::transport::{Reply, Transport};

/// The state of one stream.
pub(crate) struct RequestStream {
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
    pub(crate) sent_streams: Arc<SentStreams>,
    pub(crate) conduct: Arc<Conduct>,
    pub(crate) timer: Timer,
    pub(crate) answered: bool,
}

impl RequestStream {
    /// Ends the stream and counts how it ended.
    pub(crate) fn end(&mut self) {
        if !self.answered {
            // `deny: drop`, or a reply that could not be written: only the stream ends, not the connection. The code is
            // CANCEL and not REFUSED_STREAM, because that would invite the sender to repeat the request.
            self.respond.send_reset(H2Reason::CANCEL);
        }
        let was_reset = self.sender() == SenderState::Gone;
        self.conduct.note_end(was_reset);
    }
}

impl Transport for RequestStream {
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
            let data = self.timer.until(deadline, self.body.data()).await.map_err(|_| Reason::BodyTimeout)?;
            let Some(data) = data else { break };
            // The library reports a wrong Content-Length as an error of the stream.
            let data = data.map_err(|_| Reason::BodyIncomplete)?;
            budget.make_room(data.len())?;
            message.extend_from_slice(&data);
            if message.len() - before > wanted.max {
                return Err(Reason::BodyTooLarge);
            }
            // Open the window again for as many bytes.
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

    fn timer(&mut self) -> &mut Timer {
        &mut self.timer
    }

    fn sender(&mut self) -> SenderState {
        let mut cx = Context::from_waker(Waker::noop());
        match self.respond.poll_reset(&mut cx) {
            Poll::Ready(_) => SenderState::Gone,
            Poll::Pending => SenderState::Waits,
        }
    }

    async fn write(&mut self, reply: &Reply<'_>) -> bool {
        let Some(head) = head_of(reply) else { return false };
        let mut sent = SentStreams::of(&self.sent_streams, self.respond.stream_id().into());
        let bodyless = reply.body.is_empty() || reply.spare;
        let Ok(mut stream) = self.respond.send_response(head, bodyless) else { return false };
        self.answered = true;
        let body = if bodyless { Bytes::new() } else { Bytes::copy_from_slice(&reply.body) };
        let write = async {
            send_body(&mut stream, body).await?;
            last_frame_written(&mut stream, &mut sent).await
        };
        let whole = matches!(self.timer.within(WRITE_TIMEOUT, write).await, Ok(Some(())));
        if !whole {
            // Drop the part of the reply that is still queued.
            stream.send_reset(H2Reason::CANCEL);
        }
        whole
    }

    fn body_sent(&self, reply: &Reply<'_>) -> u64 {
        if reply.spare { 0 } else { reply.body.len() as u64 }
    }

    async fn was_taken(&mut self) -> bool {
        true
    }

    fn has_more(&self) -> bool {
        false
    }

    fn count_unwelcome(&mut self) -> bool {
        // `Conduct` ends the connection with a GOAWAY; this stream ends in the regular way.
        self.conduct.note_unwelcome();
        false
    }
}

/// The head of the reply. HTTP/2 has no `Connection` field.
fn head_of(reply: &Reply<'_>) -> Option<Response<()>> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(reply.status).ok()?;
    let headers = response.headers_mut();
    for (name, value) in reply.fields.iter() {
        headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    if let Some(date) = reply.date() {
        headers.insert(http::header::DATE, HeaderValue::from_bytes(&date).ok()?);
    }
    // If the body is left out, the announced length is 0.
    if let Some(length) = reply.length.map(|length| if reply.spare { 0 } else { length }) {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Some(response)
}

/// Sends the body in pieces that fit the sender's window; `None` when the stream has ended.
async fn send_body(stream: &mut SendStream<Bytes>, mut body: Bytes) -> Option<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
        let piece = body.split_to(room.min(body.len()));
        stream.send_data(piece, body.is_empty()).ok()?;
    }
    Some(())
}

/// Waits until the last frame was written; `None` when the stream or the connection ended first.
async fn last_frame_written(stream: &mut SendStream<Bytes>, sent: &mut Sent) -> Option<()> {
    poll_fn(|cx| match Pin::new(&mut sent.told).poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.ok()),
        Poll::Pending => stream.poll_reset(cx).map(|_| None),
    })
    .await
}
