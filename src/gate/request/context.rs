//! Where and when a request happens: what every step of its way may look at.

use tokio::time::Instant;

use crate::gate::Gate;
use crate::gate::peer::Peer;
use crate::policy::address::addr::Address;
use crate::state::snapshot::Snapshot;

/// Where and when a request happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What all connections share.
    pub gate: &'a Gate,
    /// What it is judged by.
    pub snapshot: &'a Snapshot,
    /// Who is at the other end.
    pub peer: &'a Peer,
    /// When its first byte was there.
    pub began: Instant,
}

impl Context<'_> {
    /// A peer that may not name others is the client, also of a request that could not be parsed.
    pub(crate) fn peer_as_client(&self) -> Option<Address> {
        let writer = self.peer.writer();
        (!self.snapshot.trusted.contains(writer)).then_some(writer)
    }
}
