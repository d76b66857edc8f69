//! A message becomes a complete answer, or a failure.
//!
//! The message goes up in one write, on an idle connection if there is one. Where that connection
//! turns out to be closed before a single byte of an answer came, the message is sent once more on a
//! fresh one: the upstream closed it for idling, and the sender would do the same with a 503. Any
//! other failure, a time-out first of all, is never followed by a second attempt, because the upstream
//! may have acted on the first. An endpoint that cannot be connected to is another matter: nothing was
//! sent, and the next one is tried. Invariant: no exchange without a [`Permit`], no third attempt.

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::Instant;

use crate::policy::admission::Permit;
use crate::policy::outcome::Reason;
use crate::state::endpoint::LiveUpstream;
use crate::state::stats::gauges::Gauges;
use crate::upstream::answer::{self, Answer, Behind, Bounds, Broken};
use crate::upstream::balancer::{Turn, note_connected};
use crate::upstream::flaw::Flaw;
use crate::upstream::pool::{Pool, PooledConnection};
use crate::upstream::pools::Pools;
use crate::wire::budget::Budget;

/// The largest message after which a connection is used again. More may still stand in the kernel's
/// buffers when the answer comes, unread by an upstream that does not want it, and would be in the next
/// request's way. Webhooks are far smaller.
const CERTAINLY_READ: usize = 64 << 10;

/// How far an exchange has come; it outlives one that the deadline cut short.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Times the message was sent.
    pub attempts: u8,
    /// When it was first sent, or a connection first asked for.
    pub began: Option<Instant>,
    /// The status that an answer began with, also one that broke off.
    pub status: Option<u16>,
    /// What is wrong with an answer that is malformed.
    pub flaw: Option<Flaw>,
}

/// What the application is sent: head and body apart, written together.
#[derive(Debug)]
pub(crate) struct Message {
    /// Request line and fields, to the empty line.
    pub head: Vec<u8>,
    /// The body, of the length that the head says.
    pub body: Vec<u8>,
}

impl Message {
    fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// What is left of it, from a byte on.
    fn from(&self, at: usize) -> [IoSlice<'_>; 2] {
        let (head, body) = (self.head.get(at..), at.saturating_sub(self.head.len()));
        [IoSlice::new(head.unwrap_or_default()), IoSlice::new(self.body.get(body..).unwrap_or_default())]
    }
}

/// What is sent where, and why it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamRequest<'a> {
    /// Why it may be sent. Nothing reads it: who has none cannot make a request.
    #[expect(dead_code, reason = "its presence is its use")]
    pub permit: &'a Permit,
    /// Where to.
    pub upstream: &'a LiveUpstream,
    /// The message.
    pub message: &'a Message,
    /// What bounds the answer.
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
        // What was sent once is sent again on a fresh connection only: another idle one may be as stale.
        if progress.attempts == 0
            && let Some(line) = pool.take(began)
        {
            Gauges::add(&gauges.upstream_reused);
            progress.attempts += 1;
            match converse((line, began), message, bounds, budget, &pool).await {
                Err(stale) if stale.before_first_byte => Gauges::add(&gauges.upstream_resent),
                Err(other) => {
                    (progress.status, progress.flaw) = (other.status, other.flaw);
                    return Err(other.reason);
                }
                // It idled for too long and did not see the request (RFC 9110 section 15.5.9).
                Ok(answer) if answer.status == 408 && answer.behind == Behind::End => {
                    Gauges::add(&gauges.upstream_resent);
                }
                Ok(answer) => {
                    if !endpoint.health.is_up() {
                        note_connected(endpoint);
                    }
                    return Ok(answer);
                }
            }
        }
        // Boxed: opening a connection is rare, and the TLS handshake would make every request its size.
        match Box::pin(pool.open(upstream)).await {
            Ok(line) => {
                Gauges::add(&gauges.upstream_opened);
                progress.attempts += 1;
                let answer = converse((line, Instant::now()), message, bounds, budget, &pool).await;
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

/// Sends the message on a connection, which is asked at `asked`, and reads the answer.
async fn converse(
    (mut line, asked): (PooledConnection, Instant),
    message: &Message,
    bounds: Bounds,
    budget: &mut Budget<'_>,
    pool: &Pool,
) -> Result<Answer, Broken> {
    let stream = &mut line.stream;
    let sent = send(stream, message, bounds.size).await;
    let in_step = sent.whole && sent.heard.is_empty() && message.len() <= CERTAINLY_READ;
    let answer =
        answer::read(stream, sent.heard, bounds, budget).await.map_err(|broken| match sent.error {
            // The write knew first that the connection was gone; the read only saw its end.
            Some(reason) if broken.before_first_byte => Broken { reason, ..broken },
            _ => broken,
        })?;
    match answer.behind {
        Behind::Nothing if in_step => pool.put(line, asked),
        Behind::Surplus => pool.distrust(Instant::now()),
        Behind::Nothing | Behind::End => {}
    }
    Ok(answer)
}

/// How the sending of a message went. Even one that broke off may have been answered.
#[derive(Debug, Default)]
struct Sent {
    /// All of it was written.
    whole: bool,
    /// What the upstream said meanwhile.
    heard: Vec<u8>,
    /// Why it broke off.
    error: Option<Reason>,
}

/// Writes the message. Where that has to wait, it listens at the same time: an upstream that answers
/// before it has read everything would otherwise wait for us as we wait for it.
async fn send(stream: &mut Stream, message: &Message, max_heard: usize) -> Sent {
    let mut sent = Sent::default();
    let mut at = 0;
    let written = std::future::poll_fn(|cx| {
        while at < message.len() {
            match Pin::new(&mut *stream).poll_write_vectored(cx, &message.from(at)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => at += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let more = std::task::ready!(listen(stream, cx, &mut sent.heard))?;
                    if !more || sent.heard.len() > max_heard {
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

/// Reads what is there; false at the end of the stream.
fn listen(stream: &mut Stream, cx: &mut Context<'_>, heard: &mut Vec<u8>) -> Poll<std::io::Result<bool>> {
    let mut room = [0u8; 4096];
    let mut into = ReadBuf::new(&mut room);
    std::task::ready!(Pin::new(stream).poll_read(cx, &mut into))?;
    heard.extend_from_slice(into.filled());
    Poll::Ready(Ok(!into.filled().is_empty()))
}
