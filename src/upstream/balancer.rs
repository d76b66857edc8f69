//! Which endpoint of an upstream a request tries first, and which next if that one cannot be reached.
//!
//! Endpoints that are up take turns. When the rest of an ejected endpoint is over, one request tries it; if connecting
//! fails, the request goes on to the others, because nothing was sent yet. If no endpoint that is up can be reached,
//! the ejected ones are tried as well, since the request would fail otherwise. When an endpoint is ejected is decided
//! in `state::stats::health`. Invariant: a request tries each endpoint once at most, and never none.
//!
//! `pingora-load-balancing` (0.9.1) is not used: its backends are IP addresses that a background service of its own
//! discovers and probes; it does not support names, UNIX sockets or connections that fail; and its set of backends
//! would have to follow every snapshot. Taking turns needs thirty lines.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use crate::policy::outcome::Reason;
use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::state::stats::health::Change;
use crate::upstream::connect::Unreachable;

/// The order in which one request tries the endpoints: each once, the best first.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    upstream: &'a LiveUpstream,
    start: usize,
    /// A bit for each endpoint that was tried.
    tried: u64,
}

impl<'a> Turn<'a> {
    /// The order for the next request.
    #[must_use]
    pub(crate) fn next_of(upstream: &'a LiveUpstream) -> Self {
        let start = match upstream.endpoints.len() {
            // A single endpoint needs no counter.
            1 => 0,
            _ => first(upstream),
        };
        Self { upstream, start, tried: 0 }
    }
}

impl<'a> Iterator for Turn<'a> {
    type Item = &'a Arc<Endpoint>;

    fn next(&mut self) -> Option<Self::Item> {
        let endpoints = &self.upstream.endpoints;
        let untried = |place: &usize| self.tried & (1 << place) == 0;
        let is_up = |place: &usize| endpoints[*place].health.is_up();
        let mut around = (self.start..endpoints.len()).chain(0..self.start).filter(untried);
        let place = if self.tried == 0 {
            // `first` chose it. It may be an ejected endpoint that is due for a trial.
            self.start
        } else {
            around.clone().find(is_up).or_else(|| around.next())?
        };
        self.tried |= 1 << place;
        Some(&endpoints[place])
    }
}

fn first(upstream: &LiveUpstream) -> usize {
    let endpoints = &upstream.endpoints;
    let up = endpoints.iter().filter(|endpoint| endpoint.health.is_up()).count();
    if up < endpoints.len() {
        let now = Instant::now();
        let is_due = |e: &Arc<Endpoint>| !e.health.is_up() && e.health.claim_trial(now);
        if let Some(trial) = endpoints.iter().position(is_due) {
            return trial;
        }
    }
    let turn = upstream.turn.fetch_add(1, Relaxed);
    if up == 0 {
        return turn % endpoints.len();
    }
    // Count among the endpoints that are up, so that their shares stay equal. Skipping one that is down would give its
    // share to the next one.
    let mut places = (0..endpoints.len()).filter(|place| endpoints[*place].health.is_up());
    places.nth(turn % up).unwrap_or(turn % endpoints.len())
}

/// Records that a connection was opened.
pub(crate) fn note_connected(endpoint: &Endpoint) {
    log_change(endpoint, endpoint.health.connected(), None);
}

/// Records that a connection could not be opened.
pub(crate) fn note_unreachable(upstream: &LiveUpstream, endpoint: &Arc<Endpoint>, why: &Unreachable) {
    let _guard = upstream.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
    let others = upstream.endpoints.iter().filter(|other| !Arc::ptr_eq(other, endpoint));
    let may_rest = others.into_iter().any(|other| other.health.is_up());
    log_change(endpoint, endpoint.health.failed(may_rest, Instant::now()), Some(why));
}

/// Records a health check; `failure` is why it failed, if it did.
pub(crate) fn note_checked(endpoint: &Endpoint, failure: Option<&Unreachable>) {
    log_change(endpoint, endpoint.health.checked(failure.is_none()), failure);
}

/// Logs a change of an endpoint's health: one line per change.
fn log_change(endpoint: &Endpoint, change: Option<Change>, why: Option<&Unreachable>) {
    let Some(change) = change else { return };
    let upstream = endpoint.url.as_str();
    let reason = why.map_or("", |why| Reason::word(why.reason));
    let error = why.map_or("", |why| why.error.as_str());
    match change {
        Change::Stumbled => tracing::warn!(upstream, reason, error, "upstream connection failed"),
        Change::Ejected(rest) => {
            tracing::warn!(upstream, reason, error, rest_s = rest.as_secs(), "upstream ejected");
        }
        Change::Failing => {
            tracing::warn!(upstream, reason, error, "upstream failing, and there is no other");
        }
        Change::Down => tracing::warn!(upstream, reason, error, "upstream down: its health checks fail"),
        Change::Back => tracing::info!(upstream, "upstream back"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::config::{Target, Upstream};
    use crate::state::endpoint::Upstreams;
    use crate::state::stats::health::{Condition, FIRST_REST};

    fn upstream(count: u16) -> Arc<LiveUpstream> {
        let target = |port| Target::Http { host: "127.0.0.1".to_owned(), port };
        let targets = (1..=count).map(target).collect();
        Upstreams::default().of(&Upstream { targets, ca: None, server_name: None, health: None }, None)
    }

    fn refused() -> Unreachable {
        Unreachable { reason: Reason::ConnectRefused, error: "refused".to_owned() }
    }

    fn fail(upstream: &LiveUpstream, place: usize, times: usize) {
        (0..times).for_each(|_| note_unreachable(upstream, &upstream.endpoints[place], &refused()));
    }

    /// The numbers of the endpoints in the order in which one request tries them.
    fn turn(upstream: &LiveUpstream) -> Vec<usize> {
        Turn::next_of(upstream).map(|endpoint| endpoint.id).collect()
    }

    fn firsts(upstream: &LiveUpstream, requests: usize) -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        (0..requests).for_each(|_| *count.entry(turn(upstream)[0]).or_default() += 1);
        count
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_even_and_reach_everyone_once() {
        let upstream = upstream(3);
        assert_eq!(turn(&upstream), [0, 1, 2]);
        assert_eq!(turn(&upstream), [1, 2, 0]);
        assert_eq!(turn(&upstream), [2, 0, 1]);
        assert_eq!(firsts(&upstream, 300), BTreeMap::from([(0, 100), (1, 100), (2, 100)]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_of_an_ejected_endpoint_is_spread_over_all_others() {
        let upstream = upstream(4);
        fail(&upstream, 1, 3);
        assert_eq!(firsts(&upstream, 300), BTreeMap::from([(0, 100), (2, 100), (3, 100)]));
        assert!((0..4).all(|_| turn(&upstream)[3] == 1), "it comes last, when nobody else is left");
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_tries_an_ejected_endpoint_when_its_time_is_over() {
        let upstream = upstream(2);
        fail(&upstream, 0, 3);
        tokio::time::advance(Duration::from_millis(4999)).await;
        assert_eq!(firsts(&upstream, 10), BTreeMap::from([(1, 10)]));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(firsts(&upstream, 10), BTreeMap::from([(0, 1), (1, 9)]));
        note_connected(&upstream.endpoints[0]);
        assert_eq!(firsts(&upstream, 10), BTreeMap::from([(0, 5), (1, 5)]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_endpoint_is_never_ejected() {
        let upstream = upstream(2);
        fail(&upstream, 0, 3);
        fail(&upstream, 1, 50);
        let conditions = || upstream.endpoints.iter().map(|e| e.health.condition(Instant::now()));
        assert_eq!(conditions().collect::<Vec<_>>(), [Condition::Resting(FIRST_REST), Condition::Failing]);
        assert_eq!(turn(&upstream), [1, 0]);
        // The first comes back: now the other one is not the last and may be ejected.
        note_connected(&upstream.endpoints[0]);
        fail(&upstream, 1, 1);
        assert_eq!(conditions().collect::<Vec<_>>(), [Condition::Up, Condition::Resting(FIRST_REST)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_only_endpoint_is_tried_however_often_it_fails() {
        let upstream = upstream(1);
        for _ in 0..10 {
            fail(&upstream, 0, 10);
            assert_eq!(turn(&upstream), [0]);
        }
        assert_eq!(upstream.turn.load(Relaxed), 0, "there is nothing to take turns with");
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_ejected_by_one_upstream_still_serves_one_that_has_no_other() {
        let mut all = Upstreams::default();
        let target = |port| Target::Http { host: "127.0.0.1".to_owned(), port };
        let spec = |targets: &[Target]| Upstream {
            targets: targets.to_vec(),
            ca: None,
            server_name: None,
            health: None,
        };
        let both = all.of(&spec(&[target(1), target(2)]), None);
        let alone = all.of(&spec(&[target(1)]), None);
        fail(&both, 0, 3);
        assert!(!alone.endpoints[0].health.is_up(), "it is the same endpoint");
        assert_eq!(turn(&alone), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_all_marked_down_are_tried_in_turn() {
        let upstream = upstream(2);
        for endpoint in &upstream.endpoints {
            (0..2).for_each(|_| note_checked(endpoint, Some(&refused())));
        }
        assert_eq!(firsts(&upstream, 10), BTreeMap::from([(0, 5), (1, 5)]));
    }

    #[tokio::test(start_paused = true)]
    async fn sixty_four_endpoints_fit_into_a_word() {
        let upstream = upstream(64);
        let mut seen = turn(&upstream);
        seen.sort_unstable();
        assert_eq!(seen, (0..64).collect::<Vec<_>>());
    }
}
