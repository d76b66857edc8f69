//! An exchange in a line: who, what, what was told, how long it took, and what the sender does now.

use std::time::Duration;

use crate::admin::api::exchanges::{Phases, Row};
use crate::admin::inspect::next::next;
use crate::admin::status::rfc3339;
use crate::policy::mask::mode::Mask;
use crate::state::capture::exchange::Exchange;

/// The line.
#[must_use]
pub(crate) fn of(exchange: &Exchange, mask: Mask) -> Row {
    let phases = &exchange.phases;
    Row {
        attempts: exchange.attempts,
        bytes_in: exchange.bytes_in,
        bytes_out: exchange.bytes_out,
        client: exchange.client.map(|client| client.to_string()),
        denied: exchange.is_denied(),
        ended: rfc3339(exchange.ended),
        http: exchange.http.map(str::to_owned),
        list: exchange.listed.as_ref().map(|(list, _)| list.clone()),
        method: mask.text(&String::from_utf8_lossy(&exchange.method)),
        next: next(exchange),
        note: exchange.note.as_deref().map(|note| mask.text(note)),
        number: exchange.number,
        outcome: exchange.reason.outcome().word().to_owned(),
        path: mask.path(&exchange.path),
        peer: exchange.peer.to_string(),
        phases: Phases {
            body_us: phases.body.map(microseconds),
            head_us: phases.head.map(microseconds),
            reply_us: phases.reply.map(microseconds),
            total_us: microseconds(phases.total),
            upstream_us: phases.upstream.map(microseconds),
        },
        prefix: exchange.listed.as_ref().map(|(_, prefix)| prefix.to_string()),
        reason: exchange.reason.word().to_owned(),
        request_id: exchange.request_id.clone(),
        route: exchange.route.clone(),
        signature: exchange.signature.map(|finding| finding.word().to_owned()),
        status: exchange.status,
        tls: exchange.tls,
        upstream_status: exchange.upstream_status,
        webhook: exchange.webhook.map(|webhook| webhook.name().to_owned()),
        would_deny: exchange.would_deny.map(|reason| reason.word().to_owned()),
    }
}

/// A time in whole microseconds.
#[must_use]
pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
