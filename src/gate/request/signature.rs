//! The signature of a request that is being served: judged when its head is there, and again with its body.
//!
//! How it is judged is in `judge::signature`. Invariant: no byte of a body is read for a request whose head settles that
//! its signature is not the one that the route requires.

use std::time::Instant;

use crate::gate::delivered::MessageKey;
use crate::gate::request::Request;
use crate::gate::request::context::Context;
use crate::judge::head::Head;
use crate::judge::request::Admitted;
use crate::judge::signature::{self, Judgement, OfHead, stranger};
use crate::policy::admission::Mode;
use crate::policy::demand::{Repeats, Unlisted};
use crate::policy::outcome::Reason;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::Finding;
use crate::policy::signature::rules::Message;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::signatures::Row;
use crate::wire::transport::Transport;

impl<T: Transport> Request<'_, T> {
    /// Judges the head. `None` when no signature is asked for.
    ///
    /// # Errors
    /// The route requires a signature, and that of this head cannot become a good one.
    pub(super) fn judge_head(&mut self, admitted: &Admitted) -> Result<Option<OfHead>, Reason> {
        let Some(rules) = self.context.snapshot.signature_rules(&admitted.route) else { return Ok(None) };
        let Some(head) = self.received.head.as_ref() else { return Ok(None) };
        let now = signature::now();
        match signature::of_head(&rules, admitted.route.webhook.spec().signed, head, now) {
            OfHead::Settled(judgement) => self.settle(admitted, judgement, None, now).map(|()| None),
            of_head => Ok(Some(of_head)),
        }
    }

    /// Judges the whole message, whose body was read.
    ///
    /// # Errors
    /// The route requires a signature, and this one is not good.
    pub(super) fn judge_body(
        &mut self,
        admitted: &Admitted,
        of_head: OfHead,
        body: &[u8],
    ) -> Result<(), Reason> {
        let Some(rules) = self.context.snapshot.signature_rules(&admitted.route) else { return Ok(()) };
        let Some(head) = self.received.head.as_ref() else { return Ok(()) };
        let target = head.get(admitted.target);
        let message = signature::message(head, target, body);
        let now = signature::now();
        let judgement = signature::of_message(&rules, of_head, &message, now);
        if let Some(reason) = self.record.would_deny {
            let snapshot = self.context.snapshot;
            self.record.would_deny = stranger::would_deny(snapshot, &admitted.route, reason, &judgement);
        }
        // What only `observe` lets pass is nobody's first delivery.
        let key = match admitted.would_deny {
            None => self.key(&admitted.route, &judgement, (head, target), &message),
            Some(_) => None,
        };
        let Context { gate, snapshot, .. } = self.context;
        if snapshot.config.signatures.unlisted == Unlisted::Admit {
            self.under_way = key.and_then(|key| gate.brought.begin(key));
        }
        self.settle(admitted, judgement, key, now)
    }

    /// The key under which a good message is remembered.
    pub(super) fn key(
        &self,
        route: &LiveRoute,
        judgement: &Judgement,
        (head, target): (&Head, &[u8]),
        message: &Message<'_>,
    ) -> Option<MessageKey> {
        let vouched = judgement.vouched.as_ref().filter(|_| judgement.finding == Finding::Valid)?;
        let read_by = signature::read_by(head);
        self.context.gate.delivered.key(vouched, (&route.label, target), (message, read_by))
    }

    /// Keeps what was found, and decides by what the route needs.
    pub(super) fn settle(
        &mut self,
        admitted: &Admitted,
        judgement: Judgement,
        key: Option<MessageKey>,
        now: u64,
    ) -> Result<(), Reason> {
        let route = &admitted.route;
        let counters = &route.counters.signatures;
        match admitted.would_deny {
            None => counters.count(&judgement.counted()),
            Some(_) => counters.count_observed(&judgement.counted()),
        }
        if let Some(vouched) = judgement.vouched.as_ref().filter(|_| judgement.finding.is_good()) {
            self.context.snapshot.secrets.count_use(vouched.place(), now);
        }
        if let Some(note) = judgement.note(route) {
            self.record.note(note);
        }
        if let Some(fault) = judgement.fault.filter(|_| admitted.would_deny.is_none()) {
            report_faults(route, fault);
        }
        let denial = judgement.denial_on(route);
        self.record.message_key = key;
        self.record.signature = Some(judgement);
        match denial {
            Some(reason) if self.context.snapshot.config.mode == Mode::Observe => {
                self.record.would_deny.get_or_insert(reason);
                Ok(())
            }
            Some(reason) => Err(reason),
            None => self.settle_repeat(route),
        }
    }

    /// A message that was delivered before passes with a mark, or its sender is told success again. An answer that the
    /// sender reads can only come from the application.
    fn settle_repeat(&mut self, route: &LiveRoute) -> Result<(), Reason> {
        let Context { gate, snapshot, .. } = self.context;
        if !self.record.message_key.is_some_and(|key| gate.delivered.knows(key)) {
            return Ok(());
        }
        self.record.repeat = true;
        self.record.note("this signed message was delivered before");
        route.counters.signatures.count_repeat();
        let answers = snapshot.config.signatures.repeats == Repeats::Answer;
        if answers && !signature::answer_is_read(route) { Err(Reason::Repeated) } else { Ok(()) }
    }
}

/// Reports a route on which no signature is good any more, at most once an hour.
fn report_faults(route: &LiveRoute, fault: Fault) {
    let Some(row) = route.counters.signatures.row() else { return };
    if route.counters.unsigned.note((), Instant::now()).is_none() {
        return;
    }
    match row {
        Row::Unsigned(in_a_row) => tracing::warn!(
            route = route.label,
            in_a_row,
            %fault,
            "the last {in_a_row} requests of this route had no signature: does the account sign its webhooks?"
        ),
        Row::NotGood(in_a_row) => tracing::warn!(
            route = route.label,
            in_a_row,
            %fault,
            "the last webhooks of this route had no good signature: does the file in signatures.secrets hold the account's signature \
             secret? It is not the API secret. nexmo-gate signature FILE shows the step that fails"
        ),
    }
}
