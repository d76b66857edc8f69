//! The reply to a request: one of the gate's own or a relayed one, written once, and the event after it.
//!
//! What the reply is was decided before, in `judge` and in `policy`. Invariant: one event per request, emitted after the
//! last byte of its reply was written, or when it is certain that it cannot be.

use std::time::Instant;

use crate::gate::request::context::Context;
use crate::gate::request::reply::{self, Frame};
use crate::gate::request::{Next, Request};
use crate::judge;
use crate::judge::request::Refusal;
use crate::policy::delivery::is_of_signature;
use crate::policy::outcome::{Outcome, Reason};
use crate::state::stats::gauges::{Gauges, Phase};
use crate::wire::delivery_check::SenderState;
use crate::wire::transport::{Reply, Transport};

/// How many unwelcome requests (denied, rejected, or admitted only by `mode: observe`) a connection may carry before it
/// is closed. The connection of a trusted proxy carries requests of many clients and is not closed for them.
pub(crate) const MOST_UNWELCOME: u32 = 16;

impl<T: Transport> Request<'_, T> {
    /// Replies to a certificate authority with the file of a challenge. Nothing is forwarded.
    pub(super) async fn answer_challenge(&mut self, content: Vec<u8>) -> Next {
        let frame = Frame { to_head: self.received.is_head(), close: self.closes() };
        self.finish(Reason::AcmeChallenge, &reply::challenge(content, frame), false).await
    }

    /// Replies to a request that is not forwarded, unless its body proves that it is to be.
    pub(super) async fn refuse(&mut self, mut refusal: Refusal) -> Next {
        match refusal.hearing.take() {
            // A future that hardly anybody needs does not make that of every request larger.
            Some(hearing) => Box::pin(self.hear(*hearing, refusal)).await,
            None => self.refuse_unread(refusal).await,
        }
    }

    /// Replies to a request that is not forwarded and whose body was not read.
    pub(super) async fn refuse_unread(&mut self, refusal: Refusal) -> Next {
        let reason = self.note_refusal(refusal);
        self.answer_unread(reason).await
    }

    /// The same for one whose body was read, to its end or not.
    pub(super) async fn refuse_read(&mut self, refusal: Refusal, unread: bool) -> Next {
        let reason = self.note_refusal(refusal);
        self.answer_noted(reason, unread).await
    }

    fn note_refusal(&mut self, refusal: Refusal) -> Reason {
        if let Some(note) = judge::reply::note_of_refusal(self.context.snapshot, self.received, &refusal) {
            self.record.note(note);
        }
        self.route = refusal.route;
        if let Some(judgement) = refusal.judgement {
            self.record.signature = Some(*judgement);
        }
        refusal.reason
    }

    /// Sends a reply of the gate's own to a request whose body was not read. A body that has arrived is skipped, so that
    /// the connection can be used again. One that has not is not waited for.
    pub(super) async fn answer_unread(&mut self, reason: Reason) -> Next {
        let skips = reason.outcome() == Outcome::Denied;
        let skippable = self.received.skippable.filter(|_| skips);
        let unread = !skippable.is_some_and(|length| self.transport.skip_body(length));
        self.answer_noted(reason, unread).await
    }

    /// Replies to a health probe. Probes are counted but not logged, because they come every few seconds and the log is
    /// for the requests of senders.
    pub(super) async fn answer_probe(&mut self) -> Next {
        let gauges = &self.context.gate.gauges;
        Gauges::add(&gauges.health_probes);
        let status = if gauges.phase() == Phase::Ready { 200 } else { 503 };
        let frame = Frame { to_head: self.received.is_head(), close: self.closes() };
        let reply = reply::own(status, None, frame);
        if self.transport.write(&reply).await && !reply.close { Next::Serve } else { Next::Close }
    }

    /// Sends a reply of the gate's own. The connection closes if part of the request is `unread`.
    pub(super) async fn answer_here(&mut self, reason: Reason, unread: bool) -> Next {
        // What is wrong with a signature was noted when it was judged.
        if !is_of_signature(reason)
            && let Some(note) = judge::reply::note(self.context.snapshot, self.received, reason)
        {
            self.record.note(note);
        }
        self.answer_noted(reason, unread).await
    }

    /// The same where the note has been taken.
    async fn answer_noted(&mut self, reason: Reason, unread: bool) -> Next {
        let Context { snapshot, peer, .. } = self.context;
        let Some(status) = judge::reply::status(snapshot, peer, reason) else {
            self.emit(reason, None, 0);
            return Next::Close;
        };
        let exceeded = self.exceeds_unwelcome(reason);
        let webhook = self.route.as_ref().unwrap_or(&self.context.snapshot.unrouted).webhook;
        let allow = (status == 405).then(|| webhook.spec().methods.allow_field());
        let frame = Frame { to_head: self.received.is_head(), close: unread || exceeded || self.closes() };
        let reply = reply::own(status, allow, frame);
        self.finish(reason, &reply, unread).await
    }

    pub(super) fn writer_is_trusted(&self) -> bool {
        self.context.snapshot.trusted.contains(self.context.peer.writer())
    }

    /// Counts the request if it is unwelcome. True when its connection has carried too many of them.
    pub(super) fn exceeds_unwelcome(&mut self, reason: Reason) -> bool {
        let unwelcome = matches!(reason.outcome(), Outcome::Denied | Outcome::Rejected);
        (unwelcome || self.record.would_deny.is_some())
            && !self.writer_is_trusted()
            && self.transport.count_unwelcome()
    }

    pub(super) fn closes(&self) -> bool {
        self.received.close || self.context.gate.drain.has_begun()
    }

    /// Writes the reply, then emits the event.
    pub(super) async fn finish(&mut self, reason: Reason, reply: &Reply<'_>, unread: bool) -> Next {
        if let Some(draft) = &mut self.record.draft {
            draft.reply(&reply.to_http1());
        }
        let sender = self.transport.sender();
        // A denied request or a challenge never counts as abandoned, because no message is lost with it. So it does not
        // matter whether its reply was acknowledged.
        let never_abandoned = matches!(reason.outcome(), Outcome::Denied | Outcome::Served);
        let mut written = sender != SenderState::Gone && self.transport.write(reply).await;
        if written && sender == SenderState::Closed && !never_abandoned {
            written = self.transport.was_taken().await;
        }
        if !written {
            let reason = if never_abandoned { reason } else { Reason::SenderGone };
            self.emit(reason, None, 0);
            return Next::Close;
        }
        if reason.outcome() == Outcome::Delivered
            && let Some(key) = self.record.message_key
        {
            let Context { gate, snapshot, .. } = self.context;
            gate.delivered.remember(key, snapshot.config.signatures.max_age, Instant::now());
        }
        let bytes_out = self.transport.body_sent(reply);
        self.emit(reason, Some(reply.status), bytes_out);
        // A sender that closed its side sends no further request.
        let close = reply.close || (sender == SenderState::Closed && !self.transport.has_more());
        match (close, unread) {
            (_, true) => Next::Linger,
            (true, false) => Next::Close,
            (false, false) => Next::Serve,
        }
    }
}
