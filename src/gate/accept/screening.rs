//! Whom an address lets in before anything of a connection is read, and as what it is counted.

use tokio::time::Instant;

use crate::config::{Deny, Mode};
use crate::gate::Gate;
use crate::gate::accept::limits::Quota;
use crate::gate::request::log::event::Event;
use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;

/// Whether strangers are closed without an answer.
#[must_use]
pub(crate) fn refuses_unheard(snapshot: &Snapshot) -> bool {
    snapshot.config.deny == Deny::Drop && snapshot.config.mode == Mode::Enforce
}

/// Connections that may be open at once.
#[must_use]
pub(crate) fn most_connections(gate: &Gate, snapshot: &Snapshot) -> usize {
    snapshot.config.limits.connections.min(gate.room)
}

/// Of these, those that have not named their source yet: few are on their way at any moment.
pub(crate) fn unnamed(most: usize) -> usize {
    (most / 4).max(most.div_ceil(2).min(32))
}

/// As what an address is counted. A trusted proxy speaks for many and is not counted as one.
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

/// Counts and logs a connection that is closed without a word.
pub(crate) fn drop_unheard(gate: &Gate, snapshot: &Snapshot, address: Address) {
    Gauges::add(&gate.gauges.dropped_unheard);
    let event = Event {
        client: Some(address),
        generation: snapshot.generation,
        ..Event::new(Reason::NotListed, address, Instant::now())
    };
    gate.events.emit(&event, &snapshot.unrouted.counters);
}
