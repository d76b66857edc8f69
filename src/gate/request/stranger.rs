//! A client that no list of the route holds, and whose signature may be good: its body is read within bounds of its own,
//! and everyone that proved itself is noted.
//!
//! What a proof is worth is decided in `judge::heard`. Invariant: a stranger that proves nothing hears what its head alone
//! would have told it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::gate::hearings::WITHIN;
use crate::gate::request::context::Context;
use crate::gate::request::{Next, Request, budgets};
use crate::judge::heard::{Heard, Said, heard};
use crate::judge::request::{Admitted, Refusal};
use crate::judge::signature::stranger::{Hearing, signed_reason};
use crate::judge::signature::{self, Judgement};
use crate::policy::address::addr::Address;
use crate::policy::demand::Unlisted;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::signature::vouch::Vouched;
use crate::state::secrets::LiveSecret;
use crate::state::snapshot::LiveRoute;
use crate::state::strangers::{Proven, network};
use crate::wire::body::Wanted;
use crate::wire::shares::PeerClass;
use crate::wire::transport::Transport;

/// The note where a message is not forwarded because somebody may have copied it.
const COPY: &str = "a message with its id is under way, was delivered, came to another route, or was signed before the gate started";
/// The note where the signature could not be looked at.
const NOT_HEARD: &str = "its signature was not looked at, because other strangers' were at this moment";

impl<T: Transport> Request<'_, T> {
    /// Reads the body of a stranger, and forwards its message or refuses it as before.
    pub(super) async fn hear(&mut self, hearing: Hearing, refusal: Refusal) -> Next {
        let (gate, snapshot) = (self.context.gate, self.context.snapshot);
        let route = refusal.route.clone();
        let (Some(client), Some(route)) = (self.received.client, route) else {
            return self.refuse_unread(refusal).await;
        };
        // Where there is nothing to read, nobody waits, and there is no place to take.
        let place = (hearing.most > 0).then(|| gate.hearings.take(hearing.has_token(), client));
        if matches!(place, Some(None)) {
            self.record.note(NOT_HEARD);
            return self.refuse_unread(refusal).await;
        }
        let deadline = self.context.began + route.deadline;
        let wanted = Wanted {
            framing: hearing.framing,
            max: hearing.most.min(snapshot.config.limits.max_body),
            expects_continue: hearing.expects_continue,
            deadline,
            within: snapshot.config.limits.body_timeout.min(WITHIN),
        };
        let mut budget = budgets::of_client(gate, snapshot, client, PeerClass::Stranger);
        // Whatever is wrong with its body, it hears no more than a stranger should.
        let Ok(body) = self.read_body(wanted, &mut budget).await else {
            drop(budget);
            return self.refuse_read(refusal, true).await;
        };
        match self.judge_stranger(&route, hearing, refusal.reason, &body) {
            Ok(admitted) => {
                self.note_grant(&admitted);
                self.route = Some(route);
                self.deliver(&admitted, body, deadline, budget).await
            }
            Err(reason) => {
                drop((body, budget));
                self.refuse_read(Refusal { reason, ..refusal }, false).await
            }
        }
    }

    /// Judges the whole message. A stranger may bring a message once: whoever recorded one on its way could bring it to
    /// other routes, which its signature does not cover.
    fn judge_stranger(
        &mut self,
        route: &LiveRoute,
        hearing: Hearing,
        refused: Reason,
        body: &[u8],
    ) -> Result<Admitted, Reason> {
        let (gate, snapshot, peer) = (self.context.gate, self.context.snapshot, self.context.peer);
        let head = self.received.head.as_ref().ok_or(refused)?;
        let target = head.get(hearing.target);
        let (now, said) = (signature::now(), Said { head, target, body, refused });
        let Some(Heard { judgement, verdict }) = heard(snapshot, peer, route, hearing, said, now) else {
            return Err(refused);
        };
        let key = self.key(route, &judgement, (head, target), &signature::message(head, target, body));
        let is_known = key.is_some_and(|key| gate.delivered.knows(key));
        if let (Ok(_), Some(key), false) = (&verdict, key, is_known) {
            // First under way, and then asked for: what is delivered meanwhile is known then.
            self.under_way = gate.brought.take(key);
        }
        let is_new = || key.is_some_and(|key| !gate.delivered.has_id(key.id()));
        let age = judgement.vouched.as_ref().map_or(0, Vouched::age);
        // What another process has delivered is forgotten.
        let is_of_now = now.saturating_add_signed(-age) >= gate.began;
        let admitted = match (verdict, key) {
            (Ok(admitted), Some(_)) if is_known || (self.under_way.is_some() && is_new() && is_of_now) => {
                admitted
            }
            (verdict, key) => {
                let is_good = judgement.fault.is_none();
                self.record.repeat = verdict.is_ok() && key.is_some();
                if self.record.repeat {
                    self.record.note(COPY);
                }
                self.record.signature = Some(judgement).filter(|_| is_good);
                return Err(verdict.err().unwrap_or(signed_reason(refused)));
            }
        };
        self.settle(&admitted, judgement, key, now)?;
        if self.record.repeat {
            // Its first delivery was told success: the application need not see it again from a stranger.
            let read = signature::answer_is_read(route);
            return Err(if read { signed_reason(refused) } else { Reason::Repeated });
        }
        Ok(admitted)
    }

    /// Takes note of a listed sender's message that was not delivered: it will come again, and who recorded it on its way
    /// brings no other message under its id, and is not the one whom it speaks for.
    pub(super) fn note_undelivered(&self, reason: Reason) {
        let Context { gate, snapshot, .. } = self.context;
        let strangers_count = snapshot.config.signatures.unlisted != Unlisted::Deny;
        if reason.outcome() == Outcome::Delivered || !strangers_count {
            return;
        }
        if let Some(key) = self.record.message_key {
            gate.brought.bind(key);
        }
        let vouched = self.record.signature.as_ref().and_then(|judgement| judgement.vouched.as_ref());
        if let (Some(id), Some(client)) =
            (vouched.and_then(|vouched| gate.delivered.id(vouched)), self.received.client)
        {
            gate.brought.is_its(id, client);
        }
    }

    /// Takes note of a client that no list holds, if its signature is a good and fresh one. `reason` is that of its request.
    pub(super) fn note_stranger(&self, reason: Reason) {
        let denied = reason.outcome() == Outcome::Denied;
        let unlisted = matches!(
            self.record.would_deny.or(denied.then_some(reason)),
            None | Some(Reason::SignedStranger | Reason::JustRemoved | Reason::StaleList)
        );
        let (Some(client), Some(route), Some(judgement)) =
            (self.received.client, self.route.as_deref(), &self.record.signature)
        else {
            return;
        };
        // A repeat may be anybody's, who recorded the first one on its way.
        if unlisted && !self.record.repeat && judgement.finding.is_good() {
            note(self.context, client, route, judgement, denied);
        }
    }
}

/// Takes note of a client in no list that a secret of the operator's signed for, and whose request was `denied` or not.
fn note(context: Context<'_>, client: Address, route: &LiveRoute, judgement: &Judgement, denied: bool) {
    let Context { gate, snapshot, .. } = context;
    let Some(vouched) = &judgement.vouched else { return };
    // Who recorded a message on its way may send it from anywhere. So it speaks for the client that brought it first, and
    // for none if it was delivered before, or has no id.
    let Some(id) = gate.delivered.id(vouched) else { return };
    if (denied && gate.delivered.has_id(id)) || !gate.brought.is_its(id, client) {
        return;
    }
    let (place, now) = (vouched.place(), signature::now());
    if denied {
        // That of a request that is forwarded was counted when it was judged.
        snapshot.secrets.count_use(place, now);
    }
    route.counters.signatures.count_stranger();
    let signed_by = snapshot.secrets.sources.get(place).map(LiveSecret::owner).unwrap_or_default();
    let signed_by = signed_by.as_str();
    let proven = Proven { client: client.ip(), signed_by, route: &route.label, now };
    if let Some(networks) = gate.strangers.note(proven) {
        gate.gauges.signed_stranger_networks.store(networks as u64, Relaxed);
    }
    let network = network(client.ip());
    if gate.signed_strangers.note(network, Instant::now()).is_some() {
        tracing::warn!(
            %client,
            %network,
            route = route.label,
            signed_by,
            "a sender that no list holds proved itself by its signature: has the provider a new range? nexmo-gate ranges suggest \
             prints what to add to a list of the route"
        );
    }
}
