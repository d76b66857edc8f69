//! What the process may hold at worst, by arithmetic: each term is a bound of this program times what one of its
//! kind costs.
//!
//! `check` prints it, the limits of the unit and the pod are made from it, and the siege of the long tests holds it
//! against the real process. Invariant: whatever a peer can make the gate hold is in one of the terms.

use crate::config::{Config, Target};
use crate::gate::accept::tls_limits;
use crate::gate::accept::turns::workers;
use crate::gate::http1::head::FIRST_READ;
use crate::gate::http2::{connection, slot};
use crate::telemetry;
use crate::upstream::pool;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The program itself: its code, its threads, the tables of routes and counters, the status page's history.
const PROGRAM: u64 = 24 * MIB;
/// A connection's task and what the kernel's poller and the tables know of it. Measured: 7.4 KiB idle.
const CONNECTION: u64 = 10 * KIB;
/// What a read buffer holds without being counted in `limits.buffers`.
const INBOX: u64 = 2 * FIRST_READ as u64;
/// The state of a TLS session, a record that is on its way (16 KiB, and what growing leaves over) and one that was
/// read and not used (16 KiB). Measured: 11 KiB idle.
const TLS: u64 = (12 + 32 + 16) * KIB;
/// The largest message of a handshake (RFC 8446 section 4 lets it be larger; the library refuses above 64 KiB), and
/// its copy.
const HANDSHAKE: u64 = 128 * KIB;
/// A request in work: its task, and the path that the log will say, which may be as long as a head.
const REQUEST: u64 = 8 * KIB;
/// What HTTP/2 adds to a connection: its state, a frame that is on its way, a header that is not whole, and two tables
/// of fields. Measured: 23 KiB idle, after one request.
const HTTP2: u64 = 72 * KIB;
/// A stream of HTTP/2 beside its header: its task, and as much body as its window allows.
const STREAM: u64 = 8 * KIB + connection::STREAM_WINDOW as u64;
/// A kept connection to the application, and what TLS adds to it.
const KEPT: u64 = 4 * KIB;
const KEPT_TLS: u64 = 32 * KIB;

/// One thing that memory goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What it is, and which limit it follows.
    pub what: &'static str,
    /// At most.
    pub bytes: u64,
}

/// The terms for a configuration, whose lists take so many bytes; in the order of the documents.
#[must_use]
pub fn terms(config: &Config, lists: u64) -> Vec<Term> {
    let limits = &config.limits;
    let tls = config.listen.iter().any(|listener| listener.tls.is_some());
    let http2 = config.listen.iter().any(|listener| listener.http2);
    let number = |count: usize| count as u64;
    let when = |there: bool, bytes: u64| if there { bytes } else { 0 };
    let each = CONNECTION + INBOX + when(tls, TLS);
    let header = number(connection::header_list(limits.max_head));
    // A connection may bring a hundred headers at a time, which are counted as soon as the library lets go of them.
    let streams =
        slot::most(limits) * (header + STREAM) + number(workers(config)) * connection::MAX_STREAMS * header;
    let kept: u64 =
        endpoints(config).map(|secured| KEPT + when(secured, KEPT_TLS)).sum::<u64>() * number(pool::MAX_IDLE);
    let terms = vec![
        Term { what: "the program", bytes: PROGRAM },
        Term { what: "lists, old and new at a reload", bytes: lists },
        Term {
            what: "connections x limits.connections",
            bytes: each.saturating_mul(number(limits.connections)),
        },
        Term { what: "TLS handshakes of strangers", bytes: when(tls, tls_limits::OPEN * HANDSHAKE) },
        Term {
            what: "HTTP/2 connections, a quarter of limits.connections",
            bytes: when(http2, connection::most_connections(limits).saturating_mul(HTTP2)),
        },
        Term { what: "HTTP/2 streams, 2 x limits.concurrent_requests", bytes: when(http2, streams) },
        Term { what: "messages, 2 x limits.buffers", bytes: number(limits.buffers).saturating_mul(2) },
        Term {
            what: "requests x limits.concurrent_requests",
            bytes: number(limits.concurrent_requests).saturating_mul(REQUEST + number(limits.max_head)),
        },
        Term { what: "kept connections to the application", bytes: kept },
        Term { what: "lines of the two logs", bytes: 2 * telemetry::MOST_HELD },
    ];
    let peers: u64 = terms[2..].iter().fold(0, |sum, term| sum.saturating_add(term.bytes));
    terms
        .into_iter()
        .chain([Term { what: "the allocator's own, a quarter of these", bytes: peers / 4 }])
        .collect()
}

/// All terms together.
#[must_use]
pub fn worst(terms: &[Term]) -> u64 {
    terms.iter().fold(0, |sum, term| sum.saturating_add(term.bytes))
}

/// For every endpoint that is named, whether it is reached by TLS.
fn endpoints(config: &Config) -> impl Iterator<Item = bool> {
    let routes = config.routes.iter().filter_map(|route| route.upstream.as_ref());
    let targets = std::iter::once(&config.upstream).chain(routes).flat_map(|upstream| &upstream.targets);
    targets.map(|target| matches!(target, Target::Https { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};

    fn worst_of(text: &str) -> u64 {
        let parsed = parse(Some(text), &Overrides::default(), std::path::Path::new("."));
        worst(&terms(&parsed.unwrap().config, 0)) / MIB
    }

    #[test]
    fn the_worst_case_follows_the_limits() {
        let plain = "upstream: http://127.0.0.1:1\n";
        let all = worst_of(plain);
        assert!((300..600).contains(&all), "{all} MiB with the defaults");
        let few = worst_of(&format!(
            "{plain}limits: {{ connections: 1000, concurrent_requests: 256, buffers: 16MiB }}"
        ));
        assert!((80..160).contains(&few), "{few} MiB for a pod");
        let more_buffers = worst_of(&format!("{plain}limits: {{ buffers: 128MiB }}"));
        assert_eq!(more_buffers, all + 2 * 64 * 5 / 4);
        let http2 = worst_of(&format!("{plain}listen: [{{ address: \"0.0.0.0:2\", http2: true }}]"));
        assert!(http2 > all + 100, "{http2}");
    }
}
