//! The life of an HTTP/1 connection: it reads one head after the other and serves each request.
//!
//! What a request means does not belong here. Invariant: a request is judged and served on one snapshot, loaded when its
//! head is complete; the bounds of the head itself may be those of the one before.

use std::sync::Arc;

use pingora::protocols::Stream;

use crate::gate::Gate;
use crate::gate::http1::head::{self, Arrived, Bounds, NoHead};
use crate::gate::http1::line::Connection;
use crate::gate::request::context::Context;
use crate::gate::request::{self, Next, budgets};
use crate::judge;
use crate::judge::http1::parse::parse;
use crate::judge::http1::stray;
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::request::Judged;
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;
use crate::wire::transport::Transport;

/// Serves a connection to its end. `ahead` holds the bytes that were read from it before.
pub(crate) async fn run(gate: Arc<Gate>, stream: Stream, ahead: Vec<u8>, peer: Peer) {
    let parking = gate.drain.parking();
    let mut view = gate.store.view();
    let mut connection = Connection::new(stream, ahead);
    let mut first = true;
    loop {
        let now = view.load();
        let limits = &now.config.limits;
        let bounds = Bounds {
            size: limits.max_head,
            idle: if first { limits.head_timeout } else { limits.keepalive },
            total: limits.head_timeout,
        };
        let budget = || budgets::of_heads(&gate, now, &peer);
        let Connection { stream, read_buffer, timer, room, .. } = &mut connection;
        let arrived = head::read(stream, read_buffer, timer, bounds, &parking, (room, &budget)).await;
        if arrived.as_ref().is_err_and(|none| *none == NoHead::Over) {
            return;
        }
        first = false;
        // The request is judged and served on this snapshot, even if another one is published meanwhile.
        let snapshot = Arc::clone(view.load());
        match serve(&gate, &snapshot, &peer, &mut connection, arrived).await {
            Next::Serve => {
                connection.settle();
                // A sender may put many unwelcome requests into one packet. Let other tasks run between them.
                if connection.carries_unwelcome() && connection.has_more() {
                    tokio::task::yield_now().await;
                }
            }
            Next::Close => return connection.close().await,
            Next::Linger => return connection.linger().await,
        }
    }
}

/// Serves one request, or logs why there is no complete one.
async fn serve(
    gate: &Gate,
    snapshot: &Snapshot,
    peer: &Peer,
    connection: &mut Connection<'_>,
    arrived: Result<Arrived, NoHead>,
) -> Next {
    let mut received = Received { request_id: gate.ids.next(), ..Received::default() };
    let (began, judged) = match arrived {
        Ok(Arrived { len, began }) => {
            let head = parse(&connection.read_buffer.unread()[..len]);
            let judged = judge::request::judge(snapshot, peer, head, &mut received);
            connection.read_buffer.consume(len);
            // A request that is forwarded is counted again as a message, so this buffer can be given back. A refused
            // one keeps its head, and the room for it, until the reply is written.
            if matches!(judged, Judged::Forward(_)) {
                connection.settle();
            } else {
                connection.read_buffer.release();
            }
            (began, judged)
        }
        Err(NoHead::Refused(reason, began)) => {
            received.note = stray::note(connection.read_buffer.unread());
            (began, judge::request::unserved(snapshot, peer, reason))
        }
        Err(NoHead::BrokenOff(began)) => {
            (began, judge::request::unserved(snapshot, peer, Reason::SenderGone))
        }
        Err(NoHead::Over) => return Next::Close,
    };
    request::serve(Context { gate, snapshot, peer, began }, connection, &received, judged).await
}
