//! What speaks against a publication.
//!
//! Nothing here forbids one: a person may publish all the same, and knows then which numbers to look at. All objections are
//! told at once, and each names its numbers. What the list has already was accepted once and is no objection again.
//! Which addresses no sender has is in `policy::address::reserved`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use ipnet::IpNet;

use crate::policy::address::range_list::Day;
use crate::policy::address::reserved::reserved;
use crate::policy::hold::Unit;
use crate::policy::proposal::moves::{Moves, around, moves, overlaps};

/// A list may become so many times larger.
const MOST_GROWTH: u128 = 4;
/// A new prefix may be as short as this.
const SHORTEST_V4: u8 = 16;
const SHORTEST_V6: u8 = 32;
/// A removed prefix from which a request came in this time may still be a sender's.
pub(crate) const LATELY: Duration = Duration::from_secs(30 * 86_400);
/// A proposal may be as old as this.
pub(crate) const MOST_AGE: Duration = Duration::from_secs(7 * 86_400);

/// The last request from a prefix of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The prefix, as it stands in the list.
    pub prefix: IpNet,
    /// When, since 1970-01-01.
    pub at: Duration,
}

/// What is known of a publication.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// The prefixes of the list now; none if there is no list.
    pub old: &'a BTreeSet<IpNet>,
    /// The prefixes that are proposed.
    pub new: &'a BTreeSet<IpNet>,
    /// Who may name the client, except for this list itself.
    pub trusted: &'a BTreeSet<IpNet>,
    /// The last request from each prefix, as far as the running gate knows.
    pub hits: &'a [Hit],
    /// Whether the list's file can be read as a list, or there never was one.
    pub is_read: bool,
    /// Whether the list is the one that the proposal was compared with.
    pub same_base: bool,
    /// When it was proposed, since 1970-01-01.
    pub proposed: Duration,
    /// The present.
    pub now: Duration,
}

/// One objection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Objection {
    /// More than half goes.
    #[error("more than half goes: {lost} of {of} {}", Of(*.unit))]
    Shrinks {
        /// What is counted.
        unit: Unit,
        /// The number that goes.
        lost: u128,
        /// The number before.
        of: u128,
    },
    /// It becomes more than [`MOST_GROWTH`] times larger.
    #[error("it grows more than {MOST_GROWTH} times: from {from} to {to} {}", Of(*.unit))]
    Grows {
        /// What is counted.
        unit: Unit,
        /// The number before.
        from: u128,
        /// The number after.
        to: u128,
    },
    /// New prefixes are shorter than a list of senders needs.
    #[error("new prefixes are shorter than /{SHORTEST_V4} (IPv4) or /{SHORTEST_V6} (IPv6): {}", Few(.0))]
    Wide(Vec<IpNet>),
    /// New prefixes are for something else than the internet.
    #[error("{} new prefixes have addresses that no sender on the internet has: {}", .0.len(), Purposes(.0))]
    Reserved(Vec<(IpNet, &'static str)>),
    /// New prefixes have a trusted proxy in them.
    #[error("new prefixes overlap with trusted_proxies, so whoever sends through that proxy is admitted: {}", Few(.0))]
    Trusted(Vec<IpNet>),
    /// Requests came from a removed prefix lately.
    #[error("{} removed prefixes sent requests lately: {}", .0.len(), Hits(.0))]
    Hit(Vec<Hit>),
    /// It was proposed long ago.
    #[error("it was proposed {0} days ago, and {} is the most; propose it again", MOST_AGE.as_secs() / 86_400)]
    Old(u64),
    /// What the gate serves is in no file that can be read.
    #[error(
        "the list's file is missing or cannot be read, so nobody can say what would go: a running gate serves its last good version; mend the file, or roll back"
    )]
    Unread,
    /// The list is not the one that it was compared with.
    #[error("the list has changed since it was proposed; propose it again")]
    Moved,
}

impl Objection {
    /// Its name for programs.
    #[must_use]
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Shrinks { .. } => "shrinks",
            Self::Grows { .. } => "grows",
            Self::Wide(_) => "wide",
            Self::Reserved(_) => "reserved",
            Self::Trusted(_) => "trusted",
            Self::Hit(_) => "hit",
            Self::Old(_) => "old",
            Self::Unread => "unread",
            Self::Moved => "moved",
        }
    }
}

/// All objections.
#[must_use]
pub(crate) fn objections(facts: &Facts<'_>) -> Vec<Objection> {
    let moves = moves(facts.old, facts.new);
    let mut all = Vec::new();
    if !facts.old.is_empty() {
        sizes(facts, &moves, &mut all);
    }
    let mut name = |found: Vec<IpNet>, objection: fn(Vec<IpNet>) -> Objection| {
        if !found.is_empty() {
            all.push(objection(found));
        }
    };
    let wide = |prefix: &IpNet| {
        prefix.prefix_len() < if prefix.addr().is_ipv4() { SHORTEST_V4 } else { SHORTEST_V6 }
    };
    // What is inside a prefix of the list admits nobody new.
    let new: Vec<IpNet> =
        moves.added.iter().copied().filter(|prefix| around(prefix, facts.old).is_none()).collect();
    name(new.iter().copied().filter(wide).collect(), Objection::Wide);
    let trusted = |prefix: &IpNet| overlaps(prefix, facts.trusted);
    name(new.iter().copied().filter(trusted).collect(), Objection::Trusted);
    let purposes: Vec<_> = new.iter().filter_map(|prefix| Some((*prefix, reserved(prefix)?))).collect();
    if !purposes.is_empty() {
        all.push(Objection::Reserved(purposes));
    }
    let hits = hits(facts, &moves);
    if !hits.is_empty() {
        all.push(Objection::Hit(hits));
    }
    let age = facts.now.saturating_sub(facts.proposed);
    if age > MOST_AGE {
        all.push(Objection::Old(age.as_secs() / 86_400));
    }
    if !facts.is_read {
        all.push(Objection::Unread);
    }
    if !facts.same_base {
        all.push(Objection::Moved);
    }
    all
}

/// Prefixes and addresses of each family, one after the other: one IPv6 prefix outweighs all of IPv4.
fn sizes(facts: &Facts<'_>, moves: &Moves, all: &mut Vec<Objection>) {
    let difference = &moves.difference;
    let (lost, old, new) =
        (difference.lost_prefixes as u128, facts.old.len() as u128, facts.new.len() as u128);
    let (v4, v6) = (difference.v4, difference.v6);
    let after =
        |family: crate::policy::address::difference::Addresses| family.kept.saturating_add(family.gained);
    let rows = [
        (Unit::Prefixes, lost, old, new),
        (Unit::V4, v4.lost, v4.before(), after(v4)),
        (Unit::V6, v6.lost, v6.before(), after(v6)),
    ];
    for (unit, lost, of, to) in rows {
        if lost > of - lost.min(of) {
            all.push(Objection::Shrinks { unit, lost, of });
        }
        // A family that was not there may begin with one prefix that is as short as one may be.
        let most = match (of, unit) {
            (0, Unit::V4) => 1 << (32 - SHORTEST_V4),
            (0, Unit::V6) => 1 << (128 - SHORTEST_V6),
            _ => of.saturating_mul(MOST_GROWTH),
        };
        if to > most {
            all.push(Objection::Grows { unit, from: of, to });
        }
    }
}

/// Removed prefixes, also in part, from which a request came lately.
fn hits(facts: &Facts<'_>, moves: &Moves) -> Vec<Hit> {
    let removed: BTreeSet<IpNet> = moves.removed.iter().copied().collect();
    let stays = |prefix: &IpNet| moves.widened.iter().any(|(old, _)| old == prefix);
    let lately = |hit: &&Hit| facts.now.saturating_sub(hit.at) <= LATELY;
    let hits =
        facts.hits.iter().filter(lately).filter(|hit| removed.contains(&hit.prefix) && !stays(&hit.prefix));
    let mut hits: Vec<Hit> = hits.copied().collect();
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.at));
    hits
}

/// What is counted.
struct Of(Unit);

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many of a row are told.
const FEW: usize = 8;

fn few<T>(f: &mut fmt::Formatter<'_>, all: &[T], each: impl Fn(&T) -> String) -> fmt::Result {
    let told: Vec<String> = all.iter().take(FEW).map(each).collect();
    f.write_str(&told.join(", "))?;
    match all.len().saturating_sub(FEW) {
        0 => Ok(()),
        more => write!(f, ", and {more} more"),
    }
}

struct Few<'a>(&'a [IpNet]);

impl fmt::Display for Few<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        few(f, self.0, ToString::to_string)
    }
}

struct Purposes<'a>(&'a [(IpNet, &'static str)]);

impl fmt::Display for Purposes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        few(f, self.0, |(prefix, what)| format!("{prefix} is {what}"))
    }
}

struct Hits<'a>(&'a [Hit]);

impl fmt::Display for Hits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        few(f, self.0, |hit| format!("{} last on {}", hit.prefix, Day::at(hit.at.as_secs())))
    }
}
