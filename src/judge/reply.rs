//! What the gate itself replies to a request that is not forwarded: the status, and the note for the operator.

use std::borrow::Cow;

use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::request::nearest_route;
use crate::policy::admission::Deny;
use crate::policy::delivery;
use crate::policy::lead::lead;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::routing::path::ambiguity;
use crate::state::snapshot::Snapshot;

/// The status of the gate's own reply; `None` when the connection is closed without one (`deny: drop`). The connection
/// of a trusted proxy may carry requests of other clients, so there a denial gets a reply.
#[must_use]
pub(crate) fn status(snapshot: &Snapshot, peer: &Peer, reason: Reason) -> Option<u16> {
    let deny = snapshot.config.deny;
    let dropped = reason.outcome() == Outcome::Denied
        && deny == Deny::Drop
        && !snapshot.trusted.contains(peer.writer());
    (!dropped).then(|| delivery::own_status(reason, deny))
}

/// What the operator should know of a request that is refused: what its bytes show, else what its reason means.
#[must_use]
pub(crate) fn note(snapshot: &Snapshot, received: &Received, reason: Reason) -> Option<Cow<'static, str>> {
    let found = match reason {
        Reason::NoRoute => nearest_route(snapshot, received),
        Reason::BadTarget => ambiguity(received.path()).map(|flaw| format!("the path has {flaw}")),
        _ => None,
    };
    found.map(Cow::Owned).or(received.note.or(lead(reason)).map(Cow::Borrowed))
}
