//! The verdict on a stranger whose body was read: the second question to `policy::admission`, now with the proof.
//!
//! Which strangers are heard is in [`super::signature::stranger`]. Invariant: without a proof, or with a setting that
//! admits no stranger, the answer is the denial that there was before.

use crate::judge::head::Head;
use crate::judge::peer::Peer;
use crate::judge::request::{Admitted, Refusal, proven};
use crate::judge::signature::stranger::{Hearing, rules, signed_reason};
use crate::judge::signature::{Judgement, message, of_message};
use crate::policy::demand::Unlisted;
use crate::policy::outcome::Reason;
use crate::policy::signature::finding::Finding;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// What became of a stranger's whole message.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Its signature.
    pub judgement: Judgement,
    /// Whether it is forwarded.
    pub verdict: Result<Admitted, Reason>,
}

/// A stranger's message, and what was decided by its head.
#[derive(Clone, Copy)]
pub(crate) struct Said<'m> {
    /// Its head.
    pub head: &'m Head,
    /// Its target in origin form.
    pub target: &'m [u8],
    /// Its body.
    pub body: &'m [u8],
    /// The reason to deny it by its head alone.
    pub refused: Reason,
}

/// Judges the message; `now` is in Unix seconds. `None` where its route asks for no signature any more.
#[must_use]
pub(crate) fn heard(
    snapshot: &Snapshot,
    peer: &Peer,
    route: &LiveRoute,
    hearing: Hearing,
    said: Said<'_>,
    now: u64,
) -> Option<Heard> {
    let Said { head, target, body, refused } = said;
    let rules = rules(snapshot, route, refused)?;
    let judgement = of_message(&rules, hearing.of_head, &message(head, target, body), now);
    let admits = snapshot.config.signatures.unlisted == Unlisted::Admit;
    let denied = if judgement.finding == Finding::Valid { signed_reason(refused) } else { refused };
    let verdict = match judgement.proof() {
        Some(proof) if admits => {
            proven(snapshot, peer, head, proof).map_err(|refusal: Refusal| refusal.reason)
        }
        _ => Err(denied),
    };
    Some(Heard { judgement, verdict })
}
