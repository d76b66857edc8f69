//! How many bytes a message or a head may hold, and who they count for.

use crate::gate::Gate;
use crate::judge::peer::Peer;
use crate::policy::address::addr::Address;
use crate::state::snapshot::Snapshot;
use crate::wire::budget::{Budget, Most};
use crate::wire::shares::PeerClass;

/// The budget for a client's message: head, body and answer.
#[must_use]
pub(crate) fn of_client<'g>(
    gate: &'g Gate,
    snapshot: &Snapshot,
    client: Address,
    standing: PeerClass,
) -> Budget<'g> {
    let limits = &snapshot.config.limits;
    let message = limits.max_head.saturating_add(limits.max_body).saturating_add(limits.max_response);
    let most = Most { all: limits.buffers, message };
    Budget::new(&gate.gauges.buffered, &gate.byte_shares, gate.byte_shares.holder(client, standing), most)
}

/// The budget for a head on a connection, before its client is known: it counts for the writer.
#[must_use]
pub(crate) fn of_heads<'g>(gate: &'g Gate, snapshot: &Snapshot, peer: &Peer) -> Budget<'g> {
    of_client(gate, snapshot, peer.writer(), peer.standing(snapshot))
}
