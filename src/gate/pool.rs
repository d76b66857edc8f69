//! Idle upstream connections, a pool for each endpoint.
//!
//! Last in, first out, so that the warmest is used and the rest can age. A connection is kept for less
//! time than common servers keep it on their side (gunicorn 2 s, Node and uvicorn 5 s), and is asked
//! whether it still lives before it is used. What slips through both is caught by the one resend of
//! `exchange`. Invariant: a connection in a pool has nothing unread and owes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::resolver::{Addresses, keep_fresh};
use super::upstream::{Unreachable, connect};
use super::{balancer, health};
use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::state::snapshot::Snapshot;

/// Below gunicorn's 2 s, the shortest keep-alive of the common application servers.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Idle connections that are kept for one endpoint.
const MAX_IDLE: usize = 512;

/// An endpoint, its addresses and its idle connections.
#[derive(Debug)]
pub struct Pool {
    endpoint: Arc<Endpoint>,
    addresses: Addresses,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: Stream,
    since: Instant,
}

impl Pool {
    /// Opens a connection, and takes note of how that went: `upstream` is the one that it is for.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self, upstream: &LiveUpstream) -> Result<Stream, Unreachable> {
        let opened = connect(&self.endpoint, &self.addresses).await;
        match &opened {
            Ok(_) => balancer::note_connected(&self.endpoint),
            Err(why) => balancer::note_unreachable(upstream, &self.endpoint, why),
        }
        opened
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

/// All pools. Invariant: sorted by the number of the endpoint, so that a request finds its own in a few
/// comparisons.
#[derive(Debug, Default)]
pub struct Pools {
    open: RwLock<Vec<Open>>,
}

/// A pool and what goes on behind it, which ends with it.
#[derive(Debug)]
struct Open {
    id: usize,
    pool: Arc<Pool>,
    _tasks: JoinSet<()>,
}

impl Open {
    /// Begins to resolve the endpoint's name and to check its health. Needs a runtime.
    fn new(endpoint: &Arc<Endpoint>) -> Self {
        let (addresses, name) = Addresses::of(&endpoint.target);
        let pool = Arc::new(Pool { endpoint: Arc::clone(endpoint), addresses, idle: Mutex::default() });
        let mut tasks = JoinSet::new();
        if let Some(name) = name {
            let pool = Arc::clone(&pool);
            tasks.spawn(async move { keep_fresh(&pool.addresses, &name).await });
        }
        if let Some(check) = endpoint.check.clone() {
            let pool = Arc::clone(&pool);
            tasks.spawn(async move {
                health::check_forever(&pool.endpoint, &pool.addresses, &check).await;
            });
        }
        Self { id: endpoint.id, pool, _tasks: tasks }
    }
}

impl Pools {
    /// The pool of an endpoint. It is there, but for the request that is faster than
    /// [`Self::open_all`], or late enough to be the last that wants it.
    pub fn of(&self, endpoint: &Arc<Endpoint>) -> Arc<Pool> {
        {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if let Ok(place) = open.binary_search_by_key(&endpoint.id, |one| one.id) {
                return Arc::clone(&open[place].pool);
            }
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let place = match open.binary_search_by_key(&endpoint.id, |one| one.id) {
            Ok(place) => place,
            Err(place) => {
                open.insert(place, Open::new(endpoint));
                place
            }
        };
        Arc::clone(&open[place].pool)
    }

    /// Opens a pool for every endpoint of the snapshot, so that names are resolved before a request asks
    /// for them; gives their numbers.
    pub fn open_all(&self, snapshot: &Snapshot) -> BTreeSet<usize> {
        let endpoints = snapshot.endpoints();
        for endpoint in endpoints.values() {
            self.of(endpoint);
        }
        endpoints.into_keys().collect()
    }

    /// Closes what has been idle for too long, and all of endpoints that are not wanted any more. A
    /// request under way keeps its own connection.
    pub fn prune(&self, wanted: &BTreeSet<usize>) {
        let gone: Vec<Open> = {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            open.extract_if(.., |one| !wanted.contains(&one.id)).collect()
        };
        drop(gone);
        let kept: Vec<Arc<Pool>> = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.iter().map(|one| Arc::clone(&one.pool)).collect()
        };
        for pool in kept {
            pool.prune();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Weak;
    use std::time::Duration;

    use pingora::protocols::l4::stream::Stream as L4Stream;
    use tokio::net::UnixStream;

    use super::*;
    use crate::config::{HealthCheck, Target, Upstream};
    use crate::state::endpoint::Upstreams;

    fn endpoint(all: &mut Upstreams, target: Target) -> Arc<LiveUpstream> {
        let every = Duration::from_secs(5);
        let health = Some(HealthCheck { path: "/".to_owned(), every, timeout: every });
        all.of(&Upstream { targets: vec![target], ca: None, server_name: None, health }, None)
    }

    fn here(name: &str) -> Target {
        Target::Unix(PathBuf::from(name))
    }

    #[tokio::test]
    async fn pools_are_found_again_and_those_not_wanted_end_with_all_they_hold() {
        let mut all = Upstreams::default();
        // A name, so that both tasks run: the resolver's and the checks'.
        let name = Target::Http { host: "app.invalid".to_owned(), port: 80 };
        let upstreams = [here("/a"), name, here("/c")].map(|target| endpoint(&mut all, target));
        let endpoints = upstreams.each_ref().map(|upstream| &upstream.endpoints[0]);
        let pools = Pools::default();
        // Not in the order of their numbers.
        let [third, first, second] = [2, 0, 1].map(|at: usize| pools.of(endpoints[at]));
        assert!(Arc::ptr_eq(&pools.of(endpoints[0]), &first));
        assert!(Arc::ptr_eq(&pools.of(endpoints[2]), &third));
        let (one, mut other) = UnixStream::pair().unwrap();
        second.put(Box::new(L4Stream::from(one)));
        let gone: Weak<Pool> = Arc::downgrade(&second);
        drop(second);
        pools.prune(&BTreeSet::from([endpoints[0].id, endpoints[2].id]));
        // The tasks are told to end, and end when they are next looked at; then the connection closes.
        let read = tokio::io::AsyncReadExt::read(&mut other, &mut [0u8; 1]).await;
        assert_eq!(read.unwrap(), 0);
        assert!(gone.upgrade().is_none());
        assert!(Arc::ptr_eq(&pools.of(endpoints[0]), &first), "the others are as they were");
        assert!(!Arc::ptr_eq(&pools.of(endpoints[1]), &first), "a late request gets a new one");
    }

    #[tokio::test(start_paused = true)]
    async fn the_warmest_is_used_first_and_the_old_are_closed() {
        let mut all = Upstreams::default();
        let upstream = endpoint(&mut all, here("/a"));
        let pools = Pools::default();
        let pool = pools.of(&upstream.endpoints[0]);
        let mut others = Vec::new();
        for _ in 0..3 {
            let (one, other) = UnixStream::pair().unwrap();
            pool.put(Box::new(L4Stream::from(one)));
            others.push(other);
            tokio::time::advance(IDLE_TIMEOUT / 2).await;
        }
        pools.prune(&BTreeSet::from([upstream.endpoints[0].id]));
        assert_eq!(pool.idle.lock().unwrap().len(), 1, "two were idle for too long");
        drop(others.pop());
        // The runtime has to hear of it first.
        tokio::task::yield_now().await;
        assert!(pool.take().is_none(), "the last one's other end is gone");
    }
}
