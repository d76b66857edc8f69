//! Numbers of the whole process: connections, requests in flight, readiness.
//!
//! Only atomics; the gate writes them, the admin interface reads them. Invariant: every number is in
//! [`TABLE`], from which the metrics, the status and its page are made. One macro line makes both the cell
//! and its entry.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::config::Limits;

/// The phase of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Lists are loaded or listeners bound.
    Starting,
    /// Serving.
    Ready,
    /// Finishing open requests; no new connections.
    Draining,
}

impl Phase {
    /// Every phase, in the order in which they come.
    pub const ALL: [Self; 3] = [Self::Starting, Self::Ready, Self::Draining];

    /// Its name in `/readyz`, `/status` and the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// Whether a number can decrease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It counts up from the start of the process.
    Counter,
    /// The current value.
    Gauge,
}

impl Kind {
    /// Its name in Prometheus' text format.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// One number of the process, and its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    /// Its key among the `gauges` of the status.
    pub key: &'static str,
    /// Its name in the metrics, without the prefix of the program.
    pub metric: &'static str,
    /// Its label on the status page.
    pub words: &'static str,
    /// Whether it can decrease.
    pub kind: Kind,
    help: &'static str,
    cell: fn(&Gauges) -> &AtomicU64,
    most: fn(&Limits) -> Option<usize>,
}

impl Number {
    /// What it counts, as a sentence.
    #[must_use]
    pub(crate) fn help(&self) -> &'static str {
        self.help.trim_start()
    }

    /// Its current value.
    #[must_use]
    pub(crate) fn value(&self, gauges: &Gauges) -> u64 {
        (self.cell)(gauges).load(Relaxed)
    }

    /// The value of the key in `limits` that bounds it, if there is one.
    #[must_use]
    pub(crate) fn most(&self, limits: &Limits) -> Option<usize> {
        (self.most)(limits)
    }
}

/// Each line: the cell, the kind, the key in the status, the name in the metrics, the label on the page, and
/// the limit that bounds it. The doc comment above it is the help text of the metric.
macro_rules! gauges {
    ($(#[doc = $help:literal] $cell:ident: $kind:ident, $key:literal, $metric:literal, $words:literal $(, of $limit:ident)?;)+) => {
        /// The numbers of the process.
        #[expect(clippy::doc_markdown, reason = "the help of a metric is plain text")]
        #[derive(Debug, Default)]
        pub struct Gauges {
            phase: AtomicU8,
            hits_since: AtomicU64,
            $(#[doc = $help] pub $cell: AtomicU64,)+
        }

        /// Every number of the process, in the order of the metrics.
        pub(crate) const TABLE: &[Number] = &[$(Number {
            key: $key,
            metric: $metric,
            words: $words,
            kind: Kind::$kind,
            help: $help,
            cell: |gauges| &gauges.$cell,
            most: bound!($($limit)?),
        },)+];
    };
}

macro_rules! bound {
    () => {
        |_| None
    };
    ($limit:ident) => {
        |limits| Some(limits.$limit)
    };
}

gauges! {
    /// Connections from senders that are open.
    connections: Gauge, "connections", "connections", "connections open", of connections;
    /// Connections accepted.
    accepted: Counter, "connections_accepted", "connections_accepted_total", "connections accepted";
    /// Connections closed because limits.connections were open.
    over_capacity: Counter, "connections_over_capacity", "connections_over_capacity_total", "connections over the limit";
    /// Connections closed without an answer, because no list knows the address and deny is drop.
    dropped_unheard: Counter, "connections_dropped_unheard", "connections_dropped_unheard_total", "closed without an answer";
    /// Connections of trusted proxies closed because they began with something else than a PROXY header.
    bad_proxy_headers: Counter, "bad_proxy_headers", "bad_proxy_headers_total", "bad PROXY headers";
    /// HTTP/2 streams refused because too many were open; their senders may repeat them.
    streams_refused: Counter, "http2_streams_refused", "http2_streams_refused_total", "HTTP/2 streams refused";
    /// TLS handshakes completed.
    tls_completed: Counter, "tls_handshakes", "tls_handshakes_total", "TLS handshakes";
    /// TLS handshakes that failed or were not over in time.
    tls_failed: Counter, "tls_handshakes_failed", "tls_handshakes_failed_total", "TLS handshakes failed";
    /// Connections that could not be accepted.
    accept_errors: Counter, "accept_errors", "accept_errors_total", "accept errors";
    /// Probes of health_path answered.
    health_probes: Counter, "health_probes", "health_probes_total", "health probes answered";
    /// Requests being served.
    in_flight: Gauge, "requests_in_flight", "requests_in_flight", "requests in work", of concurrent_requests;
    /// Bytes of messages held.
    buffered: Gauge, "buffered_bytes", "buffered_bytes", "message bytes held";
    /// 1 while the last exchanges are kept in memory, to be looked at.
    inspect_on: Gauge, "inspect_on", "inspect_on", "exchanges are kept";
    /// Connections opened to upstreams.
    upstream_opened: Counter, "upstream_connections_opened", "upstream_connections_opened_total", "upstream connections opened";
    /// Requests sent on an upstream connection that was already open.
    upstream_reused: Counter, "upstream_connections_reused", "upstream_connections_reused_total", "sent on an open upstream connection";
    /// Requests sent again because a reused upstream connection turned out to be closed.
    upstream_resent: Counter, "upstream_resent", "upstream_resent_total", "sent to the upstream again";
    /// Networks of clients that no list holds and that proved themselves by a signature.
    signed_stranger_networks: Gauge, "signed_stranger_networks", "signed_stranger_networks", "networks of signed strangers";
    /// Log lines dropped because their reader was too slow or the disk was full.
    log_lines_dropped: Counter, "log_lines_dropped", "log_lines_dropped_total", "log lines dropped";
    /// 1 while the access log's file cannot be opened again: its lines go to the old one.
    log_reopen_failed: Gauge, "log_reopen_failed", "log_reopen_failed", "access log not opened again";
    /// How long the current work of the reload thread has lasted.
    reload_busy: Gauge, "reload_busy_s", "reload_busy_seconds", "seconds of the reload under way";
    /// 1 when the reload thread has ended: changes of files are not noticed until a restart.
    reload_dead: Gauge, "reload_dead", "reload_thread_dead", "reload thread ended";
    /// Connections to the admin interface or the metrics that were closed to make room for others.
    admin_made_room: Counter, "admin_made_room", "admin_connections_made_room_total", "admin connections that made room";
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

    /// Since when the hits of prefixes are known, in Unix seconds; 0 before the gate is there.
    #[must_use]
    pub(crate) fn hits_since(&self) -> u64 {
        self.hits_since.load(Relaxed)
    }

    /// Says since when they are known.
    pub(crate) fn count_hits_since(&self, since: u64) {
        self.hits_since.store(since, Relaxed);
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }
}

impl Gauges {
    /// Adds one to a counter.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}

/// Raises a gauge while it exists.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a AtomicU64, u64);

impl<'a> Held<'a> {
    /// Adds `amount` until dropped.
    #[must_use]
    pub(crate) fn new(gauge: &'a AtomicU64, amount: u64) -> Self {
        gauge.fetch_add(amount, Relaxed);
        Self(gauge, amount)
    }

    /// Adds `amount` until dropped, unless the gauge would exceed `most`.
    #[must_use]
    pub(crate) fn within(gauge: &'a AtomicU64, amount: u64, most: u64) -> Option<Self> {
        let held = Self::new(gauge, amount);
        (gauge.load(Relaxed) <= most).then_some(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_number_has_a_cell_and_names_of_its_own() {
        let gauges = Gauges::default();
        for (value, number) in (1..).zip(TABLE) {
            (number.cell)(&gauges).fetch_add(value, Relaxed);
        }
        // A cell that two lines share would hold the sum of both.
        for (value, number) in (1..).zip(TABLE) {
            assert_eq!(number.value(&gauges), value, "{}", number.key);
        }
        let distinct =
            |name: fn(&Number) -> &'static str| TABLE.iter().map(name).collect::<HashSet<_>>().len();
        let names: [fn(&Number) -> &'static str; 4] = [|n| n.key, |n| n.metric, |n| n.words, Number::help];
        for name in names {
            assert_eq!(distinct(name), TABLE.len());
        }
    }
}
