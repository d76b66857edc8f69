//! Idle upstream connections.
//!
//! Last in, first out, so that the warmest is used and the rest can age. A connection is kept for less
//! time than common servers keep it on their side (gunicorn 2 s, Node and uvicorn 5 s), and is asked
//! whether it still lives before it is used. What slips through both is caught by the one resend of
//! `exchange`. Invariant: a connection in a pool has nothing unread and owes nothing.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use super::upstream::Upstream;
use crate::state::snapshot::LiveUpstream;

/// Below gunicorn's 2 s, the shortest keep-alive of the common application servers.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Idle connections that are kept for one upstream.
const MAX_IDLE: usize = 512;

/// An upstream and its idle connections.
#[derive(Debug)]
pub struct Pool {
    /// How new connections are opened.
    pub upstream: Upstream,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: Stream,
    since: Instant,
}

impl Pool {
    fn new(upstream: Upstream) -> Self {
        Self { upstream, idle: Mutex::new(Vec::new()) }
    }

    /// The warmest connection that still lives.
    pub fn take(&self) -> Option<Stream> {
        loop {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if idle.since.elapsed() < IDLE_TIMEOUT && is_quiet(&mut idle.stream) {
                return Some(idle.stream);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub fn put(&self, stream: Stream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { stream, since: Instant::now() });
        }
    }

    /// Closes what has been idle for too long.
    pub fn prune(&self) {
        let old: Vec<Idle> = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            // The oldest stand at the front.
            let keep = idle.partition_point(|one| one.since.elapsed() >= IDLE_TIMEOUT);
            idle.drain(..keep).collect()
        };
        // Closing is a system call each: not under the lock.
        drop(old);
    }
}

/// Whether an idle connection has nothing to say. An end, an error and unasked-for bytes all mean that
/// it must not be used again.
fn is_quiet(stream: &mut Stream) -> bool {
    let mut byte = [0u8; 1];
    let mut cx = Context::from_waker(Waker::noop());
    let read = std::pin::Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
    matches!(read, Poll::Pending)
}

/// All pools, by the number of their upstream.
#[derive(Debug, Default)]
pub struct Pools {
    by_id: RwLock<Vec<Option<Arc<Pool>>>>,
}

impl Pools {
    /// The pool of an upstream, made when it is first asked for.
    pub fn of(&self, upstream: &LiveUpstream) -> Arc<Pool> {
        let known =
            self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(upstream.id).cloned().flatten();
        if let Some(pool) = known {
            return pool;
        }
        let mut pools = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if pools.len() <= upstream.id {
            pools.resize(upstream.id + 1, None);
        }
        Arc::clone(
            pools[upstream.id]
                .get_or_insert_with(|| Arc::new(Pool::new(Upstream::new(Arc::clone(&upstream.spec))))),
        )
    }

    /// Closes what has been idle for too long, everywhere.
    pub fn prune(&self) {
        let pools = self.by_id.read().unwrap_or_else(PoisonError::into_inner).clone();
        pools.iter().flatten().for_each(|pool| pool.prune());
    }
}
