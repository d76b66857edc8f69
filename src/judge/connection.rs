//! Whether a connection is served: by the address of its peer, and by the PROXY header that it begins with.
//!
//! Limits are not looked at here: they depend on which other connections are open. Invariant: a PROXY header counts only
//! when a trusted proxy sends it.

use crate::config::{Deny, Mode};
use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;

/// The reason to close a connection before anything of it is read; `None` when it is served. `known` is what
/// [`Snapshot::knows`] says of the peer, who is looked up once for each connection.
#[must_use]
pub(crate) fn refuse_peer(
    snapshot: &Snapshot,
    proxy_protocol: bool,
    peer: Address,
    known: bool,
) -> Option<Reason> {
    if !known && drops_strangers(snapshot) && !snapshot.may_probe(peer) {
        return Some(Reason::NotListed);
    }
    if proxy_protocol && !snapshot.trusted.contains(peer) {
        return Some(if known { Reason::NoProxyHeader } else { Reason::NotListed });
    }
    None
}

/// The reason to close a connection after its PROXY header, which named this source; `None` when it is served.
#[must_use]
pub(crate) fn refuse_source(snapshot: &Snapshot, source: Option<Address>) -> Option<Reason> {
    let refused = source.is_some_and(|source| drops_strangers(snapshot) && !snapshot.hears(source));
    refused.then_some(Reason::NotListed)
}

/// Whether strangers are closed without a reply.
fn drops_strangers(snapshot: &Snapshot) -> bool {
    snapshot.config.deny == Deny::Drop && snapshot.config.mode == Mode::Enforce
}
