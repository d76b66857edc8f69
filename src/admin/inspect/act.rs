//! What changes something: keeping exchanges for a time, ending that, and sending one again.

use std::time::Instant;

use crate::admin::AdminContext;
use crate::admin::api::exchanges::{Replayed, Switched};
use crate::admin::inspect::query::Query;
use crate::admin::inspect::row::microseconds;
use crate::admin::inspect::{NotThere, not_there};
use crate::admin::text::quantity::duration;
use crate::policy::mask::mode::Bodies;
use crate::state::capture::replay::NotReplayed;
use crate::state::capture::switch::{Refused, Standing, Wish};

/// What is said beside whole bodies.
const WARNING: &str = "bodies full: whole messages, with numbers and texts, are kept in memory and shown to whoever reaches the admin address";

/// Why nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDone {
    /// Whole bodies would leave the machine.
    #[error(
        "bodies=full is refused, because the admin address can be reached from other machines; ask for masked, or let admin be a loopback address or unix:PATH"
    )]
    Remote,
    /// The switch refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The exchange is not there.
    #[error(transparent)]
    NotThere(#[from] NotThere),
    /// It was not sent.
    #[error(transparent)]
    NotReplayed(#[from] NotReplayed),
}

impl NotDone {
    /// The status of the answer.
    #[must_use]
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Remote | Self::Refused(Refused::Never) => 403,
            Self::NotThere(_) => 404,
            Self::Refused(Refused::Many) | Self::NotReplayed(NotReplayed::Busy | NotReplayed::Ending) => 503,
            Self::NotReplayed(_) => 409,
        }
    }
}

/// Turns it on for a time, or off.
///
/// # Errors
/// Why not.
pub(crate) fn switch(ctx: &AdminContext, query: &Query, by: &str) -> Result<Switched, NotDone> {
    if query.time.is_zero() {
        return Ok(turn_off(ctx, query.lease, by));
    }
    let is_local = ctx.store.load().config.admin.as_ref().is_some_and(crate::config::model::Admin::is_local);
    if query.bodies == Bodies::Full && !is_local {
        return Err(NotDone::Remote);
    }
    let wish = Wish { time: query.time, bodies: query.bodies };
    let (lease, standing) = ctx.capture.ask(&wish, Instant::now())?;
    let (seconds, bodies) = (query.time.as_secs(), query.bodies.word());
    let full = query.bodies == Bodies::Full;
    if full {
        tracing::warn!(seconds, by, bodies, "inspect on for {} by {by}: {WARNING}", duration(seconds));
    } else {
        tracing::info!(seconds, by, bodies, "inspect on for {} by {by} (bodies {bodies})", duration(seconds));
    }
    Ok(Switched {
        lease: Some(lease.number),
        seconds_left: Some(seconds),
        warning: full.then(|| WARNING.to_owned()),
        ..now(ctx, Some(standing))
    })
}

fn turn_off(ctx: &AdminContext, lease: Option<u64>, by: &str) -> Switched {
    let ended = ctx.capture.end(lease, Instant::now());
    match (ended.any, ended.is_on) {
        (true, false) => tracing::info!(by, "inspect off by {by}; nothing is kept"),
        (true, true) => {
            tracing::info!(by, "inspect ended by {by}; others, or the configuration, still keep it on");
        }
        (false, _) => {}
    }
    now(ctx, ctx.capture.after(u64::MAX).standing)
}

fn now(ctx: &AdminContext, standing: Option<Standing>) -> Switched {
    Switched {
        bodies: standing.map(|standing| standing.bodies.word().to_owned()),
        last: ctx.capture.after(u64::MAX).last,
        lease: None,
        on: standing.is_some(),
        seconds_left: None,
        warning: None,
    }
}

/// Sends an exchange to its application again.
///
/// # Errors
/// Why not.
pub(crate) async fn replay(ctx: &AdminContext, number: u64, anyway: bool) -> Result<Replayed, NotDone> {
    let kept = ctx.capture.find(number);
    let Some(exchange) = kept.exchanges.first() else { return Err(not_there(&kept, number).into()) };
    let told = ctx.capture.desk.order(std::sync::Arc::clone(exchange), anyway).await?;
    Ok(Replayed {
        number,
        outcome: told.reason.outcome().word().to_owned(),
        reason: told.reason.word().to_owned(),
        status: told.status,
        took_us: microseconds(told.took),
        upstream_status: told.upstream_status,
    })
}
