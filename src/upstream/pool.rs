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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::upstream::balancer;
use crate::upstream::connect::{Unreachable, connect};
use crate::upstream::idle::{Idle, Kept, PooledConnection};
use crate::upstream::resolver::Addresses;

/// Below gunicorn's 2 s, the shortest keep-alive of the common application servers.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// The largest number of idle connections to one endpoint. One core sends 45,000 requests per second, whose connections
/// rest for 25 ms each, so about 1,100 rest at any time; this is nearly twice as many. With 1,024, one request in ten
/// opened a connection.
pub(crate) const MAX_IDLE: usize = 2048;
/// The shortest and the longest time for which a connection rests before it is used again. Measured with second answers
/// that came 0 to 20 ms late (`make oracles`): with 5 ms, two of a hundred reached a later sender; with 25 ms, none of
/// 2,095.
const REST: std::ops::RangeInclusive<Duration> = Duration::from_millis(25)..=Duration::from_secs(1);
/// The largest number of requests that a connection carries. It limits the harm if answers are shifted and nothing shows
/// it.
const MAX_USES: u32 = 1000;
/// For how long no connection of an endpoint is kept after it has sent surplus bytes. The time doubles if that happens
/// again before six times the last one has passed since its end.
const DISTRUST: Duration = Duration::from_secs(10);
const LONGEST_DISTRUST: Duration = Duration::from_secs(600);

/// An endpoint, its addresses and its idle connections.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) addresses: Addresses,
    pub(super) idle: Mutex<Idle>,
}

impl Pool {
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
            if now >= kept.old {
                continue;
            }
            match probe(&mut kept.connection.stream) {
                IdleState::Open => return Some(kept.connection),
                IdleState::Closed => {}
                IdleState::Surplus => self.distrust(now),
            }
        }
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
        if idle.len() < MAX_IDLE && kept.connection.uses < MAX_USES && !idle.is_distrusted(now) {
            idle.resting.push_back(kept);
        }
    }

    /// The endpoint sent surplus bytes. Closes all its idle connections, because their answers may be shifted too, and
    /// keeps none for a while.
    pub(crate) fn distrust(&self, now: Instant) {
        let mut idle = self.lock();
        let lasting = match idle.distrusted {
            // Other connections were in use when the first surplus was found. They do not prolong the time.
            Some((until, _)) if now < until => return,
            Some((until, lasted)) if now < until + lasted.max(DISTRUST) * 6 => {
                (lasted * 2).min(LONGEST_DISTRUST)
            }
            _ => DISTRUST,
        };
        idle.distrusted = Some((now + lasting, lasting));
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

    /// Closes the connections that were idle for too long or have reached the greatest age.
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
        drop(gone);
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

#[cfg(test)]
mod tests {
    use crate::upstream::pools::Pools;
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    use std::sync::Weak;
    use std::time::Duration;

    use pingora::protocols::l4::stream::Stream as L4Stream;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::config::{HealthCheck, Target, Upstream};
    use crate::state::endpoint::Upstreams;
    use crate::upstream::idle::QUIET;

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
        second.put(PooledConnection::new(Box::new(L4Stream::from(one))), Instant::now());
        let gone: Weak<Pool> = Arc::downgrade(&second);
        drop(second);
        pools.prune(&BTreeSet::from([endpoints[0].id, endpoints[2].id]));
        // The tasks are aborted, which takes effect when the runtime next polls them; then the connection closes.
        let read = tokio::io::AsyncReadExt::read(&mut other, &mut [0u8; 1]).await;
        assert_eq!(read.unwrap(), 0);
        assert!(gone.upgrade().is_none());
        assert!(Arc::ptr_eq(&pools.of(endpoints[0]), &first), "the others are as they were");
        assert!(!Arc::ptr_eq(&pools.of(endpoints[1]), &first), "a late request gets a new one");
    }

    fn connection() -> (PooledConnection, UnixStream) {
        let (one, other) = UnixStream::pair().unwrap();
        (PooledConnection::new(Box::new(L4Stream::from(one))), other)
    }

    /// A pool of one endpoint with `count` connections, put there at intervals of `apart`, and their other ends.
    async fn filled(count: u32, apart: Duration, took: Duration) -> (Pools, Arc<Pool>, Vec<UnixStream>) {
        let upstream = endpoint(&mut Upstreams::default(), here("/a"));
        let pools = Pools::default();
        let pool = pools.of(&upstream.endpoints[0]);
        let mut others = Vec::new();
        for _ in 0..count {
            let (connection, other) = connection();
            pool.put(connection, Instant::now() - took);
            others.push(other);
            tokio::time::advance(apart).await;
        }
        // The runtime updates the readiness of sockets only when the task yields.
        tokio::task::yield_now().await;
        (pools, pool, others)
    }

    fn take(pool: &Pool) -> Option<PooledConnection> {
        pool.take(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_endpoint_uses_what_has_just_rested_and_the_others_become_too_old() {
        let count = u32::try_from(QUIET).unwrap() + 10;
        let (_pools, pool, _others) = filled(count, Duration::from_millis(1), Duration::ZERO).await;
        let before = pool.lock().resting.iter().map(|kept| kept.connection.expires).collect::<Vec<_>>();
        tokio::time::advance(Duration::from_millis(25)).await;
        assert_eq!(take(&pool).unwrap().expires, *before.last().unwrap());
        // As many requests as it needs ten connections for.
        for _ in 0..2 * IDLE_TIMEOUT.as_millis() / 3 {
            let used = take(&pool).unwrap();
            pool.put(used, Instant::now());
            tokio::time::advance(Duration::from_millis(3)).await;
        }
        pool.prune();
        assert!(pool.lock().len() <= QUIET, "{} are kept", pool.lock().len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_connection_is_used_first_and_expired_ones_are_closed() {
        let (_pools, pool, _others) = filled(3, IDLE_TIMEOUT / 2, Duration::ZERO).await;
        pool.prune();
        assert_eq!(pool.lock().len(), 1, "two were idle for too long");
        let (_pools, pool, others) = filled(3, Duration::from_millis(30), Duration::ZERO).await;
        let first = pool.lock().resting[0].connection.expires;
        assert_eq!(take(&pool).unwrap().expires, first);
        drop(others);
        tokio::task::yield_now().await;
        assert!(take(&pool).is_none(), "the others' far ends are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_stays_idle_as_long_as_its_application_took() {
        for (took, rest) in [(0, 25), (3, 25), (50, 50), (4000, 1000)] {
            let (_pools, pool, _others) = filled(1, Duration::ZERO, Duration::from_millis(took)).await;
            tokio::time::advance(Duration::from_millis(rest - 1)).await;
            assert!(take(&pool).is_none(), "{took}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(take(&pool).is_some(), "{took}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_surplus_bytes_no_connection_of_the_endpoint_is_kept_for_a_while() {
        let (_pools, pool, mut others) = filled(2, Duration::from_millis(30), Duration::ZERO).await;
        others[0].write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        assert!(take(&pool).is_none(), "the other one may be out of step too");
        let (fresh, _far) = connection();
        pool.put(fresh, Instant::now());
        assert!(pool.lock().len() == 0, "and none is kept meanwhile");
        for lasting in [10, 20, 40] {
            tokio::time::advance(Duration::from_secs(lasting)).await;
            let (fresh, _far) = connection();
            pool.put(fresh, Instant::now());
            tokio::time::advance(Duration::from_millis(30)).await;
            assert!(take(&pool).is_some(), "connections are kept again after {lasting} s");
            pool.distrust(Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_408_on_an_idle_connection_is_its_end_and_no_surplus() {
        let (_pools, pool, mut others) = filled(2, Duration::from_millis(30), Duration::ZERO).await;
        others[0].write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        assert!(take(&pool).is_some(), "the other one is as good as before");
        assert!(pool.lock().distrusted.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn no_connection_is_used_for_ever() {
        let (_pools, pool, _others) = filled(1, Duration::from_millis(30), Duration::ZERO).await;
        let mut uses = 1;
        while let Some(connection) = take(&pool) {
            pool.put(connection, Instant::now());
            tokio::time::advance(Duration::from_millis(30)).await;
            uses += 1;
        }
        assert_eq!(uses, MAX_USES);
        let (_pools, pool, _others) = filled(1, Duration::from_millis(30), Duration::ZERO).await;
        let mut age = 0;
        while let Some(connection) = take(&pool) {
            pool.put(connection, Instant::now());
            tokio::time::advance(Duration::from_secs(1)).await;
            age += 1;
        }
        assert!((59..=60).contains(&age), "{age}");
    }
}
