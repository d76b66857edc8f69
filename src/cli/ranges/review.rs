//! A change of a list as a person reads it before it is published, and as a program does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipnet::IpNet;
use serde::Serialize;

use crate::admin::text::quantity::Grouped;
use crate::cli::ranges::setting::{Live, Setting};
use crate::load::proposals::record::{Change, sha256};
use crate::policy::proposal::guard::Objection;
use crate::policy::proposal::moves::{Moves, moves, overlaps};
use crate::telemetry::timestamp;

/// The prefixes of a kind that a person is shown.
const MOST_SHOWN: usize = 40;
/// The digits of an id.
const ID: usize = 12;

/// How a list would change. With `--json` it is printed as it is: a key keeps its name and meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Review {
    /// Prefixes that only the new list has.
    pub added: Vec<String>,
    /// The numbers.
    pub change: Change,
    /// What speaks against it.
    pub held: Vec<Held>,
    /// What the list and the proposal are now, for `publish --if`; none where something else is compared.
    pub id: Option<String>,
    /// The name of the list.
    pub list: String,
    /// Added prefixes inside a removed one: the old and the new.
    pub narrowed: Vec<[String; 2]>,
    /// How many added prefixes overlap with each other list, and with `trusted_proxies`.
    pub overlaps: BTreeMap<String, usize>,
    /// Prefixes that only the old list has.
    pub removed: Vec<String>,
    /// What nobody can say that may speak against it.
    pub unknown: Vec<String>,
    /// Removed prefixes inside an added one: the old and the new.
    pub widened: Vec<[String; 2]>,
}

/// One objection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Held {
    /// The objection in words, with its numbers.
    pub message: String,
    /// Its name.
    pub reason: String,
}

impl From<&Objection> for Held {
    fn from(objection: &Objection) -> Self {
        Self { message: objection.to_string(), reason: objection.word().to_owned() }
    }
}

impl Review {
    /// Compares the new prefixes of a list with the old ones.
    pub(super) fn of(
        setting: &Setting,
        old: &BTreeSet<IpNet>,
        new: &BTreeSet<IpNet>,
        objections: &[Objection],
    ) -> (Self, Moves) {
        let moves = moves(old, new);
        let count = |set: &BTreeSet<IpNet>| moves.added.iter().filter(|one| overlaps(one, set)).count();
        let mut overlapping: BTreeMap<String, usize> =
            setting.others().iter().map(|(name, set)| (name.clone(), count(set))).collect();
        overlapping.insert("trusted_proxies".to_owned(), count(&setting.trusted()));
        overlapping.retain(|_, count| *count > 0);
        let texts = |all: &[IpNet]| all.iter().map(ToString::to_string).collect();
        let pairs = |all: &[(IpNet, IpNet)]| {
            all.iter().map(|(old, new)| [old.to_string(), new.to_string()]).collect()
        };
        let review = Self {
            added: texts(&moves.added),
            change: Change::from(&moves.difference),
            held: objections.iter().map(Held::from).collect(),
            id: None,
            list: setting.list.clone(),
            narrowed: pairs(&moves.narrowed),
            overlaps: overlapping,
            removed: texts(&moves.removed),
            unknown: Vec::new(),
            widened: pairs(&moves.widened),
        };
        (review, moves)
    }

    /// Whether the prefixes are the same.
    pub(super) fn is_same(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// In words, a line for each prefix.
    pub(super) fn text(&self) -> String {
        if self.is_same() {
            return "  no difference\n".to_owned();
        }
        let mut out = String::new();
        rows(&mut out, "added", &self.added);
        rows(&mut out, "removed", &self.removed);
        let pairs =
            |all: &[[String; 2]]| all.iter().map(|[old, new]| format!("{old} to {new}")).collect::<Vec<_>>();
        rows(&mut out, "widened", &pairs(&self.widened));
        rows(&mut out, "narrowed", &pairs(&self.narrowed));
        let Change { gained_v4, gained_v6, lost_v4, lost_v6, .. } = &self.change;
        for (family, gained, lost) in [
            ("IPv4", u128::from(*gained_v4), u128::from(*lost_v4)),
            ("IPv6", gained_v6.parse().unwrap_or(0), lost_v6.parse().unwrap_or(0)),
        ] {
            if gained > 0 || lost > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(
                    out,
                    "  {family:<9} {} addresses gained, {} lost",
                    Grouped(gained),
                    Grouped(lost)
                );
            }
        }
        for (other, count) in &self.overlaps {
            let _ = writeln!(out, "  overlaps  {count} of the added with {other}");
        }
        out
    }

    /// Says on standard error what nobody can say.
    pub(super) fn warn(&self) {
        for unknown in &self.unknown {
            eprintln!("warning: {unknown}");
        }
    }

    /// What holds it, a line for each objection.
    pub(super) fn held_lines(&self) -> Vec<String> {
        self.held.iter().map(|held| format!("held: {}: {}", self.list, held.message)).collect()
    }
}

fn rows(out: &mut String, what: &str, all: &[String]) {
    for one in all.iter().take(MOST_SHOWN) {
        let _ = writeln!(out, "  {what:<9} {one}");
    }
    if let more @ 1.. = all.len().saturating_sub(MOST_SHOWN) {
        let _ = writeln!(out, "  {what:<9} and {more} more; --json has all");
    }
}

/// A short name of a list and its proposal as they are now, both whole. Another one means that one of them has changed.
pub(super) fn id(live: &Live, proposal: &[u8]) -> String {
    let both = format!("{}\n{}", live.digest().unwrap_or_default(), sha256(proposal));
    sha256(both.as_bytes()).chars().take(ID).collect()
}

/// A value as JSON for programs.
pub(super) fn json(value: &impl Serialize) -> String {
    // Text, numbers and lists of them can always be written as JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// A time in Unix seconds as in the logs, without the part of a second.
pub(super) fn time(seconds: u64) -> String {
    let mut text = Vec::new();
    timestamp::write(&mut text, UNIX_EPOCH + Duration::from_secs(seconds.min(u64::from(u32::MAX) << 5)));
    String::from_utf8_lossy(&text).replace(".000Z", "Z")
}

/// The present, since 1970-01-01.
pub(super) fn now() -> Duration {
    timestamp::since_1970(SystemTime::now())
}
