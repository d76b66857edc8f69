//! The memory that the process holds in the worst case, computed: each term is a limit of this program times the
//! memory of one item.
//!
//! `check` prints it, the memory limits of the systemd unit and the pod follow from it, and the siege (a long test)
//! compares it with the real process. Invariant: everything that a peer can make the gate hold is in one of the terms.

use crate::config::{Config, Target};
use crate::gate::accept::tls_limits;
use crate::gate::accept::turns::workers;
use crate::gate::delivered;
use crate::gate::http1::head::FIRST_READ;
use crate::gate::http2::{connection, slot};
use crate::telemetry;
use crate::upstream::pool;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The program itself: its code, its threads, the tables of routes and counters, the history of the status page.
const PROGRAM: u64 = 24 * MIB;
/// The task of a connection, and its entries in the poller and in the tables. Measured: 7.4 KiB idle.
const CONNECTION: u64 = 10 * KIB;
/// The part of a read buffer that is not counted in `limits.buffers`.
const READ_BUFFER: u64 = 2 * FIRST_READ as u64;
/// The state of a TLS session, a record being received (16 KiB, doubled because its buffer grows in steps) and a
/// record that was received and not read (16 KiB). Measured: 11 KiB idle.
const TLS: u64 = (12 + 32 + 16) * KIB;
/// The largest handshake message, and its copy. RFC 8446 section 4 allows larger ones; the library refuses them above
/// 64 KiB.
const HANDSHAKE: u64 = 128 * KIB;
/// The task of a request in work. The terms add `limits.max_head` to it for the logged path, which may be that long.
const REQUEST: u64 = 8 * KIB;
/// What HTTP/2 adds to a connection: its state, a frame being sent, an incomplete header, and two HPACK tables.
/// Measured: 23 KiB idle, after one request.
const HTTP2: u64 = 72 * KIB;
/// An HTTP/2 stream without its header: its task, and as much body as its window allows.
const STREAM: u64 = 8 * KIB + connection::STREAM_WINDOW as u64;
/// An idle connection to the application, and what TLS adds to it.
const KEPT: u64 = 4 * KIB;
const KEPT_TLS: u64 = 32 * KIB;

/// One use of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What uses the memory, and which limit bounds it.
    pub what: &'static str,
    /// The largest number of bytes.
    pub bytes: u64,
}

/// The terms for a configuration whose lists take `lists` bytes, in the order of the documentation.
#[must_use]
pub fn terms(config: &Config, lists: u64) -> Vec<Term> {
    let limits = &config.limits;
    let tls = config.listen.iter().any(|listener| listener.tls.is_some());
    let http2 = config.listen.iter().any(|listener| listener.http2);
    let number = |count: usize| count as u64;
    let when = |there: bool, bytes: u64| if there { bytes } else { 0 };
    let each = CONNECTION + READ_BUFFER + when(tls, TLS);
    let header = number(connection::header_list(limits.max_head));
    // The library may hold up to `MAX_STREAMS` headers of the connection that a worker is reading. A slot counts a
    // stream only when the library has handed it out.
    let streams =
        slot::most(limits) * (header + STREAM) + number(workers(config)) * connection::MAX_STREAMS * header;
    let kept: u64 =
        endpoints(config).map(|secured| KEPT + when(secured, KEPT_TLS)).sum::<u64>() * number(pool::MAX_IDLE);
    let terms = vec![
        Term { what: "the program", bytes: PROGRAM },
        Term { what: "lists, old and new at a reload", bytes: lists },
        Term {
            what: "signed messages that were delivered",
            bytes: when(!config.signatures.secrets.is_empty(), delivered::MOST_BYTES),
        },
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
        .chain([Term { what: "the allocator's own, a quarter of all but the first two", bytes: peers / 4 }])
        .collect()
}

/// The sum of all terms.
#[must_use]
pub fn worst(terms: &[Term]) -> u64 {
    terms.iter().fold(0, |sum, term| sum.saturating_add(term.bytes))
}

/// For every configured endpoint, whether its connections use TLS.
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
