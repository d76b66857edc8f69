//! What speaks against a change of a list: what the files say, and what the running gate knows.
//!
//! `propose` and `publish` weigh alike, so what the first does not hold the second does not hold either, as long as nothing
//! changes, but for what the access log says (`replay::before`): not everybody who proposes may read it. Invariant: what nobody can say is said to be so, and is never taken for an absence.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;

use crate::cli::Failure;
use crate::cli::ranges::review::{Held, Review, now, time};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Live, Setting};
use crate::policy::proposal::guard::{Facts, LATELY, objections};
use crate::policy::proposal::moves::Moves;

/// A change that was proposed.
pub(super) struct Proposed<'a> {
    /// The prefixes of the list then.
    pub prefixes: &'a BTreeSet<IpNet>,
    /// The digest of the list that they were compared with.
    pub base: Option<String>,
    /// When, since 1970-01-01.
    pub at: Duration,
}

/// How the list changes, and everything that speaks against it.
pub(super) fn weigh(
    setting: &Setting,
    live: &Live,
    proposed: &Proposed<'_>,
    running: &Result<Running, Failure>,
) -> (Review, Moves) {
    let (old, trusted) = (setting.before(live), setting.trusted());
    let known = running.as_ref().map(|running| running.hits(&setting.list));
    let hits = known.as_ref().map_or(&[][..], |known| known.latest.as_slice());
    let facts = Facts {
        old: &old,
        new: proposed.prefixes,
        trusted: &trusted,
        hits,
        // A list of which the gate has hits is served, whatever lies there.
        is_read: live.list.is_some() || (hits.is_empty() && setting.is_read(live)),
        same_base: proposed.base == live.digest(),
        proposed: proposed.at,
        now: now(),
    };
    let (mut review, moves) = Review::of(setting, &old, proposed.prefixes, &objections(&facts));
    review.held.extend(confirms(setting, running));
    if !moves.removed.is_empty() {
        review.unknown = match &known {
            Ok(known) => unknown(known.since, moves.removed.iter().filter(|gone| !known.knows(gone)).count()),
            Err(failure) => {
                let why = failure.lines.join("; ");
                vec![format!("no gate was asked whether requests came lately from what goes: {why}")]
            }
        };
    }
    (review, moves)
}

/// What else the gate holds, which loading the list would confirm.
pub(super) fn confirms(setting: &Setting, running: &Result<Running, Failure>) -> Vec<Held> {
    let besides = running.iter().flat_map(|running| running.held_besides(&setting.list));
    let held = |held| {
        let message = format!("the gate holds another change, and loading the list would confirm it: {held}");
        Held { message, reason: "confirms".to_owned() }
    };
    besides.map(held).collect()
}

/// What a gate cannot say of the prefixes that go. `since` is when it began to count, in Unix seconds.
fn unknown(since: Option<u64>, beyond: usize) -> Vec<String> {
    let lately = now().saturating_sub(LATELY).as_secs();
    let of_time = match since {
        Some(since) if since <= lately => None,
        Some(since) => {
            Some(format!("the gate knows only since {} whether requests came from what goes", time(since)))
        }
        None => {
            Some("the gate does not say since when it knows whether requests came from what goes".to_owned())
        }
    };
    let of_number = (beyond > 0).then(|| {
        format!("of {beyond} of the prefixes that go the gate does not show whether requests came from them")
    });
    of_time.into_iter().chain(of_number).collect()
}
