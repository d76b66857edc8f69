//! The circumstances of a request, which every step of serving it may read: gate, snapshot, peer, start time.
//!
//! What the request itself says is in [`super::received`].

use tokio::time::Instant;

use crate::gate::Gate;
use crate::gate::peer::Peer;
use crate::policy::address::addr::Address;
use crate::state::snapshot::Snapshot;

/// The circumstances of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The state that all connections share.
    pub gate: &'a Gate,
    /// The snapshot by which the request is judged.
    pub snapshot: &'a Snapshot,
    /// The other end of the connection.
    pub peer: &'a Peer,
    /// When the first byte of the request arrived.
    pub began: Instant,
}

impl Context<'_> {
    /// The writer as the client, if the request itself has not shown one, for example because it could not be parsed.
    /// `None` if the writer is a trusted proxy, which is never a client.
    pub(crate) fn peer_as_client(&self) -> Option<Address> {
        let writer = self.peer.writer();
        (!self.snapshot.trusted.contains(writer)).then_some(writer)
    }
}
