//! What the gate itself replies to a request that is not forwarded: the status, and the note for the operator.

use std::borrow::Cow;

use crate::judge::doubt;
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::request::{Refusal, nearest_route};
use crate::policy::admission::Denial;
use crate::policy::delivery;
use crate::policy::lead::lead;
use crate::policy::outcome::Reason;
use crate::policy::routing::path::ambiguity;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// The status of the gate's own reply; `None` when the connection is closed without one (`deny: drop`). The connection
/// of a trusted proxy may carry requests of other clients, so there a denial gets a reply.
#[must_use]
pub(crate) fn status(snapshot: &Snapshot, peer: &Peer, reason: Reason) -> Option<u16> {
    let deny = snapshot.config.deny;
    let dropped = delivery::is_silent(reason, deny) && !snapshot.trusted.contains(peer.writer());
    (!dropped).then(|| delivery::own_status(reason, deny, snapshot.config.signatures.failure))
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

/// The same for a refusal: why a list may be what is wrong says more than the reason.
#[must_use]
pub(crate) fn note_of_refusal(
    snapshot: &Snapshot,
    received: &Received,
    refusal: &Refusal,
) -> Option<Cow<'static, str>> {
    refusal.note.clone().map(Cow::Owned).or_else(|| note(snapshot, received, refusal.reason))
}

/// The same for a denial that `mode: observe` does not carry out.
#[must_use]
pub(crate) fn note_of_denial(
    snapshot: &Snapshot,
    received: &Received,
    route: &LiveRoute,
    (denial, reason): (Denial, Reason),
) -> Option<Cow<'static, str>> {
    let doubt = doubt::note(snapshot, route, denial).map(Cow::Owned);
    doubt.or_else(|| note(snapshot, received, reason))
}
