//! What the process as a whole is doing now: connections, requests in flight, readiness.
//!
//! Only atomics; the gate writes them, the admin interface reads them.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// How far the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Lists are loaded or listeners bound.
    Starting,
    /// Serving.
    Ready,
    /// Serving what is open, taking no more.
    Draining,
}

/// The numbers of the process.
#[derive(Debug, Default)]
pub struct Gauges {
    phase: AtomicU8,
    /// Connections that are open now.
    pub connections: AtomicU64,
    /// Connections accepted so far.
    pub accepted: AtomicU64,
    /// Connections closed right after accept because `limits.connections` was reached.
    pub over_capacity: AtomicU64,
    /// Streams of HTTP/2 that were refused because as many were open as may be.
    pub streams_refused: AtomicU64,
    /// Connections of strangers that were closed without an answer (`deny: drop`, or no trusted proxy).
    pub dropped_unheard: AtomicU64,
    /// Connections of trusted proxies that were closed for want of a PROXY header.
    pub bad_proxy_headers: AtomicU64,
    /// TLS handshakes that were completed.
    pub tls_completed: AtomicU64,
    /// TLS handshakes that failed or were not over in time.
    pub tls_failed: AtomicU64,
    /// Accepts that failed (out of descriptors or memory).
    pub accept_errors: AtomicU64,
    /// Requests being served now.
    pub in_flight: AtomicU64,
    /// Probes of `health_path` answered so far; they are not in the access log.
    pub health_probes: AtomicU64,
    /// Bytes of messages held now.
    pub buffered: AtomicU64,
    /// Upstream connections opened so far.
    pub upstream_opened: AtomicU64,
    /// Requests sent on an upstream connection that was already open.
    pub upstream_reused: AtomicU64,
    /// Requests sent a second time because a reused connection turned out to be closed.
    pub upstream_resent: AtomicU64,
    /// Log lines that were dropped because the reader of the log was too slow or the disk full.
    pub log_lines_dropped: AtomicU64,
    /// 1 while the access log's file could not be opened again: its lines go somewhere else.
    pub log_reopen_failed: AtomicU64,
    /// Whole seconds that the reload thread has been at what it does.
    pub reload_busy: AtomicU64,
    /// 1 when the reload thread has ended, so that no change of a file is noticed.
    pub reload_dead: AtomicU64,
    /// Connections to the admin interface and the metrics that were closed because others needed their place.
    pub admin_made_room: AtomicU64,
}

impl Gauges {
    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }
}

impl Gauges {
    /// Counts one.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}

/// Counts up a gauge for as long as it lives.
#[derive(Debug)]
pub struct Held<'a>(&'a AtomicU64, u64);

impl<'a> Held<'a> {
    /// Adds `amount` until dropped.
    #[must_use]
    pub fn new(gauge: &'a AtomicU64, amount: u64) -> Self {
        gauge.fetch_add(amount, Relaxed);
        Self(gauge, amount)
    }

    /// Adds `amount` until dropped, unless that would lift the gauge above `most`.
    #[must_use]
    pub fn within(gauge: &'a AtomicU64, amount: u64, most: u64) -> Option<Self> {
        let held = Self::new(gauge, amount);
        (gauge.load(Relaxed) <= most).then_some(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}
