//! The signature of a request: judged from its head, and to its end when its body is there.
//!
//! What a signature must be is in `policy::signature`; what becomes of a bad one is decided by what the route needs.
//! [`stranger`] says what a signature does for a client that no list holds.
//! Invariant: a route that requires a signature forwards nothing but what [`Judgement::denial`] lets pass.

pub(crate) mod stranger;

use std::time::SystemTime;

use crate::judge::head::Head;
use crate::policy::demand::Need;
use crate::policy::forward::name::same_name;
use crate::policy::outcome::Reason;
use crate::policy::provider::signing::Signed;
use crate::policy::provider::spec::AnswerRule;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::{Finding, Scheme};
use crate::policy::signature::payload::{self, PayloadForm};
use crate::policy::signature::proof::Proof;
use crate::policy::signature::rules::{Message, Rules};
use crate::policy::signature::sms;
use crate::policy::signature::vouch::{Vouched, vouch};
use crate::state::snapshot::LiveRoute;
use crate::state::stats::signatures::Counted;
use crate::telemetry::timestamp::unix_seconds;

/// What the head shows of a signature.
#[derive(Debug)]
pub(crate) enum OfHead {
    /// The head settles it: nothing that the body can hold makes it good.
    Settled(Judgement),
    /// The token is good, and the body has to be the one that it was made for.
    Token(Vouched),
    /// There is no token, and the parameters may be signed.
    Parameters,
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
    /// Whether it is good and covers all of the message, and there is something to cover.
    pub covers_all: bool,
}

impl Judgement {
    fn faulty(fault: Fault, scheme: Scheme, vouched: Option<Vouched>) -> Self {
        let finding = fault.finding();
        let scheme = (finding != Finding::Unsigned).then_some(scheme);
        Self { finding, scheme, fault: Some(fault), vouched, form: None, covers_all: false }
    }

    /// That of a good token whose message was not looked at.
    fn of_token_alone(vouched: Vouched) -> Self {
        let (finding, scheme) = (Finding::ValidHead, Some(Scheme::Token));
        Self { finding, scheme, fault: None, vouched: Some(vouched), form: None, covers_all: false }
    }

    /// That the holder of a secret made the whole message.
    #[must_use]
    pub(crate) fn proof(&self) -> Option<Proof> {
        Proof::of(self.finding, self.covers_all, self.vouched.as_ref()?)
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
    let is_type = |(name, _): &(&[u8], &[u8])| same_name(name, b"content-type");
    Message {
        method: head.method(),
        query,
        content_type: head.values("content-type").next(),
        has_more_types: head.fields().filter(is_type).count() > 1,
        body,
    }
}

/// The values of the lines that decide how an application reads a message, and for whom it takes it.
pub(crate) fn read_by(head: &Head) -> impl Iterator<Item = &[u8]> {
    ["host", "content-type", "content-encoding"].into_iter().flat_map(|name| head.values(name))
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

/// The present in Unix seconds. A clock before 1970 is taken for 1970: then every signature lies in the future.
#[must_use]
pub(crate) fn now() -> u64 {
    unix_seconds(SystemTime::now())
}

/// Judges the head; `now` is in Unix seconds.
#[must_use]
pub(crate) fn of_head(rules: &Rules<'_>, signed: Signed, head: &Head, now: u64) -> OfHead {
    match vouch(rules, now, |name| head.values(name)) {
        Ok(vouched) => match vouched.payload_hash() {
            Ok(_) => OfHead::Token(vouched),
            Err(fault) => OfHead::Settled(Judgement::faulty(fault, Scheme::Token, Some(vouched))),
        },
        // A request that has a token is judged by it: its application may look at that, and not at the parameters.
        Err(Fault::Unsigned) if signed == Signed::Parameter => OfHead::Parameters,
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
                covers_all: form.covers_all_of(message),
                form: Some(form),
            },
            Err(fault) => Judgement::faulty(fault, Scheme::Token, Some(vouched)),
        },
        OfHead::Parameters => match sms::judge(rules, now, message) {
            Ok((vouched, _)) => Judgement {
                finding: Finding::Valid,
                scheme: Some(Scheme::Parameter),
                fault: None,
                vouched: Some(vouched),
                form: None,
                covers_all: true,
            },
            Err(fault) => Judgement::faulty(fault, Scheme::Parameter, None),
        },
    }
}
