//! What the sender of an exchange does now, in words.
//!
//! The rules are the provider's, in `policy::provider`. Invariant: what no document says is told as that.

use crate::policy::outcome::Outcome;
use crate::policy::provider::next::Try;
use crate::policy::provider::tries::Ended;
use crate::state::capture::exchange::Exchange;

/// What the sender does now, in words: by the documents of its webhook, as if this was its first try.
#[must_use]
pub(crate) fn next(exchange: &Exchange) -> String {
    let outcome = exchange.reason.outcome();
    let ended = match (exchange.status, outcome) {
        (_, Outcome::Abandoned) => Ended::TimedOut,
        (Some(status), _) => Ended::Status(status),
        (None, _) => Ended::Closed,
    };
    let Some(webhook) = exchange.webhook else {
        return match exchange.status {
            Some(status) => {
                format!("{status}: no route is for it, so no document says what its sender does now")
            }
            None => "the connection was closed without a reply".to_owned(),
        };
    };
    let outlook = webhook.spec().outlook(Try::first(ended));
    match outcome {
        // It may be anybody.
        Outcome::Denied => format!("If it was {}: {outlook}", webhook.provider().name),
        _ => outlook,
    }
}
