//! The signature of a request: judged from its head, and to its end when its body is there.
//!
//! What a signature must be is in `policy::signature`; what becomes of a bad one is decided by what the route needs.
//! Invariant: a route that requires a signature forwards nothing but what [`Judgement::denial`] lets pass.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::judge::head::Head;
use crate::policy::admission::Deny;
use crate::policy::demand::{Need, Unlisted};
use crate::policy::outcome::Reason;
use crate::policy::provider::signing::Signed;
use crate::policy::provider::spec::AnswerRule;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::{Finding, Scheme};
use crate::policy::signature::payload::{self, PayloadForm};
use crate::policy::signature::rules::{Message, Rules};
use crate::policy::signature::sms;
use crate::policy::signature::vouch::{Vouched, vouch};
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::state::stats::signatures::Counted;
use crate::telemetry::timestamp::unix_seconds;

/// What the head shows of a signature.
#[derive(Debug)]
pub(crate) enum OfHead {
    /// The head settles it: nothing that the body can hold makes it good.
    Settled(Judgement),
    /// The token is good, and the body has to be the one that it was made for.
    Token(Vouched),
    /// The parameters may be signed. If they are not, this is what was wrong with the head.
    Parameters(Fault),
}

/// What can be said of a signature by somebody who may not have the body.
#[derive(Debug)]
pub(crate) enum Seen {
    /// What became of it.
    Judged(Judgement),
    /// What the head shows; the body would settle it.
    Open(OfHead),
}

/// What became of a signature.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// Its name in the log.
    pub finding: Finding,
    /// How the request is signed; `None` if it is not.
    pub scheme: Option<Scheme>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// What it says, if it was made by whom it should be.
    pub vouched: Option<Vouched>,
    /// What its hash is of, if it is a good token.
    pub form: Option<PayloadForm>,
}

impl Judgement {
    fn faulty(fault: Fault, scheme: Scheme, vouched: Option<Vouched>) -> Self {
        let finding = fault.finding();
        let scheme = (finding != Finding::Unsigned).then_some(scheme);
        Self { finding, scheme, fault: Some(fault), vouched, form: None }
    }

    /// What an operator should know: what is wrong with it, or why a good one is not enough for its route.
    #[must_use]
    pub(crate) fn note(&self, route: &LiveRoute) -> Option<String> {
        let uncovered = self.fault.is_none() && self.denial_on(route).is_some();
        let fault = self.fault.map(|fault| fault.to_string());
        fault.or_else(|| uncovered.then(|| "the token is of no query and no body".to_owned()))
    }

    /// What is counted of it.
    #[must_use]
    pub(crate) fn counted(&self) -> Counted {
        let age = self.vouched.as_ref().map(Vouched::age);
        Counted { scheme: self.scheme, finding: self.finding, age, form: self.form }
    }

    /// The reason to deny a request on a route that requires a signature. Where the provider signs a request whose
    /// parameters its hash cannot cover, the head alone is enough.
    #[must_use]
    pub(crate) fn denial(&self, head_is_enough: bool) -> Option<Reason> {
        match self.finding {
            Finding::Valid => None,
            Finding::ValidHead if head_is_enough => None,
            Finding::ValidHead | Finding::Mismatch => Some(Reason::PayloadMismatch),
            Finding::Unsigned => Some(Reason::Unsigned),
            Finding::UnknownKey => Some(Reason::UnknownKey),
            Finding::Bad | Finding::Malformed => Some(Reason::BadSignature),
            Finding::Stale => Some(Reason::StaleSignature),
        }
    }

    /// The reason for which a route does not forward the request.
    #[must_use]
    pub(crate) fn denial_on(&self, route: &LiveRoute) -> Option<Reason> {
        self.denial(answer_is_read(route)).filter(|_| route.signature.need == Need::Require)
    }
}

/// Whether the sender reads what the application answers on a route.
#[must_use]
pub(crate) fn answer_is_read(route: &LiveRoute) -> bool {
    matches!(route.webhook.spec().answer, AnswerRule::Content { .. })
}

/// The parts of a request that a signature can cover; its target is in origin form.
#[must_use]
pub(crate) fn message<'m>(head: &'m Head, target: &'m [u8], body: &'m [u8]) -> Message<'m> {
    let query = memchr::memchr(b'?', target).map_or(&b""[..], |mark| &target[mark + 1..]);
    Message { method: head.method(), query, content_type: head.values("content-type").next(), body }
}

/// Judges a message as far as its parts are there.
#[must_use]
pub(crate) fn seen(
    rules: &Rules<'_>,
    signed: Signed,
    head: &Head,
    message: Option<&Message<'_>>,
    now: u64,
) -> Seen {
    match (of_head(rules, signed, head, now), message) {
        (OfHead::Settled(judgement), _) => Seen::Judged(judgement),
        (of_head, Some(message)) => Seen::Judged(of_message(rules, of_head, message, now)),
        (of_head, None) => Seen::Open(of_head),
    }
}

/// The oldest token of a stranger that counts: a new range of the provider sends fresh ones.
const FRESH: Duration = Duration::from_secs(300);

/// The reason to deny a client that no list of the route holds. With a good token it is taken for the provider on a new
/// range. The head alone is looked at; nothing is forwarded.
#[must_use]
pub(crate) fn of_stranger(
    snapshot: &Snapshot,
    head: &Head,
    route: Option<&Arc<LiveRoute>>,
    reason: Reason,
) -> Reason {
    let asked = reason == Reason::NotListed
        && snapshot.config.signatures.unlisted == Unlisted::Retry
        && snapshot.config.deny != Deny::Drop;
    let rules = route.filter(|_| asked).and_then(|route| snapshot.signature_rules(route));
    let Some(rules) = rules else { return reason };
    let fresh = Rules { max_age: rules.max_age.min(FRESH), ..rules };
    match vouch(&fresh, now(), |name| head.values(name)) {
        Ok(_) => Reason::SignedStranger,
        Err(_) => reason,
    }
}

/// The present in Unix seconds. A clock before 1970 is taken for 1970: then every signature lies in the future.
#[must_use]
pub(crate) fn now() -> u64 {
    unix_seconds(SystemTime::now())
}

/// Judges the head; `now` is in Unix seconds.
#[must_use]
pub(crate) fn of_head(rules: &Rules<'_>, signed: Signed, head: &Head, now: u64) -> OfHead {
    match vouch(rules, now, |name| head.values(name)) {
        Ok(vouched) => OfHead::Token(vouched),
        Err(fault) if signed == Signed::Parameter => OfHead::Parameters(fault),
        Err(fault) => OfHead::Settled(Judgement::faulty(fault, Scheme::Token, None)),
    }
}

/// Judges the whole message.
#[must_use]
pub(crate) fn of_message(rules: &Rules<'_>, of_head: OfHead, message: &Message<'_>, now: u64) -> Judgement {
    match of_head {
        OfHead::Settled(judgement) => judgement,
        OfHead::Token(vouched) => match payload::bound(&vouched, message) {
            Ok(form) => Judgement {
                finding: form.finding(),
                scheme: Some(Scheme::Token),
                fault: None,
                vouched: Some(vouched),
                form: Some(form),
            },
            Err(fault) => Judgement::faulty(fault, Scheme::Token, Some(vouched)),
        },
        OfHead::Parameters(of_head) => match sms::judge(rules, now, message) {
            Ok((vouched, _)) => Judgement {
                finding: Finding::Valid,
                scheme: Some(Scheme::Parameter),
                fault: None,
                vouched: Some(vouched),
                form: None,
            },
            // There is no parameter `sig`: then it counts what was wrong with the token, if there was one.
            Err(fault) if fault.finding() == Finding::Unsigned => {
                let fault = if of_head.finding() == Finding::Unsigned { fault } else { of_head };
                Judgement::faulty(fault, Scheme::Token, None)
            }
            Err(fault) => Judgement::faulty(fault, Scheme::Parameter, None),
        },
    }
}
