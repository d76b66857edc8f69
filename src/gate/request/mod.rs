//! One request, from its head to its line in the log.
//!
//! The story of this program, top to bottom: judge, read the body, ask the upstream, judge its answer,
//! tell the sender, write it down. Invariant: whatever happens, one event is logged and one reason is
//! counted, and the outcome `delivered` is only ever given after the last byte of a success was written.

pub mod access_log;
pub mod acme;
pub mod context;
#[cfg(debug_assertions)]
mod drill;
pub mod facts;
pub mod intake;
pub mod log_limiter;
pub mod record;
pub mod reply;
pub mod request_id;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::gate::request::context::Context;
use crate::gate::request::intake::{Admitted, LogFields, Refusal};
use crate::gate::request::record::{Ending, Record};
use crate::gate::request::reply::Frame;
use crate::policy::admission::{Deny, Grant};
use crate::policy::delivery::{self, Body};
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::text;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::gauges::{Gauges, Phase};
use crate::upstream::answer::{Answer, Bounds};
use crate::upstream::exchange::{self, UpstreamRequest};
use crate::wire::body::{self, Framing};
use crate::wire::budget::Budget;
use crate::wire::delivery_check::SenderState;
use crate::wire::shares::{PeerClass, Share};
use crate::wire::transport::{Reply, Transport};

/// What happens to the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It serves another one.
    Serve,
    /// It closes; everything that was sent has been read.
    Close,
    /// It closes; the sender may still be sending.
    Linger,
}

/// Serves one request that was judged. A panic on the way is this request's alone: its sender is told
/// 503, and the connection ends.
pub async fn serve<W: Transport>(
    scene: Context<'_>,
    line: &mut W,
    seen: LogFields,
    judged: Result<Admitted, Refusal>,
) -> Next {
    let mut request = Request { scene, line, seen, record: Record::default() };
    // Nothing of the request is looked at again but what the log says, which is whole at any time.
    match AssertUnwindSafe(request.story(judged)).catch_unwind().await {
        Ok(next) => next,
        Err(_) if request.record.is_written() => Next::Close,
        Err(_) => request.answer_here(None, Reason::Internal, true).await,
    }
}

/// A request under way.
struct Request<'a, W> {
    scene: Context<'a>,
    line: &'a mut W,
    seen: LogFields,
    record: Record,
}

impl<W: Transport> Request<'_, W> {
    fn write_down(
        &mut self,
        route: Option<&Arc<LiveRoute>>,
        reason: Reason,
        status: Option<u16>,
        bytes_out: u64,
    ) {
        self.record.write(self.scene, &self.seen, route, Ending { reason, status, bytes_out });
    }

    async fn story(&mut self, judged: Result<Admitted, Refusal>) -> Next {
        #[cfg(debug_assertions)]
        crate::gate::request::drill::panic_if_asked(&self.seen.path);
        if let Some(file) = self.seen.challenge.take()
            && let Some(content) = acme::content(file).await
        {
            return self.answer_challenge(content).await;
        }
        match judged {
            Ok(ticket) => self.forward(ticket).await,
            Err(_) if self.seen.probe => self.answer_probe().await,
            Err(refusal) => self.refuse(refusal).await,
        }
    }

    /// A certificate authority asks for the proof of a name; that it asks is nobody's message.
    async fn answer_challenge(&mut self, content: Vec<u8>) -> Next {
        let frame = Frame { to_head: self.seen.method == b"HEAD", close: self.closes() };
        self.finish(None, Reason::AcmeChallenge, &reply::challenge(content, frame), false).await
    }

    /// The way of an admitted request.
    async fn forward(&mut self, mut ticket: Admitted) -> Next {
        let gate = self.scene.gate;
        let route = Arc::clone(&ticket.route);
        self.note_grant(&ticket);
        let snapshot = self.scene.snapshot;
        let (client, standing) = (ticket.permit.client().address, standing(&ticket));
        let deadline = self.scene.began + route.deadline;
        let mut budget = intake::budget(gate, snapshot, client, standing);
        let mut message = std::mem::take(&mut ticket.head);
        let read = match budget.make_room(message.len()) {
            Ok(()) => self.read_body(&ticket, deadline, &mut budget, &mut message).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = read {
            // Answering may take as long as its sender likes to read: nothing is held meanwhile.
            drop((message, budget));
            return self.fail(&route, reason).await;
        }
        // Only a whole message takes a place among those in work: one that is announced and never comes takes none.
        let most = snapshot.config.limits.concurrent_requests as u64;
        let holder = gate.place_shares.holder(client, standing);
        let Some(_place) = Share::take(&gate.place_shares, &gate.gauges.in_flight, holder, 1, most) else {
            drop((message, budget));
            return self.answer_here(Some(&route), Reason::Overloaded, false).await;
        };
        let answer = self.ask(&ticket, &message, deadline, &mut budget).await;
        drop(message);
        match answer {
            Ok(answer) => self.relay(&route, &ticket, &answer).await,
            Err(reason) => self.answer_here(Some(&route), reason, false).await,
        }
    }

    fn note_grant(&mut self, ticket: &Admitted) {
        match ticket.permit.grant() {
            Grant::Listed { list, entry } => {
                self.record.list = Some((list, ticket.route.allow[list].ranges.entries()[entry].prefix));
            }
            Grant::Observed(denial) => {
                self.record.would_deny = Some(denial.reason());
                ticket.route.counters.count_would_deny();
            }
        }
    }

    /// Completes the message: Content-Length, the empty line, the body.
    async fn read_body(
        &mut self,
        ticket: &Admitted,
        deadline: Instant,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let limits = &self.scene.snapshot.config.limits;
        let wanted = body::Wanted {
            framing: ticket.framing,
            max: limits.max_body,
            expects_continue: ticket.expects_continue,
            deadline,
            within: limits.body_timeout,
        };
        if ticket.framing == Framing::Chunked {
            let mut decoded = Vec::new();
            self.line.read_body(wanted, budget, &mut decoded).await?;
            end_head(message, decoded.len() as u64, true);
            message.extend_from_slice(&decoded);
            self.record.bytes_in = decoded.len() as u64;
        } else {
            let length = ticket.framing.announced().unwrap_or(0);
            end_head(message, length, ticket.announces_body);
            self.line.read_body(wanted, budget, message).await?;
            self.record.bytes_in = length;
        }
        Ok(())
    }

    /// The exchange with the upstream, under the webhook's deadline.
    async fn ask(
        &mut self,
        ticket: &Admitted,
        message: &[u8],
        deadline: Instant,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Reason> {
        let gate = self.scene.gate;
        let bounds = Bounds { size: self.scene.snapshot.config.limits.max_response, to_head: ticket.is_head };
        let errand = UpstreamRequest { upstream: &ticket.route.upstream, message, bounds };
        let progress = &mut self.record.progress;
        let exchange = exchange::run(&gate.pools, &gate.gauges, &ticket.permit, errand, budget, progress);
        let answer = self.line.timer().until(deadline, exchange).await.unwrap_or(Err(Reason::Deadline));
        self.record.upstream_took = self.record.progress.began.map(|began| began.elapsed());
        if let Ok(answer) = &answer {
            self.record.upstream_status = Some(answer.status);
            if let Some(took) = self.record.upstream_took {
                ticket.route.counters.time(took);
            }
        }
        answer
    }

    /// Tells the sender what the upstream's answer means.
    async fn relay(&mut self, route: &Arc<LiveRoute>, ticket: &Admitted, answer: &Answer) -> Next {
        let verdict = delivery::relay(answer.status, route.rules);
        self.record.note = record::note(route, answer, verdict.reason);
        if verdict.body == Body::Gate {
            return self.answer_here(Some(route), verdict.reason, false).await;
        }
        let close = self.wearies(verdict.reason) || self.closes();
        let frame = Frame { to_head: ticket.is_head, close };
        let reply = reply::relayed(verdict, answer, frame);
        self.finish(Some(route), verdict.reason, &reply, false).await
    }

    /// The way of a request that is not forwarded.
    async fn refuse(&mut self, refusal: Refusal) -> Next {
        if refusal.reason == Reason::SenderGone {
            self.write_down(None, Reason::SenderGone, None, 0);
            return Next::Close;
        }
        // A body that is here already is read over; one that is not is not waited for.
        let skips = refusal.reason.outcome() == Outcome::Denied;
        let unread = !(skips && self.seen.skippable.is_some_and(|length| self.line.skip_body(length)));
        self.answer_here(refusal.route.as_ref(), refusal.reason, unread).await
    }

    /// A probe learns whether this gate wants more requests. It is counted and not logged: the log is for
    /// what senders do, and probes come every few seconds.
    async fn answer_probe(&mut self) -> Next {
        let gauges = &self.scene.gate.gauges;
        Gauges::add(&gauges.health_probes);
        let status = if gauges.phase() == Phase::Ready { 200 } else { 503 };
        let frame = Frame { to_head: self.seen.method == b"HEAD", close: self.closes() };
        let reply = reply::own(status, None, frame);
        if self.line.write(&reply).await && !reply.close { Next::Serve } else { Next::Close }
    }

    /// An admitted request that failed before its body was read.
    async fn fail(&mut self, route: &Arc<LiveRoute>, reason: Reason) -> Next {
        self.answer_here(Some(route), reason, true).await
    }

    /// An answer of the gate's own. With `unread` bytes of the request outstanding the connection ends.
    async fn answer_here(&mut self, route: Option<&Arc<LiveRoute>>, reason: Reason, unread: bool) -> Next {
        if reason.outcome() == Outcome::Denied && self.hangs_up() {
            self.write_down(route, reason, None, 0);
            return Next::Close;
        }
        let wearies = self.wearies(reason);
        let status = delivery::own_status(reason, self.scene.snapshot.config.deny);
        let webhook = route.unwrap_or(&self.scene.snapshot.unrouted).webhook;
        let allow = (status == 405).then(|| webhook.spec().methods.allow_field());
        let frame = Frame { to_head: self.seen.method == b"HEAD", close: unread || wearies || self.closes() };
        let reply = reply::own(status, allow, frame);
        self.finish(route, reason, &reply, unread).await
    }

    /// Whether a denial is silence here. A connection that a trusted proxy writes may carry others' requests: there it
    /// is an answer.
    fn hangs_up(&self) -> bool {
        self.scene.snapshot.config.deny == Deny::Drop
            && !self.scene.snapshot.trusted.contains(self.scene.peer.writer())
    }

    /// Whether this request is one too many of those that were not welcome on its connection.
    fn wearies(&mut self, reason: Reason) -> bool {
        let unwelcome = matches!(reason.outcome(), Outcome::Denied | Outcome::Rejected);
        (unwelcome || self.record.would_deny.is_some())
            && !self.scene.snapshot.trusted.contains(self.scene.peer.writer())
            && self.line.unwelcome()
    }

    fn closes(&self) -> bool {
        self.seen.close || self.scene.gate.drain.has_begun()
    }

    /// Writes the answer, then the log.
    async fn finish(
        &mut self,
        route: Option<&Arc<LiveRoute>>,
        reason: Reason,
        reply: &Reply<'_>,
        unread: bool,
    ) -> Next {
        let sender = self.line.sender();
        // Without a message there is none to abandon, and whether the answer was taken matters to nobody.
        let none = matches!(reason.outcome(), Outcome::Denied | Outcome::Served);
        let mut written = sender != SenderState::Gone && self.line.write(reply).await;
        if written && sender == SenderState::Closed && !none {
            written = self.line.was_taken().await;
        }
        if !written {
            let reason = if none { reason } else { Reason::SenderGone };
            self.write_down(route, reason, None, 0);
            return Next::Close;
        }
        self.write_down(route, reason, Some(reply.status), reply.body.len() as u64);
        // A sender that closed its side has nothing more to ask.
        let close = reply.close || (sender == SenderState::Closed && !self.line.has_more());
        match (close, unread) {
            (_, true) => Next::Linger,
            (true, false) => Next::Close,
            (false, false) => Next::Serve,
        }
    }
}

/// As whom a client counts: one that only `mode: observe` let pass is a stranger.
fn standing(ticket: &Admitted) -> PeerClass {
    match ticket.permit.grant() {
        Grant::Listed { .. } => PeerClass::Listed,
        Grant::Observed(_) => PeerClass::Stranger,
    }
}

fn end_head(message: &mut Vec<u8>, length: u64, announced: bool) {
    if announced || length > 0 {
        message.extend_from_slice(b"Content-Length: ");
        text::decimal(message, length);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
}

/// Open requests of the process, for the end of it.
#[must_use]
pub fn in_flight(gauges: &Gauges) -> u64 {
    gauges.in_flight.load(Relaxed)
}
