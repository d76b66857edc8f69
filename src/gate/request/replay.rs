//! A captured request that an operator sends to its application again.
//!
//! It is the message of then, marked, to the upstream of its own route; it is bounded as any delivery is. It is no sender's
//! request: it has no event, counts in no counter of its route and is told by a line of the event log. Invariants: what was
//! not admitted then is not sent now; what is not whole is not sent.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::gate::Gate;
use crate::gate::request::budgets;
use crate::policy::admission::Permit;
use crate::policy::delivery::{self, Body};
use crate::policy::outcome::Reason;
use crate::policy::provider::Webhook;
use crate::policy::provider::spec::AnswerRule;
use crate::state::capture::exchange::Exchange;
use crate::state::capture::replay::{MOST_ORDERS, NotReplayed, Order, Replayed};
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::upstream::answer::Bounds;
use crate::upstream::exchange::{self, Message, Progress, UpstreamRequest};
use crate::wire::shares::{PeerClass, Share};

/// What the application knows a replay by. Nobody else can send it: the gate removes what begins so from every request.
const MARK: &[u8] = b"X-Nexmo-Gate-Replay: 1\r\n";

/// Sends what is ordered, until the process ends.
pub(crate) async fn serve(gate: Arc<Gate>) {
    let Some(mut orders) = gate.events.capture.desk.orders() else { return };
    let turns = Arc::new(Semaphore::new(MOST_ORDERS));
    while let Some(order) = orders.recv().await {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            fill(&gate, order).await;
            drop(turn);
        });
    }
}

/// Sends one, unless who asked has gone.
async fn fill(gate: &Gate, order: Order) {
    let Order { exchange, anyway, mut result } = order;
    let told = tokio::select! {
        () = result.closed() => return,
        told = replay(gate, &exchange, anyway) => told,
    };
    let route = exchange.route.as_deref().unwrap_or_default();
    let (number, request_id) = (exchange.number, exchange.request_id.as_str());
    match &told {
        Ok(told) => tracing::info!(
            number,
            request_id,
            route,
            status = told.status,
            reason = told.reason.word(),
            upstream_status = told.upstream_status,
            "an exchange was sent to its application again"
        ),
        Err(why) => tracing::info!(number, request_id, route, %why, "an exchange was not sent again"),
    }
    // Who asked may have gone.
    let _ = result.send(told);
}

/// What an exchange is sent again with, or why it is not.
fn judge<'e>(
    snapshot: &Snapshot,
    exchange: &'e Exchange,
    anyway: bool,
) -> Result<(Arc<LiveRoute>, &'e Permit), NotReplayed> {
    let parts = &exchange.parts;
    let permit = parts.permit.as_ref().ok_or(NotReplayed::NotForwarded)?;
    if parts.request.body.is_cut() || parts.forwarded.is_cut() {
        return Err(if parts.with_bodies { NotReplayed::Cut } else { NotReplayed::NoBody });
    }
    let label = exchange.route.as_deref().ok_or(NotReplayed::NoRoute)?;
    // A route that is for another webhook now is another route.
    let same = |route: &&Arc<LiveRoute>| route.label == label && Some(route.webhook) == exchange.webhook;
    let route = snapshot.routes.iter().find(same).ok_or(NotReplayed::NoRoute)?;
    if !anyway && is_read(route.webhook) {
        return Err(NotReplayed::AnswerIsRead);
    }
    Ok((Arc::clone(route), permit))
}

/// Whether the sender does what the answer to this webhook says.
fn is_read(webhook: Webhook) -> bool {
    matches!(webhook.spec().answer, AnswerRule::Content { .. })
}

async fn replay(gate: &Gate, exchange: &Exchange, anyway: bool) -> Result<Replayed, NotReplayed> {
    if gate.drain.has_begun() {
        return Err(NotReplayed::Ending);
    }
    let snapshot = gate.store.load();
    let (route, permit) = judge(&snapshot, exchange, anyway)?;
    let began = Instant::now();
    let mut progress = Progress::default();
    let answered = send(gate, &snapshot, &route, (exchange, permit), &mut progress).await;
    let own = |reason| delivery::own_status(reason, snapshot.config.deny, snapshot.config.signatures.failure);
    let (upstream_status, status, reason) = match answered {
        Ok(status) => {
            let verdict = delivery::relay(status, route.rules);
            let told = if verdict.body == Body::Gate { own(verdict.reason) } else { verdict.status };
            (Some(status), told, verdict.reason)
        }
        Err(reason) => (progress.status, own(reason), reason),
    };
    Ok(Replayed { upstream_status, status, reason, took: began.elapsed() })
}

/// Sends the message, and reads the answer for its status alone.
async fn send(
    gate: &Gate,
    snapshot: &Snapshot,
    route: &LiveRoute,
    (captured, permit): (&Exchange, &Permit),
    progress: &mut Progress,
) -> Result<u16, Reason> {
    let limits = &snapshot.config.limits;
    let (client, class) = (permit.client().address, PeerClass::Listed);
    let mut budget = budgets::of_client(gate, snapshot, client, class);
    let (head, body) = (&captured.parts.forwarded.bytes, &captured.parts.request.body.bytes);
    budget.make_room(head.len() + MARK.len() + body.len())?;
    let message = Message::new(marked(head), body.to_vec());
    let holder = gate.place_shares.holder(client, class);
    let most = limits.concurrent_requests as u64;
    let _place =
        Share::take(&gate.place_shares, &gate.gauges.in_flight, holder, 1, most).ok_or(Reason::Overloaded)?;
    let bounds = Bounds { size: limits.max_response, to_head: captured.method == b"HEAD" };
    let request = UpstreamRequest { permit, upstream: &route.upstream, message: &message, bounds };
    let run = exchange::run(&gate.pools, &gate.gauges, request, &mut budget, progress);
    let answer = timeout_at(Instant::now() + route.deadline, run).await.unwrap_or(Err(Reason::Deadline))?;
    Ok(answer.status)
}

/// The head with the mark before its empty line.
fn marked(head: &[u8]) -> Vec<u8> {
    let lines = head.strip_suffix(b"\r\n").unwrap_or(head);
    [lines, MARK, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_the_last_line_of_the_head() {
        let head = marked(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(head, b"POST / HTTP/1.1\r\nHost: a\r\nX-Nexmo-Gate-Replay: 1\r\n\r\n");
    }
}
