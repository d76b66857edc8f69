//! What becomes of one request: by its verdict, and by its signature.
//!
//! Nothing is decided here that serving does not decide by the same functions.

use std::borrow::Cow;
use std::path::Path;

use crate::admin::api::explanation::{RouteVerdict, Verdict};
use crate::admin::explain::question::{Question, Subject};
use crate::admin::explain::verdict::{WhoAsks, granted, refusal};
use crate::admin::explain::{head, signature};
use crate::judge::heard::{Heard, Said, heard};
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::reply;
use crate::judge::request::{Admitted, Judged, Refusal};
use crate::judge::signature::Seen;
use crate::judge::signature::stranger::{BY_SIGNATURE, would_deny};
use crate::policy::admission::{Grant, Mode};
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;
use crate::wire::body::Framing;

/// Whether a file is there; `None` where nobody may wait for its file system, as on the threads that serve.
pub(crate) type Exists = fn(&Path) -> Option<bool>;

/// A request, and who it is of.
#[derive(Clone, Copy)]
pub(super) struct Request<'q> {
    pub snapshot: &'q Snapshot,
    pub peer: &'q Peer,
    pub client: &'q WhoAsks,
    pub received: &'q Received,
    pub question: &'q Question,
}

impl Request<'_> {
    /// What becomes of it.
    pub(super) fn verdict(self, judged: Judged, exists: Exists, now: u64) -> RouteVerdict {
        let client = self.client;
        match judged {
            Judged::Forward(admitted) => self.admitted(&admitted, now),
            Judged::Refuse(refused) => self.refused(refused, now),
            Judged::Probe => RouteVerdict {
                verdict: Verdict::Served,
                note: Some("a health probe: 200 while the gate is ready, else 503".to_owned()),
                ..refusal(None, Reason::Success, client)
            },
            Judged::Challenge(file, otherwise) => {
                let otherwise = self.verdict(*otherwise, exists, now);
                let note =
                    |text: &str| Some(format!("an ACME challenge: {} is the answer{text}", file.display()));
                match exists(&file) {
                    Some(false) => otherwise,
                    Some(true) => RouteVerdict {
                        verdict: Verdict::Served,
                        note: note(""),
                        ..refusal(None, Reason::AcmeChallenge, client)
                    },
                    None => RouteVerdict { note: note(", if it is there"), ..otherwise },
                }
            }
            Judged::Gone => RouteVerdict {
                note: Some("the request is not complete: it ends before its head does".to_owned()),
                ..refusal(None, Reason::SenderGone, client)
            },
        }
    }

    /// What becomes of one that the lists refuse. The body of a stranger may prove more.
    fn refused(self, mut refused: Refusal, now: u64) -> RouteVerdict {
        let Self { snapshot, client, received, .. } = self;
        let mut notes = Vec::new();
        let mut seen = refused.judgement.take().and_then(|judgement| signature::of_stranger(*judgement));
        if let (Some(hearing), Some(route), Some(head)) =
            (refused.hearing.take(), refused.route.clone(), &received.head)
        {
            let said = Said { head, target: head.get(hearing.target), body: &[], refused: refused.reason };
            match self.body(hearing.framing) {
                Some(body) => {
                    match heard(snapshot, self.peer, &route, *hearing, Said { body: &body, ..said }, now) {
                        Some(Heard { verdict: Ok(admitted), .. }) => return self.admitted(&admitted, now),
                        Some(Heard { verdict: Err(reason), judgement }) => {
                            refused.reason = reason;
                            seen = signature::of_stranger(judgement);
                        }
                        None => {}
                    }
                }
                None => notes.push("its body is read, and may prove who sent it".to_owned()),
            }
        }
        let route = refused.route.as_deref();
        notes.extend(reply::note_of_refusal(snapshot, received, &refused).map(Into::into));
        // What it has shown itself is told in the signature.
        let unproven = route.filter(|_| seen.is_none() && refused.reason != Reason::SignedStranger);
        let with_signature =
            unproven.and_then(|route| signature::of_unlisted(snapshot, route, refused.reason));
        RouteVerdict {
            note: Some(notes.join("; ")).filter(|note| !note.is_empty()),
            signature: route.zip(seen).map(|(route, seen)| signature::on_route(snapshot, route, &seen)),
            status: reply::status(snapshot, self.peer, refused.reason),
            with_signature,
            ..refusal(route, refused.reason, client)
        }
    }

    /// The body, if it is known.
    fn body(self, framing: Framing) -> Option<Cow<'static, [u8]>> {
        match &self.question.subject {
            Subject::Raw(bytes) => {
                framing.body_in(head::behind(bytes)).map(|body| Cow::Owned(body.into_owned()))
            }
            _ => (framing == Framing::None).then_some(Cow::Borrowed(&[])),
        }
    }

    /// What becomes of one that the lists admit, by its signature.
    fn admitted(self, admitted: &Admitted, now: u64) -> RouteVerdict {
        let Self { snapshot, client, received, .. } = self;
        let (route, head) = (&admitted.route, received.head.as_ref());
        let seen = match (&self.question.subject, head) {
            (Subject::Raw(bytes), Some(head)) => {
                signature::judged(snapshot, admitted, head, head::behind(bytes), now)
            }
            _ => None,
        };
        let granted = granted(client, route, admitted.permit.grant());
        let (verdict, denied) = match (admitted.permit.grant(), admitted.would_deny) {
            (Grant::Observed(denial), Some(reason)) => {
                let note = reply::note_of_denial(snapshot, received, route, (denial, reason));
                let why = match &seen {
                    Some(Seen::Judged(judgement)) => would_deny(snapshot, route, reason, judgement),
                    _ => Some(reason),
                };
                let verdict = if why.is_some() { Verdict::WouldDeny } else { Verdict::Admitted };
                let reason = why.map(|reason| reason.word().to_owned());
                (RouteVerdict { reason, verdict, ..granted }, note)
            }
            (Grant::Signed, _) => (granted, Some(BY_SIGNATURE.into())),
            _ => (granted, None),
        };
        let signature = match &seen {
            Some(seen) => Some(signature::on_route(snapshot, route, seen)),
            None => signature::asked(snapshot, route),
        };
        let (fault, reason) = match &seen {
            Some(Seen::Judged(judgement)) => (judgement.note(route), judgement.denial_on(route)),
            _ => (None, None),
        };
        let verdict = match reason {
            Some(reason) => self.denied(verdict, reason),
            None => verdict,
        };
        let original = head.map(|head| admitted.original(snapshot, self.peer, head));
        let unused = original.and_then(|original| original.unused).map(|unused| unused.to_string());
        let unused = unused.filter(|_| verdict.verdict != Verdict::Denied);
        let notes: Vec<String> = denied.map(Into::into).into_iter().chain(fault).chain(unused).collect();
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        RouteVerdict { note, signature, ..verdict }
    }

    /// What its signature makes of a request that the lists admit.
    fn denied(self, verdict: RouteVerdict, reason: Reason) -> RouteVerdict {
        if self.snapshot.config.mode == Mode::Observe {
            // What the lists say of it was first.
            let reason = verdict.reason.or(Some(reason.word().to_owned()));
            return RouteVerdict { verdict: Verdict::WouldDeny, reason, ..verdict };
        }
        let status = reply::status(self.snapshot, self.peer, reason);
        let reason = Some(reason.word().to_owned());
        RouteVerdict { verdict: Verdict::Denied, reason, status, ..verdict }
    }
}
