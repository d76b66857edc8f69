//! The place that a stream takes among those which all connections have open.
//!
//! Only what is open counts: a connection that idles takes nothing from others. Invariant: a stream is served with
//! its slot, and gives it back when it has ended, whatever the end is.

use std::sync::Arc;

use crate::config::Limits;
use crate::gate::Gate;
use crate::gate::peer::Peer;
use crate::state::snapshot::Snapshot;
use crate::wire::shares::Holder;

/// Open streams for each request that may be in work at once: while one is in work, another may be on its way in or
/// out.
const STREAMS_A_REQUEST: u64 = 2;
/// As many are there at least.
const FEWEST: u64 = 128;

/// Streams that all connections may have open together.
#[must_use]
pub(crate) fn most(limits: &Limits) -> u64 {
    (limits.concurrent_requests as u64 * STREAMS_A_REQUEST).max(FEWEST)
}

/// One stream's place.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    gate: Arc<Gate>,
    holder: Holder,
}

impl StreamSlot {
    /// Takes one; `None` when the client, all strangers or all together have as many open as they may.
    #[must_use]
    pub(crate) fn take(gate: &Arc<Gate>, snapshot: &Snapshot, peer: &Peer) -> Option<Self> {
        let holder = gate.stream_shares.holder(peer.writer(), peer.standing(snapshot));
        let most = most(&snapshot.config.limits);
        // Not by `then_some`: what was not taken must not be given back.
        if gate.stream_shares.take(&gate.http2_streams, holder, 1, most, 1) {
            Some(Self { gate: Arc::clone(gate), holder })
        } else {
            None
        }
    }

    /// What it is a place in.
    #[must_use]
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.gate.stream_shares.give(&self.gate.http2_streams, self.holder, 1);
    }
}
