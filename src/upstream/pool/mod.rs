//! The pool of idle connections to one endpoint.
//!
//! HTTP/1 does not say which request an answer belongs to: if an application answers one request twice, every later
//! answer on that connection goes to the wrong request. So a connection rests before it is used again, at least as
//! long as the application took for an answer, and surplus bytes are found in that time. Every connection has a greatest
//! age, and if an endpoint has sent surplus bytes, none of its connections is kept for a while.
//!
//! A stale connection is one that the application has closed. The pool keeps a connection for less time than common
//! servers do (gunicorn 2 s, Node and uvicorn 5 s), and looks for an end before it gives the connection out. If it is
//! stale nevertheless, `exchange` sends the message once more. Invariant: a connection in the pool had no unread bytes
//! when it was put there, and is not given out with unread bytes.
//!
//! | file | noun |
//! | --- | --- |
//! | [`idle`] | idle connections, those that rest and those that have rested |
//! | [`trust`] | how far an endpoint is trusted to answer each request once |

pub(crate) mod idle;
#[cfg(test)]
mod tests;
mod trust;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use self::idle::{Idle, Kept, PooledConnection};
use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::upstream::balancer;
use crate::upstream::connect::{Unreachable, connect};
use crate::upstream::resolver::Addresses;

/// Below gunicorn's 2 s, the shortest keep-alive of the common application servers.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// The largest number of idle connections to one endpoint. One core sends 45,000 requests per second, whose connections
/// rest for 25 ms each, so about 1,100 rest at any time; this is nearly twice as many. With 1,024, one request in ten
/// opened a connection. To use them before that, where an endpoint had always answered once, made no request cheaper.
pub(crate) const MAX_IDLE: usize = 2048;
/// The shortest and the longest time for which a connection rests before it is used again. Measured with second answers
/// that came 0 to 20 ms late (`make oracles`): with 5 ms, two of a hundred reached a later sender; with 25 ms, none of
/// 2,095.
const REST: std::ops::RangeInclusive<Duration> = Duration::from_millis(25)..=Duration::from_secs(1);
/// The largest number of requests that a connection carries. It limits the harm if answers are shifted and nothing shows
/// it.
const MAX_USES: u32 = 1000;
/// An endpoint, its addresses and its idle connections.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) addresses: Addresses,
    idle: Mutex<Idle>,
}

impl Pool {
    /// A pool without connections.
    #[must_use]
    pub(super) fn new(endpoint: Arc<Endpoint>, addresses: Addresses) -> Self {
        Self { endpoint, addresses, idle: Mutex::default() }
    }

    /// Opens a connection for a request to `upstream` and records the result in the health of the endpoint.
    ///
    /// # Errors
    /// The endpoint cannot be connected to.
    pub(crate) async fn open(&self, upstream: &LiveUpstream) -> Result<PooledConnection, Unreachable> {
        let opened = connect(&self.endpoint, &self.addresses).await;
        match &opened {
            Ok(_) => balancer::note_connected(&self.endpoint),
            Err(why) => balancer::note_unreachable(upstream, &self.endpoint, why),
        }
        opened.map(PooledConnection::new)
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection that has rested, is still open and has no unread bytes.
    pub(crate) fn take(&self, now: Instant) -> Option<PooledConnection> {
        loop {
            let mut kept = self.lock().take(now)?;
            if self.is_sound(&mut kept.connection, now) && now < kept.old {
                return Some(kept.connection);
            }
        }
    }

    /// Whether a connection is open and has no unread bytes. What is found on it counts for the whole endpoint.
    fn is_sound(&self, connection: &mut PooledConnection, now: Instant) -> bool {
        let state = probe(&mut connection.stream);
        if state == IdleState::Surplus {
            self.distrust(now);
        }
        state == IdleState::Open
    }

    /// Keeps a connection for a later request. Its last answer is complete; the request was sent at `asked`.
    pub(crate) fn put(&self, mut connection: PooledConnection, asked: Instant) {
        let now = Instant::now();
        connection.uses += 1;
        connection.longest = connection.longest.max(now.saturating_duration_since(asked));
        let rested = now + connection.longest.clamp(*REST.start(), *REST.end());
        let old = (now + IDLE_TIMEOUT).min(connection.expires);
        let kept = Kept { connection, rested, old };
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE && kept.connection.uses < MAX_USES && !idle.trust.is_distrusted(now) {
            idle.resting.push_back(kept);
        }
    }

    /// The endpoint sent surplus bytes. Closes all its idle connections, because their answers may be shifted too, and
    /// keeps none for a while.
    pub(crate) fn distrust(&self, now: Instant) {
        let mut idle = self.lock();
        let Some(lasting) = idle.trust.note_surplus(now) else { return };
        let gone = (std::mem::take(&mut idle.resting), std::mem::take(&mut idle.rested));
        drop(idle);
        tracing::warn!(
            endpoint = %self.endpoint.target,
            seconds = lasting.as_secs(),
            "the application sent more than one answer to a request: its connections are not used again for a while; \
             fix the application, because a later sender may get the answer to an earlier request"
        );
        // Closing needs a system call for each connection; do not hold the lock meanwhile.
        drop(gone);
    }

    /// Closes the connections that were idle for too long or have reached the greatest age. What has come on one of them in
    /// the meantime is found now, as no request found it.
    pub(crate) fn prune(&self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        {
            let mut idle = self.lock();
            let Idle { resting, rested, .. } = &mut *idle;
            for list in [rested, resting] {
                for _ in 0..list.len() {
                    match list.pop_front() {
                        Some(kept) if now >= kept.old => gone.push(kept),
                        Some(kept) => list.push_back(kept),
                        None => break,
                    }
                }
            }
        }
        for mut kept in gone {
            self.is_sound(&mut kept.connection, now);
        }
    }
}

/// The state of an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdleState {
    /// It is open, and nothing was received on it.
    Open,
    /// The application closed it, or announced that with a 408.
    Closed,
    /// Bytes were received that no request asked for.
    Surplus,
}

fn probe(stream: &mut Stream) -> IdleState {
    let mut room = [0u8; 16];
    let mut into = ReadBuf::new(&mut room);
    let mut cx = Context::from_waker(Waker::noop());
    match std::pin::Pin::new(stream).poll_read(&mut cx, &mut into) {
        Poll::Pending => IdleState::Open,
        Poll::Ready(Ok(())) if into.filled().is_empty() || is_timeout(into.filled()) => IdleState::Closed,
        Poll::Ready(Ok(())) => IdleState::Surplus,
        Poll::Ready(Err(_)) => IdleState::Closed,
    }
}

/// Whether the bytes are the beginning of a 408, which servers send before they close an idle connection (RFC 9110
/// section 15.5.9).
fn is_timeout(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") && bytes.get(8..12) == Some(b" 408")
}
