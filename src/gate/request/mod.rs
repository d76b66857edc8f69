//! Serves one request, from its verdict to its line in the log, the same for every version of HTTP.
//!
//! The steps, in this order: read the body, send the message to the application, decide what its answer becomes, write
//! the reply, emit the event. The decisions themselves are in `policy`. Invariant: whatever happens, one event is
//! emitted and one reason is counted, and the outcome is `delivered` only after the last byte of a success was written.

pub(crate) mod acme;
pub(crate) mod budgets;
pub(crate) mod context;
mod doctor;
#[cfg(debug_assertions)]
mod drill;
pub(crate) mod log;
pub(crate) mod replay;
pub(crate) mod reply;
pub(crate) mod replying;
mod signature;
mod stranger;
mod upstream_head;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use self::context::Context;
use self::log::record::{self, Ending, Record};
use self::reply::Frame;
use crate::gate::brought::UnderWay;
use crate::judge;
use crate::judge::received::Received;
use crate::judge::request::{Admitted, Judged};
use crate::judge::signature::stranger::BY_SIGNATURE;
use crate::policy::admission::Grant;
use crate::policy::delivery::{self, Body};
use crate::policy::outcome::Reason;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::gauges::Gauges;
use crate::upstream::answer::{Answer, Bounds};
use crate::upstream::exchange::{self, Message, UpstreamRequest};
use crate::wire::body;
use crate::wire::budget::Budget;
use crate::wire::shares::Share;
use crate::wire::transport::Transport;

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
    // Off, as a rule: this load is all that a request costs.
    let draft = context.gate.events.capture.begin(context.snapshot.config.limits.buffers);
    let mut request =
        Request { context, transport, received, route: None, under_way: None, record: Record::of(draft) };
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
    /// Keeps the id of its signed message from strangers until it has ended.
    under_way: Option<UnderWay<'a>>,
    record: Record,
}

impl<T: Transport> Request<'_, T> {
    fn emit(&mut self, reason: Reason, status: Option<u16>, bytes_out: u64) {
        let ending = Ending { reason, status, bytes_out };
        self.record.emit(self.context, self.received, self.route.as_deref(), ending);
        if self.record.listed.is_none() {
            self.note_stranger(reason);
        } else {
            self.note_undelivered(reason);
        }
    }

    async fn run(&mut self, judged: Judged) -> Next {
        #[cfg(debug_assertions)]
        crate::gate::request::drill::panic_if_asked(self.received.path());
        // A future that hardly anybody needs does not make that of every request larger.
        if self.context.gate.doctor.is_out()
            && let Some(next) = Box::pin(self.answer_doctor()).await
        {
            return next;
        }
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
            // `judge` never puts a challenge inside a challenge.
            Judged::Gone | Judged::Challenge(..) => {
                self.emit(Reason::SenderGone, None, 0);
                Next::Close
            }
        }
    }

    /// Serves an admitted request.
    async fn forward(&mut self, admitted: &Admitted) -> Next {
        self.note_grant(admitted);
        self.route = Some(Arc::clone(&admitted.route));
        let Context { gate, snapshot, began, .. } = self.context;
        let (client, class) = (admitted.permit.client().address, admitted.class());
        let deadline = began + admitted.route.deadline;
        let mut signature = match self.judge_head(admitted) {
            Ok(signature) => signature,
            Err(reason) => return self.answer_unread(reason).await,
        };
        let mut budget = budgets::of_client(gate, snapshot, client, class);
        let wanted = body::Wanted {
            framing: admitted.framing,
            max: snapshot.config.limits.max_body,
            expects_continue: admitted.expects_continue,
            deadline,
            within: snapshot.config.limits.body_timeout,
        };
        let body = match self.read_body(wanted, &mut budget).await {
            Ok(body) => body,
            Err(reason) => {
                // Give the memory back first: writing the reply takes as long as the sender takes to read it.
                drop(budget);
                return self.answer_here(reason, true).await;
            }
        };
        if let Some(of_head) = signature.take()
            && let Err(reason) = self.judge_body(admitted, of_head, &body)
        {
            drop((body, budget));
            return self.answer_here(reason, false).await;
        }
        self.deliver(admitted, body, deadline, budget).await
    }

    /// Sends a whole message to the application, and replies to its sender.
    async fn deliver(
        &mut self,
        admitted: &Admitted,
        body: Vec<u8>,
        deadline: Instant,
        mut budget: Budget<'_>,
    ) -> Next {
        let Context { gate, snapshot, .. } = self.context;
        let (client, class) = (admitted.permit.client().address, admitted.class());
        let Some(message) = self.message(admitted, body) else {
            // This never happens: an admitted request has a head.
            return self.answer_here(Reason::Internal, false).await;
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
            Grant::Listed { list, entry } => self.record.listed = Some((list, entry)),
            Grant::Signed => self.record.note(BY_SIGNATURE),
            Grant::Observed(denial) => {
                let (snapshot, route) = (self.context.snapshot, &admitted.route);
                let reason = admitted.would_deny.unwrap_or(denial.reason());
                self.record.would_deny = Some(reason);
                let denial = (denial, reason);
                if let Some(note) = judge::reply::note_of_denial(snapshot, self.received, route, denial) {
                    self.record.note(note);
                }
            }
        }
    }

    /// Reads the body.
    async fn read_body(&mut self, wanted: body::Wanted, budget: &mut Budget<'_>) -> Result<Vec<u8>, Reason> {
        // This never fails: an admitted request has a head.
        let head = self.received.head.as_ref().ok_or(Reason::Internal)?;
        // Count the head once, like the body. `memory` doubles `limits.buffers` for what is held twice.
        budget.make_room(head.bytes_len())?;
        let mut body = Vec::new();
        self.transport.read_body(wanted, budget, &mut body).await?;
        self.record.bytes_in = body.len() as u64;
        if let Some(draft) = &mut self.record.draft {
            draft.request_body(&body);
        }
        Ok(body)
    }

    /// Makes the message for the application: the head can be written now that the length of the body is known.
    fn message(&mut self, admitted: &Admitted, body: Vec<u8>) -> Option<Message> {
        let head = self.received.head.as_ref()?;
        let original = admitted.original(self.context.snapshot, self.context.peer, head);
        if let Some(unused) = original.unused {
            self.record.note(unused.to_string());
        }
        let id = self.received.request_id.bytes();
        let signed =
            upstream_head::SignedAs { judgement: self.record.signature.as_ref(), repeat: self.record.repeat };
        let head = upstream_head::write(self.context, head, &original, id, (admitted, signed), body.len());
        if let Some(draft) = &mut self.record.draft {
            draft.forwarded(&head, &admitted.permit);
        }
        Some(Message::new(head, body))
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
            if let Some(draft) = &mut self.record.draft {
                draft.answer(&answer.head_to_http1(), &answer.body);
            }
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
}

/// The number of requests in work, for the drain.
#[must_use]
pub(crate) fn in_flight(gauges: &Gauges) -> u64 {
    gauges.in_flight.load(Relaxed)
}
