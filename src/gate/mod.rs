//! The sender's side: everything between an accepted connection and the reply on it.
//!
//! This room makes no decision of its own: it asks `policy`. It reads the HTTP/1.1 head and framing from the raw
//! bytes instead of using pingora's session types: pingora's parser repairs what must be refused (bare LF, spaces in
//! a target, lists in Content-Length), replies to what it cannot parse without a callback or a log line, and copies
//! every header into a map. Pingora provides the streams, TLS and the upstream connector; `httparse` parses the
//! lines. Invariant: only a request with a `Permit` is forwarded.
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`accept`] | from a socket to a connection that speaks HTTP |
//! | [`http2`] | requests side by side on one connection |
//! | [`http1`] | one request after the other on a connection |
//! | [`request`] | one request, from its head to its line in the log |
//! | [`brought`] | the signed messages that strangers bring |
//! | [`delivered`] | the signed messages that were delivered |
//! | [`hearings`] | how many strangers are heard at once |
//! | [`last_hits`] | when prefixes were hit last, over a restart |
//! | [`losses`] | connections and streams that are closed because a bound is reached |
//! | [`memory`] | the memory of the process in the worst case |

pub(crate) mod accept;
pub(crate) mod brought;
pub(crate) mod delivered;
pub(crate) mod hearings;
pub(crate) mod http1;
pub(crate) mod http2;
mod last_hits;
pub(crate) mod losses;
pub mod memory;
pub(crate) mod request;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use ipnet::IpNet;

use crate::gate::accept::limits::ConnectionLimits;
use crate::gate::accept::tls_limits::TlsLimits;
use crate::gate::accept::turns::{Turns, workers};
use crate::gate::brought::Brought;
use crate::gate::delivered::Delivered;
use crate::gate::hearings::Hearings;
use crate::gate::losses::Losses;
use crate::gate::request::log::access_log::AccessLog;
use crate::gate::request::log::events::Events;
use crate::judge::request_id::RequestIds;
use crate::load;
use crate::policy::address::addr::Address;
use crate::state::capture::Capture;
use crate::state::doctor::DoctorToken;
use crate::state::stats::event_limiter::{EventLimiter, HOURLY};
use crate::state::stats::gauges::Gauges;
use crate::state::store::Store;
use crate::state::strangers::{SignedStranger, Strangers};
use crate::telemetry::timestamp::unix_seconds;
use crate::upstream::pools::Pools;
use crate::wire::drain::Drain;
use crate::wire::shares::Shares;

/// The state that all connections share.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The current snapshot.
    pub store: Arc<Store>,
    /// The counters and gauges of the process.
    pub gauges: Arc<Gauges>,
    /// Receives the event of every request that has ended.
    pub events: Events,
    /// A pool of idle connections for each endpoint.
    pub pools: Pools,
    /// Counts what is closed because a bound is reached.
    pub losses: Losses,
    /// Limits the events about trusted proxies that send no PROXY header, by listener and proxy.
    pub bad_proxy_headers: EventLimiter<(usize, Address)>,
    /// Limits the events about failed TLS handshakes of listed senders.
    pub tls_failures: EventLimiter,
    /// Limits the events about signed senders that no list holds, by network.
    pub signed_strangers: EventLimiter<IpNet>,
    /// The clients in no list that proved themselves by a signature.
    pub strangers: Arc<Strangers>,
    /// The token by which the doctor proves whose it is.
    pub doctor: Arc<DoctorToken>,
    /// Strangers whose bodies are read.
    pub hearings: Hearings,
    /// What was stored of the last hits.
    kept_hits: last_hits::Kept,
    /// Limits the events about a state folder that cannot be written.
    state_unwritten: EventLimiter,
    /// Limits the events about lines that the access log lost.
    pub lines_lost: EventLimiter,
    /// Counts the open connections by address.
    pub connection_limits: Arc<ConnectionLimits>,
    /// Counts the bytes of `limits.buffers` by client.
    pub byte_shares: Shares,
    /// Counts the requests in work (`limits.concurrent_requests`) by client.
    pub place_shares: Shares,
    /// Open HTTP/2 connections.
    pub http2_connections: AtomicU64,
    /// Counts the open HTTP/2 connections by client.
    pub http2_shares: Shares,
    /// Open streams on all HTTP/2 connections.
    pub http2_streams: AtomicU64,
    /// Counts the open streams by client.
    pub stream_shares: Shares,
    /// Bounds the TLS handshakes of strangers.
    pub handshakes: TlsLimits,
    /// Schedules the computation of TLS handshakes.
    pub handshake_turns: Turns,
    /// Schedules the connections of strangers.
    pub stranger_turns: Turns,
    /// How many connections the process has descriptors for.
    pub room: usize,
    /// The signed messages that were delivered.
    pub delivered: Delivered,
    /// The signed messages that strangers bring.
    pub brought: Brought,
    /// When it began, in Unix seconds: what was signed before may have been delivered by another process.
    pub began: u64,
    /// Generates request ids.
    pub ids: RequestIds,
    /// Whether the process is draining.
    pub drain: Drain,
}

impl Gate {
    /// A gate that serves what the store holds, with descriptors for `room` connections.
    #[must_use]
    pub(crate) fn new(store: Arc<Store>, gauges: Arc<Gauges>, log: AccessLog, room: usize) -> Self {
        let losses = Losses::new(Arc::clone(&gauges));
        let connection_limits = Arc::new(ConnectionLimits::new(Arc::clone(&gauges)));
        // `threads` is a cold key: the number of workers does not change while the process runs.
        let workers = workers(&store.load().config);
        let began = unix_seconds(SystemTime::now());
        last_hits::restore(&store, &gauges, began);
        let strangers = Arc::new(Strangers::of(seen_before(&store)));
        gauges.signed_stranger_networks.store(strangers.networks() as u64, Relaxed);
        let capture = Arc::new(Capture::new(Arc::clone(&gauges)));
        capture.keep_time(store.load().config.inspect, Instant::now());
        Self {
            store,
            gauges,
            events: Events::new(log, Arc::clone(&capture)),
            pools: Pools::default(),
            losses,
            bad_proxy_headers: EventLimiter::every(HOURLY),
            tls_failures: EventLimiter::every(Duration::from_secs(60)),
            signed_strangers: EventLimiter::every(HOURLY),
            strangers,
            doctor: Arc::default(),
            hearings: Hearings::default(),
            kept_hits: last_hits::Kept::default(),
            state_unwritten: EventLimiter::every(HOURLY),
            lines_lost: EventLimiter::every(HOURLY),
            connection_limits,
            byte_shares: Shares::default().before(capture),
            place_shares: Shares::default(),
            http2_connections: AtomicU64::new(0),
            http2_shares: Shares::default(),
            http2_streams: AtomicU64::new(0),
            stream_shares: Shares::default(),
            handshakes: TlsLimits::default(),
            handshake_turns: Turns::new(workers),
            stranger_turns: Turns::new(workers),
            room,
            delivered: Delivered::new(Instant::now()),
            brought: Brought::default(),
            began,
            ids: RequestIds::default(),
            drain: Drain::default(),
        }
    }
}

/// The signed strangers that an earlier process kept. A file that cannot be used is told and left.
fn seen_before(store: &Store) -> Vec<SignedStranger> {
    let snapshot = store.load();
    let kept = snapshot.config.state.as_deref().map(load::strangers::kept);
    kept.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|error| {
        tracing::warn!(%error, "the signed senders that an earlier run saw are forgotten");
        Vec::new()
    })
}

/// The interval of the housekeeping task.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

impl Gate {
    /// The number of open connections.
    #[must_use]
    pub(crate) fn open_connections(&self) -> u64 {
        self.gauges.connections.load(Relaxed)
    }

    /// Counts and reports lines of the access log that could not be written. Other requests were served meanwhile.
    fn report_lost_lines(&self) {
        let lost = self.events.log.dropped();
        if self.gauges.log_lines_dropped.swap(lost, Relaxed) < lost
            && self.lines_lost.note((), Instant::now()).is_some()
        {
            tracing::warn!(
                lost,
                "the access log lost lines since the start: its reader is too slow, or its disk is full"
            );
        }
    }

    /// Tells of each secret whose last day has ended since the last look; both times are in Unix seconds.
    fn report_ended_secrets(&self, (before, now): (u64, u64)) {
        for secret in &self.store.load().secrets.sources {
            if secret.is_over(now) && !secret.is_over(before) {
                tracing::warn!("{}", secret.over());
            }
        }
    }

    /// Ends what somebody asked to look at when its time is over, and takes over what the configuration says of it.
    fn keep_inspect(&self) {
        let ended = self.events.capture.keep_time(self.store.load().config.inspect, Instant::now());
        match (ended.was_on, ended.is_on) {
            (true, false) => {
                tracing::info!(
                    "inspect off: its time is over, or the configuration says so; nothing is kept"
                );
            }
            (false, true) => tracing::info!("inspect on: the configuration says so"),
            _ => {}
        }
    }

    /// Stores the signed strangers in the state folder, if there is one. It may wait for the disk.
    fn keep_strangers(&self, strangers: &[SignedStranger]) {
        let snapshot = self.store.load();
        let Some(state) = snapshot.config.state.as_deref() else { return };
        if let Err(error) = load::strangers::keep(state, strangers) {
            self.strangers.not_stored();
            if self.state_unwritten.note((), Instant::now()).is_some() {
                let state = state.display();
                tracing::warn!(%state, %error, "the signed senders that no list holds cannot be kept in the state folder");
            }
        }
    }

    /// Stores what the housekeeping task has not stored yet, at the end of the process.
    pub(crate) fn keep_at_end(&self) {
        if let Some(strangers) = self.strangers.unstored() {
            self.keep_strangers(&strangers);
        }
        self.keep_hits();
    }

    /// The housekeeping task: opens the pools of a newly published snapshot, closes idle connections and pools that
    /// are no longer configured, and writes the summary lines of the access log. It never returns.
    pub(crate) async fn keep_house(self: Arc<Self>) {
        let mut tick = tokio::time::interval(HOUSEKEEPING);
        let mut published = self.store.published();
        let mut looked_at = unix_seconds(SystemTime::now());
        loop {
            let wanted = self.pools.open_all(&self.store.load());
            tokio::select! {
                // A new snapshot comes first, so that `prune` never works with an old list of endpoints.
                biased;
                Ok(()) = published.changed() => continue,
                _ = tick.tick() => {}
            }
            self.pools.prune(&wanted);
            self.keep_inspect();
            self.events.log.sum_up(false);
            self.report_lost_lines();
            let now = unix_seconds(SystemTime::now());
            self.report_ended_secrets((std::mem::replace(&mut looked_at, now), now));
            if let Some(strangers) = self.strangers.due(Instant::now()) {
                let gate = Arc::clone(&self);
                tokio::task::spawn_blocking(move || gate.keep_strangers(&strangers));
            }
            if self.are_hits_due(Instant::now()) {
                let gate = Arc::clone(&self);
                tokio::task::spawn_blocking(move || gate.keep_hits());
            }
            self.gauges.log_reopen_failed.store(self.events.log.trouble().is_some().into(), Relaxed);
        }
    }
}
