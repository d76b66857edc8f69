//! What became of a signature, for reading: every step with its answer, and whose secret fitted.
//!
//! It was judged in [`crate::judge::signature`]; nothing is decided here. Invariant: what a signature says is shown only
//! if it was made by whom it should be.

use crate::admin::api::signature::{SignatureVerdict, StepResult, StepVerdict};
use crate::judge::head::Head;
use crate::judge::request::Admitted;
use crate::judge::signature::stranger::rules;
use crate::judge::signature::{self, Judgement, OfHead, Seen};
use crate::policy::demand::Unlisted;
use crate::policy::outcome::Reason;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::{Finding, Scheme, Step};
use crate::policy::signature::payload::PayloadForm;
use crate::policy::signature::vouch::Vouched;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// What becomes of the signature of a request that was admitted, of which `behind` stands behind its head. `None` where
/// the route asks for none.
pub(super) fn judged(
    snapshot: &Snapshot,
    admitted: &Admitted,
    head: &Head,
    behind: &[u8],
    now: u64,
) -> Option<Seen> {
    let rules = snapshot.signature_rules(&admitted.route)?;
    let body = admitted.framing.body_in(behind);
    let target = head.get(admitted.target);
    let message = body.as_deref().map(|body| signature::message(head, target, body));
    Some(signature::seen(&rules, admitted.route.webhook.spec().signed, head, message.as_ref(), now))
}

/// What is shown of a stranger's signature: only a good one. Of a token alone, the message was not judged.
pub(super) fn of_stranger(judgement: Judgement) -> Option<Seen> {
    match judgement {
        Judgement { finding: Finding::ValidHead, vouched: Some(vouched), form: None, .. } => {
            Some(Seen::Open(OfHead::Token(vouched)))
        }
        judgement => judgement.fault.is_none().then_some(Seen::Judged(judgement)),
    }
}

/// What a good signature would change for a client that no list of the route holds; `None` where it would change nothing.
pub(super) fn of_unlisted(snapshot: &Snapshot, route: &LiveRoute, reason: Reason) -> Option<String> {
    rules(snapshot, route, reason)?;
    let unlisted = snapshot.config.signatures.unlisted;
    let would = match unlisted {
        Unlisted::Admit => "would be admitted",
        // What a list has lost is to be tried again, whoever signs.
        Unlisted::Retry if reason != Reason::JustRemoved => {
            "would hear 503 with Retry-After, and be shown as one that a list may lack"
        }
        Unlisted::Retry | Unlisted::Deny => return None,
    };
    Some(format!("with a good and fresh one it {would} (signatures.unlisted: {})", unlisted.word()))
}

/// What a route asks of signatures, where nothing was judged; `None` where it asks for none.
pub(super) fn asked(snapshot: &Snapshot, route: &LiveRoute) -> Option<SignatureVerdict> {
    snapshot.signature_rules(route).map(|_| needed(route))
}

/// What became of the signature on a route.
pub(super) fn on_route(snapshot: &Snapshot, route: &LiveRoute, seen: &Seen) -> SignatureVerdict {
    let reason = match seen {
        Seen::Judged(judgement) => judgement.denial_on(route).map(|reason| reason.word().to_owned()),
        Seen::Open(_) => None,
    };
    let secret = |place: usize| secret_of(snapshot, place);
    let need = needed(route).need;
    SignatureVerdict { need, reason, ..verdict(seen, route.webhook.spec().signed, secret) }
}

/// Whose the secret at this place of the keyring is, and its file.
pub(crate) fn secret_of(snapshot: &Snapshot, place: usize) -> Option<String> {
    let live = snapshot.secrets.sources.get(place)?;
    let last_good = if live.last_good { " [last good version]" } else { "" };
    Some(format!("{}, {}{last_good}", live.owner(), live.file.file.display()))
}

fn needed(route: &LiveRoute) -> SignatureVerdict {
    SignatureVerdict { need: Some(route.signature.need.word().to_owned()), ..SignatureVerdict::default() }
}

/// What became of a signature; `secret` says in words which one stands at a place of the keyring.
pub(crate) fn verdict(
    seen: &Seen,
    signed: Signed,
    secret: impl Fn(usize) -> Option<String>,
) -> SignatureVerdict {
    match seen {
        Seen::Judged(judgement) => of_judgement(judgement, secret),
        Seen::Open(OfHead::Token(vouched)) => SignatureVerdict {
            scheme: Some(Scheme::Token.word().to_owned()),
            steps: steps(Scheme::Token, |step| before(Scheme::Token, step, Step::Payload)),
            ..said(Some(vouched), secret)
        },
        Seen::Open(_) => {
            let scheme = if signed == Signed::Token { Scheme::Token } else { Scheme::Parameter };
            let steps = steps(scheme, |_| StepResult::NotJudged);
            SignatureVerdict { steps, ..SignatureVerdict::default() }
        }
    }
}

fn of_judgement(judgement: &Judgement, secret: impl Fn(usize) -> Option<String>) -> SignatureVerdict {
    SignatureVerdict {
        fault: judgement.fault.map(|fault| fault.to_string()),
        finding: Some(judgement.finding.word().to_owned()),
        payload_form: judgement.form.map(|form: PayloadForm| form.word().to_owned()),
        scheme: judgement.scheme.map(|scheme| scheme.word().to_owned()),
        steps: match (judgement.scheme, judgement.fault) {
            (Some(scheme), fault) => steps(scheme, |step| result(scheme, step, fault)),
            // It is not signed, in neither way: the first step is the same in both.
            (None, fault) => steps(Scheme::Token, |step| result(Scheme::Token, step, fault))
                .into_iter()
                .take_while(|step| step.result != StepResult::NotJudged)
                .collect(),
        },
        ..said(judgement.vouched.as_ref(), secret)
    }
}

/// What a signature says that was made by whom it should be.
fn said(vouched: Option<&Vouched>, secret: impl Fn(usize) -> Option<String>) -> SignatureVerdict {
    let Some(vouched) = vouched else { return SignatureVerdict::default() };
    let text = |text: Option<&str>| text.map(str::to_owned);
    SignatureVerdict {
        account: text(vouched.account()),
        age_s: Some(vouched.age()),
        application: text(vouched.application()),
        secret: secret(vouched.place()),
        token_id: text(vouched.id()),
        ..SignatureVerdict::default()
    }
}

fn steps(scheme: Scheme, result: impl Fn(Step) -> StepResult) -> Vec<StepVerdict> {
    let verdict = |step: &Step| StepVerdict { question: step.question().to_owned(), result: result(*step) };
    Step::of(scheme).iter().map(verdict).collect()
}

fn result(scheme: Scheme, step: Step, fault: Option<Fault>) -> StepResult {
    match fault.map(Fault::step) {
        None => StepResult::Good,
        Some(failed) if failed == step => StepResult::Failed,
        Some(failed) => before(scheme, step, failed),
    }
}

/// Steps before one that ended the judgement were good.
fn before(scheme: Scheme, step: Step, end: Step) -> StepResult {
    let place = |wanted: Step| Step::of(scheme).iter().position(|one| *one == wanted);
    if place(step) < place(end) { StepResult::Good } else { StepResult::NotJudged }
}
