//! Idle upstream connections, a pool for each endpoint.
//!
//! HTTP/1 does not say which request an answer belongs to: an application that answers twice shifts every later
//! answer on its connection by one. So a connection rests before it is used again, at least as long as its
//! application took for an answer: what comes too much is seen by then. The one that has rested longest is used
//! first; none is used for ever; and an endpoint that was seen to say more than it was asked is not trusted with a
//! kept connection for a while. A connection is kept for less time than common servers keep it on their side
//! (gunicorn 2 s, Node and uvicorn 5 s), and is asked whether it still lives before it is used. What slips through
//! both is caught by the one resend of `exchange`. Invariant: a connection in a pool had nothing unread when it
//! came, and is not given out with anything unread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::upstream::balancer;
use crate::upstream::connect::{Unreachable, connect};
use crate::upstream::resolver::Addresses;

/// Below gunicorn's 2 s, the shortest keep-alive of the common application servers.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Idle connections that are kept for one endpoint: what a core's 45,000 requests a second need to rest `REST`, and
/// as much again. With 1,024, one request in ten opened a connection then.
pub(crate) const MAX_IDLE: usize = 2048;
/// How long a connection rests at least, and at most, before it is used again. With 5 ms, two of a hundred second
/// answers that came 0 to 20 ms late were heard by a later sender; with 25 ms none of 2,095 (`make oracles`).
const REST: std::ops::RangeInclusive<Duration> = Duration::from_millis(25)..=Duration::from_secs(1);
/// How old a connection may become, and how many requests it may carry: a shift that nothing shows ends with it.
const MAX_AGE: Duration = Duration::from_secs(60);
const MAX_USES: u32 = 1000;
/// Connections that are looked at for one that has rested.
const LOOKED_AT: usize = 8;
/// How long an endpoint that said more than it was asked has to do without kept connections; twice as long each
/// time that it does so again before it was trusted for as long.
const DISTRUST: Duration = Duration::from_secs(10);
const LONGEST_DISTRUST: Duration = Duration::from_secs(600);

/// An endpoint, its addresses and its idle connections.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) addresses: Addresses,
    pub(super) idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
pub(super) struct Idle {
    /// From the one that came first.
    kept: VecDeque<Kept>,
    /// The endpoint is not trusted until then, and how long that was decided for.
    distrusted: Option<(Instant, Duration)>,
}

#[derive(Debug)]
struct Kept {
    line: PooledConnection,
    /// From then on it may be used.
    rested: Instant,
    /// From then on it may not.
    old: Instant,
}

/// A connection to the application, and what it has been through.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    /// The stream.
    pub stream: Stream,
    /// When it is too old.
    dies: Instant,
    uses: u32,
    /// The longest that an answer on it took.
    longest: Duration,
}

impl PooledConnection {
    /// A connection that was just opened.
    #[must_use]
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, dies: Instant::now() + MAX_AGE, uses: 0, longest: Duration::ZERO }
    }
}

impl Idle {
    fn is_distrusted(&self, now: Instant) -> bool {
        self.distrusted.is_some_and(|(until, _)| now < until)
    }

    /// The one that has rested longest, if it has rested long enough.
    fn rested(&mut self, now: Instant) -> Option<Kept> {
        if self.is_distrusted(now) {
            return None;
        }
        if now >= self.kept.front()?.rested {
            return self.kept.pop_front();
        }
        let place = self.kept.iter().take(LOOKED_AT).position(|kept| now >= kept.rested)?;
        self.kept.remove(place)
    }
}

impl Pool {
    /// Opens a connection, and takes note of how that went: `upstream` is the one that it is for.
    ///
    /// # Errors
    /// Why there is none.
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

    /// A connection that has rested, still lives and has said nothing meanwhile.
    pub(crate) fn take(&self, now: Instant) -> Option<PooledConnection> {
        loop {
            let mut kept = self.lock().rested(now)?;
            if now >= kept.old {
                continue;
            }
            match listen(&mut kept.line.stream) {
                Heard::Nothing => return Some(kept.line),
                Heard::Goodbye => {}
                Heard::Surplus => self.distrust(now),
            }
        }
    }

    /// Keeps a connection for a later request; its last answer was asked for at `asked`, and has just come.
    pub(crate) fn put(&self, mut line: PooledConnection, asked: Instant) {
        let now = Instant::now();
        line.uses += 1;
        line.longest = line.longest.max(now.saturating_duration_since(asked));
        let rested = now + line.longest.clamp(*REST.start(), *REST.end());
        let old = (now + IDLE_TIMEOUT).min(line.dies);
        let kept = Kept { line, rested, old };
        let mut idle = self.lock();
        if idle.kept.len() < MAX_IDLE && kept.line.uses < MAX_USES && !idle.is_distrusted(now) {
            idle.kept.push_back(kept);
        }
    }

    /// The endpoint said more than it was asked: whatever is kept may be out of step too.
    pub(crate) fn distrust(&self, now: Instant) {
        let mut idle = self.lock();
        let lasting = match idle.distrusted {
            // Some were under way when the first was found out.
            Some((until, _)) if now < until => return,
            Some((until, lasted)) if now < until + lasted.max(DISTRUST) * 6 => {
                (lasted * 2).min(LONGEST_DISTRUST)
            }
            _ => DISTRUST,
        };
        idle.distrusted = Some((now + lasting, lasting));
        let gone = std::mem::take(&mut idle.kept);
        drop(idle);
        tracing::warn!(
            endpoint = %self.endpoint.target,
            seconds = lasting.as_secs(),
            "the application sent more than one answer to a request: its connections are not used again for a while; \
             mend it, since a later sender may hear the answer to an earlier request"
        );
        // Closing is a system call each: not under the lock.
        drop(gone);
    }

    /// Closes what has been idle for too long, or is old.
    pub(crate) fn prune(&self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        {
            let mut idle = self.lock();
            for _ in 0..idle.kept.len() {
                match idle.kept.pop_front() {
                    Some(kept) if now >= kept.old => gone.push(kept),
                    Some(kept) => idle.kept.push_back(kept),
                    None => break,
                }
            }
        }
        drop(gone);
    }
}

/// What an idle connection has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It has ended, or says that it ends for want of a request (408).
    Goodbye,
    /// Something that nobody asked for.
    Surplus,
}

fn listen(stream: &mut Stream) -> Heard {
    let mut room = [0u8; 16];
    let mut into = ReadBuf::new(&mut room);
    let mut cx = Context::from_waker(Waker::noop());
    match std::pin::Pin::new(stream).poll_read(&mut cx, &mut into) {
        Poll::Pending => Heard::Nothing,
        Poll::Ready(Ok(())) if into.filled().is_empty() || is_timeout(into.filled()) => Heard::Goodbye,
        Poll::Ready(Ok(())) => Heard::Surplus,
        Poll::Ready(Err(_)) => Heard::Goodbye,
    }
}

/// Whether an answer begins as one to a connection that idled for too long (RFC 9110 section 15.5.9).
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
        // The tasks are told to end, and end when they are next looked at; then the connection closes.
        let read = tokio::io::AsyncReadExt::read(&mut other, &mut [0u8; 1]).await;
        assert_eq!(read.unwrap(), 0);
        assert!(gone.upgrade().is_none());
        assert!(Arc::ptr_eq(&pools.of(endpoints[0]), &first), "the others are as they were");
        assert!(!Arc::ptr_eq(&pools.of(endpoints[1]), &first), "a late request gets a new one");
    }

    fn line() -> (PooledConnection, UnixStream) {
        let (one, other) = UnixStream::pair().unwrap();
        (PooledConnection::new(Box::new(L4Stream::from(one))), other)
    }

    /// A pool of one endpoint, and the other ends of so many connections that were put into it a while apart.
    async fn filled(count: u32, apart: Duration, took: Duration) -> (Pools, Arc<Pool>, Vec<UnixStream>) {
        let upstream = endpoint(&mut Upstreams::default(), here("/a"));
        let pools = Pools::default();
        let pool = pools.of(&upstream.endpoints[0]);
        let mut others = Vec::new();
        for _ in 0..count {
            let (line, other) = line();
            pool.put(line, Instant::now() - took);
            others.push(other);
            tokio::time::advance(apart).await;
        }
        // The runtime hears of what happened to sockets only between turns.
        tokio::task::yield_now().await;
        (pools, pool, others)
    }

    fn take(pool: &Pool) -> Option<PooledConnection> {
        pool.take(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_connection_is_used_first_and_expired_ones_are_closed() {
        let (_pools, pool, _others) = filled(3, IDLE_TIMEOUT / 2, Duration::ZERO).await;
        pool.prune();
        assert_eq!(pool.lock().kept.len(), 1, "two were idle for too long");
        let (_pools, pool, others) = filled(3, Duration::from_millis(30), Duration::ZERO).await;
        let first = pool.lock().kept[0].line.dies;
        assert_eq!(take(&pool).unwrap().dies, first);
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
    async fn an_endpoint_that_says_more_than_it_was_asked_is_not_trusted_for_a_while() {
        let (_pools, pool, mut others) = filled(2, Duration::from_millis(30), Duration::ZERO).await;
        others[0].write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        assert!(take(&pool).is_none(), "the other one may be out of step too");
        let (fresh, _far) = line();
        pool.put(fresh, Instant::now());
        assert!(pool.lock().kept.is_empty(), "and none is kept meanwhile");
        for lasting in [10, 20, 40] {
            tokio::time::advance(Duration::from_secs(lasting)).await;
            let (fresh, _far) = line();
            pool.put(fresh, Instant::now());
            tokio::time::advance(Duration::from_millis(30)).await;
            assert!(take(&pool).is_some(), "trusted again after {lasting} s");
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
        while let Some(line) = take(&pool) {
            pool.put(line, Instant::now());
            tokio::time::advance(Duration::from_millis(30)).await;
            uses += 1;
        }
        assert_eq!(uses, MAX_USES);
        let (_pools, pool, _others) = filled(1, Duration::from_millis(30), Duration::ZERO).await;
        let mut age = 0;
        while let Some(line) = take(&pool) {
            pool.put(line, Instant::now());
            tokio::time::advance(Duration::from_secs(1)).await;
            age += 1;
        }
        assert!((59..=60).contains(&age), "{age}");
    }
}
