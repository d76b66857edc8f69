//! Serves one request, from its verdict to its line in the log, the same for every version of HTTP.
//!
//! The steps, in this order: read the body, send the message to the application, decide what its answer becomes, write
//! the reply, emit the event. The decisions themselves are in `policy`. Invariant: whatever happens, one event is
//! emitted and one reason is counted, and the outcome is `delivered` only after the last byte of a success was written.

pub(crate) mod acme;
pub(crate) mod context;
#[cfg(debug_assertions)]
mod drill;
pub(crate) mod facts;
pub(crate) mod head;
pub(crate) mod intake;
pub(crate) mod log;
pub(crate) mod received;
pub(crate) mod reply;
pub(crate) mod request_id;
mod upstream_head;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use self::context::Context;
use self::intake::{Admitted, Judged, Refusal};
use self::log::record::{self, Ending, Record};
use self::received::Received;
use self::reply::Frame;
use crate::policy::admission::{Deny, Grant};
use crate::policy::delivery::{self, Body};
use crate::policy::outcome::{Outcome, Reason};
use crate::state::snapshot::LiveRoute;
use crate::state::stats::gauges::{Gauges, Phase};
use crate::upstream::answer::{Answer, Bounds};
use crate::upstream::exchange::{self, Message, UpstreamRequest};
use crate::wire::body;
use crate::wire::budget::Budget;
use crate::wire::delivery_check::SenderState;
use crate::wire::shares::Share;
use crate::wire::transport::{Reply, Transport};

/// What happens to the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It serves the next request.
    Serve,
    /// It closes; everything that the sender sent was read.
    Close,
    /// It closes; the sender may still be sending.
    Linger,
}

/// Serves one request that was judged. A panic affects this request only: its sender gets a 503, and the connection
/// closes.
pub(crate) async fn serve<T: Transport>(
    context: Context<'_>,
    transport: &mut T,
    received: &Received,
    judged: Judged,
) -> Next {
    let mut request = Request { context, transport, received, route: None, record: Record::default() };
    // Unwind-safe: after a panic only `record` is read, and it is consistent at every await point.
    match AssertUnwindSafe(request.run(judged)).catch_unwind().await {
        Ok(next) => next,
        Err(_) if request.record.is_written() => Next::Close,
        Err(_) => {
            request.route = None;
            request.answer_here(Reason::Internal, true).await
        }
    }
}

/// A request that is being served.
struct Request<'a, T> {
    context: Context<'a>,
    transport: &'a mut T,
    received: &'a Received,
    /// The route, if the verdict found one.
    route: Option<Arc<LiveRoute>>,
    record: Record,
}

impl<T: Transport> Request<'_, T> {
    fn emit(&mut self, reason: Reason, status: Option<u16>, bytes_out: u64) {
        let ending = Ending { reason, status, bytes_out };
        self.record.emit(self.context, self.received, self.route.as_deref(), ending);
    }

    async fn run(&mut self, judged: Judged) -> Next {
        #[cfg(debug_assertions)]
        crate::gate::request::drill::panic_if_asked(self.received.path());
        let judged = match judged {
            Judged::Challenge(file, otherwise) => match acme::content(file).await {
                Some(content) => return self.answer_challenge(content).await,
                None => *otherwise,
            },
            judged => judged,
        };
        match judged {
            Judged::Forward(admitted) => self.forward(&admitted).await,
            Judged::Refuse(refusal) => self.refuse(refusal).await,
            Judged::Probe => self.answer_probe().await,
            // `intake` never puts a challenge inside a challenge.
            Judged::Gone | Judged::Challenge(..) => {
                self.emit(Reason::SenderGone, None, 0);
                Next::Close
            }
        }
    }

    /// Replies to a certificate authority with the file of a challenge. Nothing is forwarded.
    async fn answer_challenge(&mut self, content: Vec<u8>) -> Next {
        let frame = Frame { to_head: self.received.is_head(), close: self.closes() };
        self.finish(Reason::AcmeChallenge, &reply::challenge(content, frame), false).await
    }

    /// Serves an admitted request.
    async fn forward(&mut self, admitted: &Admitted) -> Next {
        self.note_grant(admitted);
        self.route = Some(Arc::clone(&admitted.route));
        let Context { gate, snapshot, began, .. } = self.context;
        let (client, class) = (admitted.permit.client().address, admitted.class());
        let deadline = began + admitted.route.deadline;
        let mut budget = intake::budget(gate, snapshot, client, class);
        let message = match self.read_message(admitted, deadline, &mut budget).await {
            Ok(message) => message,
            Err(reason) => {
                // Give the memory back first: writing the reply takes as long as the sender takes to read it.
                drop(budget);
                return self.answer_here(reason, true).await;
            }
        };
        // Count the request as in work only now that its message is complete. Otherwise requests whose bodies never
        // come could use up `limits.concurrent_requests`.
        let most = snapshot.config.limits.concurrent_requests as u64;
        let holder = gate.place_shares.holder(client, class);
        let Some(_place) = Share::take(&gate.place_shares, &gate.gauges.in_flight, holder, 1, most) else {
            drop((message, budget));
            return self.answer_here(Reason::Overloaded, false).await;
        };
        let answer = self.ask(admitted, &message, deadline, &mut budget).await;
        drop(message);
        match answer {
            Ok(answer) => self.relay(&admitted.route, &answer).await,
            Err(reason) => self.answer_here(reason, false).await,
        }
    }

    fn note_grant(&mut self, admitted: &Admitted) {
        match admitted.permit.grant() {
            Grant::Listed { list, entry } => {
                self.record.list = Some((list, admitted.route.allow[list].ranges.entries()[entry].prefix));
            }
            Grant::Observed(denial) => {
                self.record.would_deny = Some(denial.reason());
                admitted.route.counters.count_would_deny();
            }
        }
    }

    /// Reads the body, then makes the head for the application.
    async fn read_message(
        &mut self,
        admitted: &Admitted,
        deadline: Instant,
        budget: &mut Budget<'_>,
    ) -> Result<Message, Reason> {
        let limits = &self.context.snapshot.config.limits;
        let wanted = body::Wanted {
            framing: admitted.framing,
            max: limits.max_body,
            expects_continue: admitted.expects_continue,
            deadline,
            within: limits.body_timeout,
        };
        // This never fails: an admitted request has a head.
        let head = self.received.head.as_ref().ok_or(Reason::Internal)?;
        // Count the head once, like the body. `memory` doubles `limits.buffers` for what is held twice.
        budget.make_room(head.bytes_len())?;
        let mut body = Vec::new();
        self.transport.read_body(wanted, budget, &mut body).await?;
        self.record.bytes_in = body.len() as u64;
        let original = upstream_head::original(self.context, head, admitted);
        if let Some(unused) = original.unused {
            self.record.note(unused.to_string());
        }
        let id = self.received.request_id.bytes();
        let head = upstream_head::write(self.context, head, &original, id, admitted, body.len());
        Ok(Message { head, body })
    }

    /// Sends the message to the application and gets its answer, within the deadline of the webhook.
    async fn ask(
        &mut self,
        admitted: &Admitted,
        message: &Message,
        deadline: Instant,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Reason> {
        let Context { gate, snapshot, .. } = self.context;
        let bounds = Bounds { size: snapshot.config.limits.max_response, to_head: self.received.is_head() };
        let (permit, upstream) = (&admitted.permit, &*admitted.route.upstream);
        let request = UpstreamRequest { permit, upstream, message, bounds };
        let exchange = exchange::run(&gate.pools, &gate.gauges, request, budget, &mut self.record.progress);
        let answer = self.transport.timer().until(deadline, exchange).await.unwrap_or(Err(Reason::Deadline));
        self.record.upstream_took = self.record.progress.began.map(|began| began.elapsed());
        if let Some(flaw) = self.record.progress.flaw {
            self.record.note(format!("the application's answer is malformed: {flaw}"));
            record::tell_flaw(&admitted.route, flaw);
        }
        if let Ok(answer) = &answer {
            self.record.upstream_status = Some(answer.status);
            if let Some(took) = self.record.upstream_took {
                admitted.route.counters.time(took);
            }
        }
        answer
    }

    /// Replies to the sender with what the application's answer becomes.
    async fn relay(&mut self, route: &LiveRoute, answer: &Answer) -> Next {
        let verdict = delivery::relay(answer.status, route.rules);
        if let Some(note) = record::note(route, answer, verdict.reason) {
            self.record.note(note);
        }
        if verdict.body == Body::Gate {
            return self.answer_here(verdict.reason, false).await;
        }
        let close = self.exceeds_unwelcome(verdict.reason) || self.closes();
        let frame = Frame { to_head: self.received.is_head(), close };
        let reply = reply::relayed(verdict, answer, frame);
        self.finish(verdict.reason, &reply, false).await
    }

    /// Replies to a request that is not forwarded.
    async fn refuse(&mut self, refusal: Refusal) -> Next {
        self.route = refusal.route;
        // Skip a body that has arrived, so that the connection can be used again. Do not wait for one that has not.
        let skips = refusal.reason.outcome() == Outcome::Denied;
        let skippable = self.received.skippable.filter(|_| skips);
        let unread = !skippable.is_some_and(|length| self.transport.skip_body(length));
        self.answer_here(refusal.reason, unread).await
    }

    /// Replies to a health probe. Probes are counted but not logged, because they come every few seconds and the log is
    /// for the requests of senders.
    async fn answer_probe(&mut self) -> Next {
        let gauges = &self.context.gate.gauges;
        Gauges::add(&gauges.health_probes);
        let status = if gauges.phase() == Phase::Ready { 200 } else { 503 };
        let frame = Frame { to_head: self.received.is_head(), close: self.closes() };
        let reply = reply::own(status, None, frame);
        if self.transport.write(&reply).await && !reply.close { Next::Serve } else { Next::Close }
    }

    /// Sends a reply of the gate's own. The connection closes if part of the request is `unread`.
    async fn answer_here(&mut self, reason: Reason, unread: bool) -> Next {
        if reason.outcome() == Outcome::Denied && self.drops_denied() {
            self.emit(reason, None, 0);
            return Next::Close;
        }
        let exceeded = self.exceeds_unwelcome(reason);
        let status = delivery::own_status(reason, self.context.snapshot.config.deny);
        let webhook = self.route.as_ref().unwrap_or(&self.context.snapshot.unrouted).webhook;
        let allow = (status == 405).then(|| webhook.spec().methods.allow_field());
        let frame = Frame { to_head: self.received.is_head(), close: unread || exceeded || self.closes() };
        let reply = reply::own(status, allow, frame);
        self.finish(reason, &reply, unread).await
    }

    /// Whether a denied request gets no reply. The connection of a trusted proxy may carry requests of other clients,
    /// so there a denial gets a reply.
    fn drops_denied(&self) -> bool {
        self.context.snapshot.config.deny == Deny::Drop && !self.writer_is_trusted()
    }

    fn writer_is_trusted(&self) -> bool {
        self.context.snapshot.trusted.contains(self.context.peer.writer())
    }

    /// Counts the request if it is unwelcome. True when its connection has carried too many of them.
    fn exceeds_unwelcome(&mut self, reason: Reason) -> bool {
        let unwelcome = matches!(reason.outcome(), Outcome::Denied | Outcome::Rejected);
        (unwelcome || self.record.would_deny.is_some())
            && !self.writer_is_trusted()
            && self.transport.unwelcome()
    }

    fn closes(&self) -> bool {
        self.received.close || self.context.gate.drain.has_begun()
    }

    /// Writes the reply, then emits the event.
    async fn finish(&mut self, reason: Reason, reply: &Reply<'_>, unread: bool) -> Next {
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

/// The number of requests in work, for the drain.
#[must_use]
pub(crate) fn in_flight(gauges: &Gauges) -> u64 {
    gauges.in_flight.load(Relaxed)
}
