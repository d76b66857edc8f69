//! What a signature does for a client that no list of the route holds: it may be the provider on a range that is new.
//!
//! `signatures.unlisted` says what becomes of it. As a rule the head settles it, and nothing of the body is read. A body
//! is read only where something is to be gained: it is to be forwarded, or `sig` stands in it. Invariant: nothing here
//! admits; [`super::super::heard`] asks `policy::admission` again, with the proof.

use std::sync::Arc;
use std::time::Duration;

use crate::judge::facts::Facts;
use crate::judge::head::Head;
use crate::judge::signature::{Judgement, OfHead, message, now, of_head, of_message};
use crate::policy::admission::Deny;
use crate::policy::demand::Unlisted;
use crate::policy::outcome::Reason;
use crate::policy::signature::finding::Finding;
use crate::policy::signature::rules::Rules;
use crate::policy::signature::vouch::Vouched;
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::wire::body::Framing;
use crate::wire::fields::Span;

/// The note of a request that no list admitted.
pub(crate) const BY_SIGNATURE: &str = "no list of the route holds the client; its signature admitted it";

/// The oldest signature of a stranger that counts: a new range of the provider sends fresh ones.
const FRESH: Duration = Duration::from_secs(300);
/// The largest body that is read to judge a token, in bytes.
const MOST_WITH_TOKEN: usize = 64 * 1024;
/// The largest body that is read to look for parameters, in bytes: nothing of it is proven before.
const MOST_WITH_PARAMETERS: usize = 16 * 1024;

/// A client that no list of the route holds.
#[derive(Debug)]
pub(crate) struct Stranger {
    /// The reason to deny it, unless its body proves more.
    pub reason: Reason,
    /// What became of its signature, if that is more than nothing.
    pub judgement: Option<Box<Judgement>>,
    /// What is still open.
    pub hearing: Option<Box<Hearing>>,
}

/// A request of a stranger whose body settles what it is.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// What the head shows.
    pub of_head: OfHead,
    /// The target in origin form.
    pub target: Span,
    /// How long the body is.
    pub framing: Framing,
    /// The sender waits for `100 Continue`.
    pub expects_continue: bool,
    /// The largest body that is read, in bytes.
    pub most: usize,
}

impl Hearing {
    /// Whether a secret has vouched for the head already.
    #[must_use]
    pub(crate) fn has_token(&self) -> bool {
        matches!(self.of_head, OfHead::Token(_))
    }
}

/// What a signature of a stranger must be on a route; `None` where it changes nothing.
#[must_use]
pub(crate) fn rules<'s>(snapshot: &'s Snapshot, route: &'s LiveRoute, reason: Reason) -> Option<Rules<'s>> {
    let unlisted = matches!(
        reason,
        Reason::NotListed | Reason::SignedStranger | Reason::JustRemoved | Reason::StaleList
    );
    // With `drop`, nothing that a stranger sends is read.
    let changes = snapshot.config.signatures.unlisted != Unlisted::Deny && snapshot.config.deny != Deny::Drop;
    let asked = unlisted && changes;
    let rules = snapshot.signature_rules(route).filter(|_| asked)?;
    Some(Rules { max_age: rules.max_age.min(FRESH), ..rules })
}

/// Looks at the head of a client that is to be denied for this reason.
#[must_use]
pub(crate) fn look(
    snapshot: &Snapshot,
    head: &Head,
    facts: &Facts<'_>,
    route: Option<&Arc<LiveRoute>>,
    reason: Reason,
) -> Stranger {
    let plain = Stranger { reason, judgement: None, hearing: None };
    let Some((route, rules)) = route.and_then(|route| Some((route, rules(snapshot, route, reason)?))) else {
        return plain;
    };
    let admits = snapshot.config.signatures.unlisted == Unlisted::Admit;
    let open = |reason, of_head, most: usize| {
        let Facts { framing, expects_continue, .. } = *facts;
        let hearing =
            Hearing { of_head, target: head.span_of(facts.target), framing, expects_continue, most };
        Stranger { reason, judgement: None, hearing: Some(Box::new(hearing)) }
    };
    let fits = |most: usize| match facts.framing {
        Framing::Length(length) => length <= most as u64,
        Framing::None | Framing::Chunked => true,
    };
    let (now, signed) = (now(), route.webhook.spec().signed);
    match of_head(&rules, signed, head, now) {
        // Without an id it can never be admitted.
        OfHead::Token(vouched) if admits && fits(MOST_WITH_TOKEN) && vouched.has_id() => {
            open(signed_reason(reason), OfHead::Token(vouched), MOST_WITH_TOKEN)
        }
        OfHead::Token(vouched) | OfHead::Settled(Judgement { vouched: Some(vouched), .. }) => {
            let judgement = Some(Box::new(Judgement::of_token_alone(vouched)));
            Stranger { reason: signed_reason(reason), judgement, hearing: None }
        }
        OfHead::Settled(_) => plain,
        OfHead::Parameters => match facts.framing {
            Framing::None => {
                let judgement =
                    of_message(&rules, OfHead::Parameters, &message(head, facts.target, &[]), now);
                match judgement.finding {
                    Finding::Valid if admits => open(signed_reason(reason), OfHead::Parameters, 0),
                    Finding::Valid => Stranger {
                        reason: signed_reason(reason),
                        judgement: Some(Box::new(judgement)),
                        hearing: None,
                    },
                    _ => plain,
                }
            }
            Framing::Length(_) if fits(MOST_WITH_PARAMETERS) && has_parameters(head, facts) => {
                open(reason, OfHead::Parameters, MOST_WITH_PARAMETERS)
            }
            Framing::Length(_) | Framing::Chunked => plain,
        },
    }
}

/// The reason for which `mode: enforce` would deny a stranger whose whole message was judged; `None` if it would forward
/// it. `reason` is what its head alone says.
#[must_use]
pub(crate) fn would_deny(
    snapshot: &Snapshot,
    route: &LiveRoute,
    reason: Reason,
    judgement: &Judgement,
) -> Option<Reason> {
    let fresh = |judgement: &Judgement| {
        let age = judgement.vouched.as_ref().map(Vouched::age);
        age.is_some_and(|age| u64::try_from(age).unwrap_or(0) <= FRESH.as_secs())
    };
    if rules(snapshot, route, reason).is_none() || judgement.finding != Finding::Valid || !fresh(judgement) {
        return Some(reason);
    }
    let admits = snapshot.config.signatures.unlisted == Unlisted::Admit;
    let admitted = admits && judgement.proof().is_some();
    (!admitted).then(|| signed_reason(reason))
}

/// The reason to deny a signed stranger: what a reload took is told so, whoever it is.
#[must_use]
pub(crate) fn signed_reason(reason: Reason) -> Reason {
    if reason == Reason::NotListed { Reason::SignedStranger } else { reason }
}

/// Whether the body is of a type that has parameters.
fn has_parameters(head: &Head, facts: &Facts<'_>) -> bool {
    let message = message(head, facts.target, &[]);
    message.is("application/x-www-form-urlencoded") || message.is("application/json")
}
