//! Which addresses are accepted before any byte of a connection is read, and in which class they count.
//!
//! It decides by address alone; what a request says is judged in `judge::request`. Invariant: a connection that is
//! dropped here is counted and logged like any denial.

use tokio::time::Instant;

use crate::gate::Gate;
use crate::gate::accept::limits::Quota;
use crate::gate::request::log::captured::Draught;
use crate::gate::request::log::event::Event;
use crate::policy::address::addr::Address;
use crate::policy::lead::lead;
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;

/// How many connections may be open at once.
#[must_use]
pub(crate) fn most_connections(gate: &Gate, snapshot: &Snapshot) -> usize {
    snapshot.config.limits.connections.min(gate.room)
}

/// How many of them may still lack their PROXY header: it comes at once, so few of them wait for it at any moment.
pub(crate) fn unnamed(most: usize) -> usize {
    (most / 4).max(most.div_ceil(2).min(32))
}

/// The quota of an address. A trusted proxy carries the requests of many clients and has no bound of its own.
#[must_use]
pub(crate) fn guest(snapshot: &Snapshot, address: Address, known: bool, most: usize) -> Quota {
    let limits = &snapshot.config.limits;
    if !known {
        Quota::Stranger { each: limits.connections_per_stranger, all: most.div_ceil(2) }
    } else if snapshot.trusted.contains(address) {
        Quota::Client { each: None }
    } else {
        Quota::Client { each: limits.connections_per_client }
    }
}

/// Counts and logs a connection that is closed before anything of it was read.
pub(crate) fn drop_unheard(gate: &Gate, snapshot: &Snapshot, address: Address, reason: Reason) {
    Gauges::add(&gate.gauges.dropped_unheard);
    let event = Event {
        client: Some(address),
        generation: snapshot.generation,
        note: lead(reason),
        ..Event::new(reason, address, Instant::now())
    };
    let draft = gate.events.capture.begin(snapshot.config.limits.buffers);
    let draught = draft.map(|draft| Draught { draft, webhook: None, head: &[] });
    gate.events.emit(&event, &snapshot.unrouted.counters, draught);
}
