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
use crate::upstream::pool::idle::QUIET;

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
async fn what_came_on_a_connection_is_found_when_it_becomes_too_old_though_no_request_follows() {
    let (_pools, pool, mut others) = filled(2, Duration::from_millis(30), Duration::ZERO).await;
    others[0].write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    pool.prune();
    assert!(!pool.lock().trust.is_distrusted(Instant::now()), "it may still be used, and is looked at then");
    tokio::time::advance(IDLE_TIMEOUT).await;
    pool.prune();
    assert!(pool.lock().trust.is_distrusted(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_408_on_an_idle_connection_is_its_end_and_no_surplus() {
    let (_pools, pool, mut others) = filled(2, Duration::from_millis(30), Duration::ZERO).await;
    others[0].write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    assert!(take(&pool).is_some(), "the other one is as good as before");
    assert!(!pool.lock().trust.is_distrusted(Instant::now()));
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
