//! The signature of a request that is being served: judged when its head is there, and again with its body.
//!
//! How it is judged is in `judge::signature`. Invariant: no byte of a body is read for a request whose head settles that
//! its signature is not the one that the route requires.

use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;

use crate::gate::Gate;
use crate::gate::delivered::MessageKey;
use crate::gate::request::Request;
use crate::gate::request::context::Context;
use crate::judge::request::Admitted;
use crate::judge::signature::{self, Judgement, OfHead};
use crate::policy::address::addr::Address;
use crate::policy::admission::Mode;
use crate::policy::demand::Repeats;
use crate::policy::outcome::Reason;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::Finding;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::signatures::MANY_IN_A_ROW;
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
        // What only `observe` lets pass is nobody's first delivery.
        let counts = judgement.finding == Finding::Valid && admitted.would_deny.is_none();
        let vouched = judgement.vouched.as_ref().filter(|_| counts);
        let delivered = &self.context.gate.delivered;
        let key =
            vouched.and_then(|vouched| delivered.key(vouched, (&admitted.route.label, target), &message));
        self.settle(admitted, judgement, key, now)
    }

    /// Keeps what was found, and decides by what the route needs.
    fn settle(
        &mut self,
        admitted: &Admitted,
        judgement: Judgement,
        key: Option<MessageKey>,
        now: u64,
    ) -> Result<(), Reason> {
        let route = &admitted.route;
        route.counters.signatures.count(&judgement.counted());
        if let Some(vouched) = &judgement.vouched {
            self.context.snapshot.secrets.count_use(vouched.place(), now);
        }
        if let Some(note) = judgement.note(route) {
            self.record.note(note);
        }
        if let Some(fault) = judgement.fault {
            report_faults(route, fault);
        }
        let denial = judgement.denial_on(route);
        self.record.message_key = key;
        self.record.signature = Some(judgement);
        match denial {
            Some(reason) if self.context.snapshot.config.mode == Mode::Observe => {
                self.record.would_deny.get_or_insert(reason);
                route.counters.count_would_deny();
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
    let in_a_row = route.counters.signatures.in_a_row();
    if in_a_row >= MANY_IN_A_ROW && route.counters.unsigned.note((), Instant::now()).is_some() {
        tracing::warn!(
            route = route.label,
            in_a_row,
            %fault,
            "the last webhooks of this route had no good signature: does the file in signatures.secrets hold the account's signature \
             secret? It is not the API secret. nexmo-gate signature FILE shows the step that fails"
        );
    }
}

/// Reports a client in no list that a secret of the operator's signed for, at most once an hour for each network.
pub(super) fn report_stranger(gate: &Gate, client: Address, route: &LiveRoute) {
    let network = network(client.ip());
    if gate.signed_strangers.note(network, Instant::now()).is_some() {
        tracing::warn!(
            %client,
            %network,
            route = route.label,
            "a sender that no list holds is signed with a secret of signatures.secrets; it heard 503 and will try again. If the \
             provider has a new range, add it to a list of the route"
        );
    }
}

/// What one event stands for: 256 addresses of IPv4, a /48 of IPv6.
fn network(ip: IpAddr) -> IpNet {
    let length = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, length).map_or_else(|_| ip.into(), |network| network.trunc())
}
