//! One stream of HTTP/2: a request's way in and out.

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

/// One stream.
pub(crate) struct RequestStream {
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
    pub(crate) sent_streams: Arc<SentStreams>,
    pub(crate) conduct: Arc<Conduct>,
    pub(crate) timer: Timer,
    pub(crate) answered: bool,
}

impl RequestStream {
    /// The end of the stream, whatever it is.
    pub(crate) fn end(&mut self) {
        if !self.answered {
            // `deny: drop`, or an answer that could not be written: the stream ends, the connection lives. Nothing
            // that would mean "try again".
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
        let mut left = SentStreams::of(&self.sent_streams, self.respond.stream_id().into());
        let bodyless = reply.body.is_empty() || reply.spare;
        let Ok(mut stream) = self.respond.send_response(head, bodyless) else { return false };
        self.answered = true;
        let body = if bodyless { Bytes::new() } else { Bytes::copy_from_slice(&reply.body) };
        let sent = async {
            send_body(&mut stream, body).await?;
            has_left(&mut stream, &mut left).await
        };
        let whole = matches!(self.timer.within(WRITE_TIMEOUT, sent).await, Ok(Some(())));
        if !whole {
            // What is queued of it is let go.
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

    fn unwelcome(&mut self) -> bool {
        // Its connection is told to go; the stream ends as any.
        self.conduct.note_unwelcome();
        false
    }
}

/// The answer's head. `Connection` is HTTP/1's and never sent here.
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
    // What is left out is not announced.
    if let Some(length) = reply.length.map(|length| if reply.spare { 0 } else { length }) {
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
async fn has_left(stream: &mut SendStream<Bytes>, left: &mut Sent) -> Option<()> {
    poll_fn(|cx| match Pin::new(&mut left.told).poll(cx) {
        Poll::Ready(told) => Poll::Ready(told.ok()),
        Poll::Pending => stream.poll_reset(cx).map(|_| None),
    })
    .await
}
