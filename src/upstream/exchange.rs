//! Sends a message to the application and returns a complete answer, or a failure.
//!
//! The message is sent in one write, on an idle connection if there is one. If that connection proves to be stale, that
//! is, it is closed before the first byte of an answer, the message is sent once more on a new one: the application had
//! closed the connection because it was idle, and after a 503 the sender would repeat the request as well. No other
//! failure leads to a second attempt, in particular no time-out, because the application may have acted on the first.
//! If an endpoint cannot be connected to, nothing was sent, and the next one is tried. What the answer means for the
//! sender is not decided here. Invariant: no exchange without a [`Permit`], and no third attempt.

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout};

use crate::policy::admission::Permit;
use crate::policy::outcome::Reason;
use crate::state::endpoint::LiveUpstream;
use crate::state::stats::gauges::Gauges;
use crate::upstream::answer::{self, Answer, Behind, Bounds, Broken};
use crate::upstream::balancer::{Turn, note_connected};
use crate::upstream::flaw::Flaw;
use crate::upstream::pool::Pool;
use crate::upstream::pool::idle::PooledConnection;
use crate::upstream::pools::Pools;
use crate::wire::budget::Budget;

/// The largest message after which a connection is used again. An application may answer without reading the whole
/// message. The unread rest of a larger one could still be in the kernel's buffers then, in front of the next request.
/// Webhooks are far smaller.
const MAX_MESSAGE_FOR_REUSE: usize = 64 << 10;

/// How long after a 408 its connection is watched for an end.
const END_OF_IDLE: Duration = Duration::from_millis(50);

/// How far an exchange has come. The caller owns it, so that it is known even when the deadline ends the exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Times the message was sent.
    pub attempts: u8,
    /// When the exchange began.
    pub began: Option<Instant>,
    /// The status of an answer that broke off after its head.
    pub status: Option<u16>,
    /// What is wrong with an answer that is malformed.
    pub flaw: Option<Flaw>,
}

/// A message as it is written: a head, and a body behind it.
#[derive(Debug)]
pub(crate) struct Message {
    /// The head, and the body if it is short.
    first: Vec<u8>,
    /// The body if it is not.
    rest: Vec<u8>,
}

impl Message {
    /// The longest body in bytes that is copied behind its head. One part costs the kernel less than two, and so short a
    /// copy costs less than that.
    const SHORT: usize = 2048;

    /// How many bytes a head should have room for behind it.
    #[must_use]
    pub(crate) fn room_behind(body_length: usize) -> usize {
        if body_length <= Self::SHORT { body_length } else { 0 }
    }

    /// A message with this head and body.
    #[must_use]
    pub(crate) fn new(head: Vec<u8>, body: Vec<u8>) -> Self {
        if body.len() > Self::SHORT {
            return Self { first: head, rest: body };
        }
        let mut first = head;
        first.extend_from_slice(&body);
        Self { first, rest: Vec::new() }
    }

    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Writes what follows the first `at` bytes, or a part of it.
    fn write(&self, at: usize, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let (stream, first) = (Pin::new(stream), self.first.get(at..).unwrap_or_default());
        if self.rest.is_empty() {
            return stream.poll_write(cx, first);
        }
        let rest = self.rest.get(at.saturating_sub(self.first.len())..).unwrap_or_default();
        stream.poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(rest)])
    }
}

/// A message, where it is sent, and the permit for that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamRequest<'a> {
    /// The permit. Nothing reads it, but without one this value cannot be made.
    #[expect(dead_code, reason = "its presence is its use")]
    pub permit: &'a Permit,
    /// The upstream that receives the message.
    pub upstream: &'a LiveUpstream,
    /// The message.
    pub message: &'a Message,
    /// The bounds of the answer.
    pub bounds: Bounds,
}

/// Sends the message and reads the answer.
///
/// # Errors
/// Why there is no complete answer.
pub(crate) async fn run(
    pools: &Pools,
    gauges: &Gauges,
    request: UpstreamRequest<'_>,
    budget: &mut Budget<'_>,
    progress: &mut Progress,
) -> Result<Answer, Reason> {
    let began = Instant::now();
    progress.began = Some(began);
    let UpstreamRequest { upstream, message, bounds, .. } = request;
    let mut last = Reason::ConnectFailed;
    for endpoint in Turn::next_of(upstream) {
        let pool = pools.of(endpoint);
        // A second attempt uses a new connection only: another idle one may be stale too.
        if progress.attempts == 0
            && let Some(connection) = pool.take(began)
        {
            Gauges::add(&gauges.upstream_reused);
            progress.attempts += 1;
            match attempt((connection, began), message, bounds, budget, &pool).await {
                Err(stale) if stale.before_first_byte => {}
                Err(other) => {
                    (progress.status, progress.flaw) = (other.status, other.flaw);
                    return Err(other.reason);
                }
                // The server timed out the idle connection and did not process the request (RFC 9110 section 15.5.9).
                Ok(answer) if answer.status == 408 && answer.behind == Behind::End => {}
                Ok(answer) => {
                    if !endpoint.health.is_up() {
                        note_connected(endpoint);
                    }
                    return Ok(answer);
                }
            }
        }
        // Boxed: opening a connection is rare, and the future of a TLS handshake would enlarge that of every request.
        match Box::pin(pool.open(upstream)).await {
            Ok(connection) => {
                Gauges::add(&gauges.upstream_opened);
                if progress.attempts > 0 {
                    Gauges::add(&gauges.upstream_resent);
                }
                progress.attempts += 1;
                let answer = attempt((connection, Instant::now()), message, bounds, budget, &pool).await;
                return answer.map_err(|broken| {
                    (progress.status, progress.flaw) = (broken.status, broken.flaw);
                    broken.reason
                });
            }
            Err(unreachable) => last = unreachable.reason,
        }
    }
    Err(last)
}

/// Sends the message on a connection at the time `asked` and reads the answer. Keeps the connection if it may be used
/// again.
async fn attempt(
    (mut connection, asked): (PooledConnection, Instant),
    message: &Message,
    bounds: Bounds,
    budget: &mut Budget<'_>,
    pool: &Pool,
) -> Result<Answer, Broken> {
    let stream = &mut connection.stream;
    let sent = send(stream, message, bounds).await;
    let in_step = sent.whole && sent.early.is_empty() && message.len() <= MAX_MESSAGE_FOR_REUSE;
    let mut answer =
        answer::read(stream, sent.early, bounds, budget).await.map_err(|broken| match sent.error {
            // Report the error of the write: it came first, and the read only found the end of the connection.
            Some(reason) if broken.before_first_byte => Broken { reason, ..broken },
            _ => broken,
        })?;
    if answer.status == 408 && answer.behind == Behind::Nothing && connection.was_used() {
        answer.behind = soon_behind(&mut connection.stream).await;
    }
    match answer.behind {
        Behind::Nothing if in_step => pool.put(connection, asked),
        Behind::Surplus => pool.distrust(Instant::now()),
        Behind::Nothing | Behind::End => {}
    }
    Ok(answer)
}

/// What follows a 408 that does not announce the end of its connection: servers that time out an idle connection close it
/// behind such an answer, and an application that times out a request does not.
async fn soon_behind(stream: &mut Stream) -> Behind {
    match timeout(END_OF_IDLE, stream.read_u8()).await {
        Err(_) => Behind::Nothing,
        Ok(Ok(_)) => Behind::Surplus,
        Ok(Err(_)) => Behind::End,
    }
}

/// The result of sending a message. An answer may have come even if sending failed.
#[derive(Debug, Default)]
struct Sent {
    /// The whole message was written.
    whole: bool,
    /// The bytes of the answer that came before the message was written.
    early: Vec<u8>,
    /// The error that ended the writing.
    error: Option<Reason>,
}

/// Writes the message. While the write has to wait, it reads: an application that answers before it has read the whole
/// message would otherwise block on its own write while the gate blocks on this one. If it has refused the message, it
/// need not read the rest of it, and may never do so.
async fn send(stream: &mut Stream, message: &Message, bounds: Bounds) -> Sent {
    let mut sent = Sent::default();
    let mut at = 0;
    let written = std::future::poll_fn(|cx| {
        while at < message.len() {
            match message.write(at, stream, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => at += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let more = match read_early(stream, cx, &mut sent.early) {
                        Poll::Pending if answer::is_whole_refusal(&sent.early, bounds) => false,
                        read => std::task::ready!(read)?,
                    };
                    if !more || sent.early.len() > bounds.size {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    })
    .await;
    sent.whole = at == message.len();
    let flushed = if sent.whole { stream.flush().await } else { Ok(()) };
    sent.error = written.and(flushed).err().map(|error| answer::ended_by(&error));
    sent
}

/// Reads the bytes that have arrived; false at the end of the stream.
fn read_early(stream: &mut Stream, cx: &mut Context<'_>, early: &mut Vec<u8>) -> Poll<std::io::Result<bool>> {
    let mut room = [0u8; 4096];
    let mut into = ReadBuf::new(&mut room);
    std::task::ready!(Pin::new(stream).poll_read(cx, &mut into))?;
    early.extend_from_slice(into.filled());
    Poll::Ready(Ok(!into.filled().is_empty()))
}
