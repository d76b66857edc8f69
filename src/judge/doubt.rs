//! Whether a list may be what is wrong, and not the client: what [`admission::unlisted`] is asked with, and the note.
//!
//! Only a client that no list has is asked about here, and only then is the time of day read: a listed one costs nothing
//! more. Invariant: the decision itself is in `policy`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::policy::address::addr::Address;
use crate::policy::admission::{self, Denial, Deny, Doubt, Doubts};
use crate::state::past::Past;
use crate::state::snapshot::{List, LiveRoute, Snapshot};
use crate::telemetry::timestamp::{self, since_1970};

/// How a client is denied that none of the route's lists has.
#[must_use]
pub(crate) fn unlisted(snapshot: &Snapshot, route: &LiveRoute, client: Address) -> Denial {
    let config = &snapshot.config;
    let review_days = (config.deny == Deny::RetryWhenStale).then(|| config.review_days());
    judge(snapshot, &route.removed, &route.allow, review_days, client)
}

/// How a client is denied that no list of any route has, where it is not certain which route is meant.
#[must_use]
pub(crate) fn unlisted_anywhere(snapshot: &Snapshot, client: Address) -> Denial {
    judge(snapshot, &snapshot.removed, &[], None, client)
}

fn judge(
    snapshot: &Snapshot,
    removed: &[Arc<Past>],
    allow: &[Arc<List>],
    review_days: Option<i64>,
    client: Address,
) -> Denial {
    // As a rule there is nothing to compare the time with.
    if removed.is_empty() && review_days.is_none() {
        return Denial::not_listed();
    }
    let doubts = Doubts { removed_grace: snapshot.config.removed_grace, review_days };
    let removed = removed.iter().map(|past| &past.removed);
    let lists = allow.iter().map(|list| &list.ranges);
    admission::unlisted(client, removed, lists, doubts, since_1970(SystemTime::now()))
}

/// What an operator should know of a denial on a route; `None` where there is no doubt.
#[must_use]
pub(crate) fn note(snapshot: &Snapshot, route: &LiveRoute, denial: Denial) -> Option<String> {
    text(snapshot, &route.removed, &route.allow, denial)
}

/// The same for [`unlisted_anywhere`].
#[must_use]
pub(crate) fn note_anywhere(snapshot: &Snapshot, denial: Denial) -> Option<String> {
    text(snapshot, &snapshot.removed, &[], denial)
}

fn text(snapshot: &Snapshot, removed: &[Arc<Past>], allow: &[Arc<List>], denial: Denial) -> Option<String> {
    Some(match denial.doubt()? {
        Doubt::Removed { list, lost } => {
            let (list, prefix) = (&removed.get(list)?.list, lost.prefix);
            let mut at = Vec::new();
            timestamp::write(&mut at, UNIX_EPOCH + lost.at);
            let at = String::from_utf8_lossy(&at).into_owned();
            format!(
                "list {list} admitted the client by {prefix} until a reload at {at}; within removed_grace it is to try again"
            )
        }
        Doubt::Stale { list, reviewed } => {
            let (list, days) = (&allow.get(list)?.name, snapshot.config.review_days());
            format!(
                "no list of the route holds the client, but list {list} was last compared with its source on {reviewed}, more than {days} days ago"
            )
        }
    })
}
