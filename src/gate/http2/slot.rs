//! Counts the open streams of all HTTP/2 connections, by client and in total.
//!
//! Only open streams count: an idle connection uses up nothing. Invariant: a stream holds its slot while it is served
//! and gives it back when it ends, however it ends.

use std::sync::Arc;

use crate::config::Limits;
use crate::gate::Gate;
use crate::gate::peer::Peer;
use crate::state::snapshot::Snapshot;
use crate::wire::shares::Holder;

/// Open streams for each request of `limits.concurrent_requests`: while one request is in work, another may be
/// receiving its body or sending its reply.
const STREAMS_A_REQUEST: u64 = 2;
/// The smallest bound on open streams.
const FEWEST: u64 = 128;

/// How many streams all connections together may have open.
#[must_use]
pub(crate) fn most(limits: &Limits) -> u64 {
    (limits.concurrent_requests as u64 * STREAMS_A_REQUEST).max(FEWEST)
}

/// Keeps a stream counted as open until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    gate: Arc<Gate>,
    holder: Holder,
}

impl StreamSlot {
    /// Counts a stream; `None` when the bound of the client, of all strangers, or of all clients is reached.
    #[must_use]
    pub(crate) fn take(gate: &Arc<Gate>, snapshot: &Snapshot, peer: &Peer) -> Option<Self> {
        let holder = gate.stream_shares.holder(peer.writer(), peer.standing(snapshot));
        let most = most(&snapshot.config.limits);
        // Not `then_some`: that would create a slot in any case, and dropping it would give back what was not taken.
        if gate.stream_shares.take(&gate.http2_streams, holder, 1, most, 1) {
            Some(Self { gate: Arc::clone(gate), holder })
        } else {
            None
        }
    }

    /// The gate that counts the stream.
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
