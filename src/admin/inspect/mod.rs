//! The last exchanges: what may be shown of them, who turns them on, and how one is sent again.
//!
//! Nothing is decided about masking here: `policy::mask` does. Invariants: a whole body is shown only while somebody asked
//! for whole bodies, and only on an admin address of this machine; no page in a browser changes anything.
//!
//! | file | noun |
//! | --- | --- |
//! | [`query`] | what is asked |
//! | [`row`] | an exchange in a line |
//! | [`whole`] | all of one |
//! | [`next`] | what the sender does now |
//! | [`raw`] | its request as a file, and as a command of curl |
//! | [`act`] | turning it on and off, and a replay |

pub(crate) mod act;
pub(crate) mod next;
pub(crate) mod query;
pub(crate) mod raw;
pub(crate) mod row;
pub(crate) mod whole;

use std::time::Instant;

use self::query::Query;
use crate::admin::AdminContext;
use crate::admin::api::exchanges::{Exchanges, Whole};
use crate::policy::mask::mode::{Bodies, Mask};
use crate::policy::provider::DEFAULT;
use crate::state::capture::Kept;
use crate::state::capture::switch::Standing;

/// Why an exchange is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotThere {
    /// Nothing is kept.
    #[error("inspect is off, so no exchange is kept; nexmo-gate inspect turns it on")]
    Off,
    /// It was kept.
    #[error("exchange {0} is gone: newer ones, or messages, needed its room")]
    Gone(u64),
    /// It never was.
    #[error("there was no exchange {0} yet")]
    NotYet(u64),
}

/// How exchanges are shown: never more than somebody asked to be kept.
fn mask(standing: Option<Standing>, wanted: Bodies) -> (Mask, Bodies) {
    let kept = standing.map_or(Bodies::Off, |standing| standing.bodies);
    let shown = wanted.min(kept);
    (Mask { full: shown == Bodies::Full, names: &DEFAULT.fields }, shown)
}

/// The exchanges that are asked for.
#[must_use]
pub(crate) fn list(ctx: &AdminContext, query: &Query) -> Exchanges {
    let kept = ctx.capture.after(0);
    let (mask, _) = mask(kept.standing, query.bodies);
    let first = kept.exchanges.first().map(|exchange| exchange.number);
    let wanted = kept.exchanges.iter().filter(|exchange| query.wants(exchange));
    let exchanges = wanted.map(|exchange| row::of(exchange, mask)).collect();
    let (keep, seconds_left) = of_standing(kept.standing);
    Exchanges {
        bodies: kept.standing.map(|standing| standing.bodies.word().to_owned()),
        exchanges,
        first,
        keep,
        last: kept.last,
        on: kept.standing.is_some(),
        seconds_left,
    }
}

/// All of one exchange.
///
/// # Errors
/// It is not there.
pub(crate) fn one(ctx: &AdminContext, number: u64, wanted: Bodies) -> Result<Whole, NotThere> {
    let kept = ctx.capture.find(number);
    let (mask, shown) = mask(kept.standing, wanted);
    let exchange = kept.exchanges.first().ok_or_else(|| not_there(&kept, number))?;
    Ok(whole::of(exchange, mask, shown))
}

fn not_there(kept: &Kept, number: u64) -> NotThere {
    match kept.standing {
        None => NotThere::Off,
        Some(_) if number > kept.last || number == 0 => NotThere::NotYet(number),
        Some(_) => NotThere::Gone(number),
    }
}

fn of_standing(standing: Option<Standing>) -> (usize, Option<u64>) {
    let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_secs();
    (standing.map_or(0, |standing| standing.keep), standing.and_then(|standing| standing.until).map(left))
}
