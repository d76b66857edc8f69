//! An event, with the copies of its request, as an exchange that `inspect` shows.
//!
//! It is made only while somebody asked for it. What may be shown of it is decided where it is shown.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::gate::request::log::event::Event;
use crate::policy::provider::Webhook;
use crate::state::capture::Capture;
use crate::state::capture::draft::Draft;
use crate::state::capture::exchange::{Exchange, Phases};

/// An exchange that is being kept.
pub(crate) struct Draught<'d> {
    /// Its copies.
    pub draft: Box<Draft>,
    /// The webhook of its route.
    pub webhook: Option<Webhook>,
    /// The head as it came, written as HTTP/1 writes it; empty if none could be read.
    pub head: &'d [u8],
}

/// Keeps the exchange of an event.
pub(super) fn keep(capture: &Capture, event: &Event<'_>, draught: Draught<'_>) {
    let Draught { draft, webhook, head } = draught;
    let (phases, room) = (phases(event, &draft), draft.room);
    let Some((parts, charge)) = draft.finish(head) else { return };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let exchange = Exchange {
        // The ring gives it one.
        number: 0,
        ended: event.ended.unwrap_or_else(SystemTime::now),
        request_id: text(event.request_id),
        client: event.client,
        peer: event.peer,
        listed: event.list.map(str::to_owned).zip(event.prefix),
        route: event.route.map(str::to_owned),
        webhook,
        method: event.method.to_vec(),
        path: event.path.to_vec(),
        reason: event.reason,
        would_deny: event.would_deny,
        status: event.status,
        upstream_status: event.upstream_status,
        attempts: event.attempts,
        bytes_in: event.bytes_in,
        bytes_out: event.bytes_out,
        phases,
        signature: event.signature.map(|signed| signed.finding),
        tls: event.tls,
        http: event.http,
        note: event.note.map(str::to_owned),
        parts,
        charge,
    };
    capture.keep(exchange, room);
}

fn phases(event: &Event<'_>, draft: &Draft) -> Phases {
    let end = event.began + event.duration;
    let since = |from: Instant, to: Instant| -> Duration { to.saturating_duration_since(from) };
    let (judged, read) = (Instant::from_std(draft.judged), draft.read.map(Instant::from_std));
    Phases {
        head: Some(since(event.began, judged)),
        body: read.map(|read| since(judged, read)),
        upstream: event.upstream,
        reply: draft.decided.map(|decided| since(Instant::from_std(decided), end)),
        total: event.duration,
    }
}
