//! Decides which changes look like an accident when nobody has asked for them.
//!
//! A file that was saved is loaded without a command; that is the purpose of hot lists and configurations.
//! But a file may also be saved by an editor that crashes, a copy that is cut off, or a typing error. A
//! change that looks like that is held until an operator accepts it. Invariant: the decision depends only on
//! the versions, and a version that an operator has loaded is never held.
//!
//! The measure is the last version that an operator loaded or that was in use for a day. A list is held when,
//! compared with that,
//!
//! - it loses more than half of its prefixes, of its IPv4 addresses or of its IPv6 addresses, or
//! - it more than doubles, and by more than [`ORDINARY`]: more IPv4 addresses than a /15 has, or more
//!   IPv6 addresses than a /28 has.
//!
//! So any number of /28, the published /18 and a /16 can be added to every list, and a /8 that was meant to
//! be a /28 is held in every list of small prefixes. The families are judged separately, because one IPv6
//! prefix outweighs all of IPv4 and would hide that every IPv4 sender is gone.
//!
//! A configuration is held when a top-level key is gone or empty, when more than half of its routes are gone,
//! or when the file seems to be cut: it is the beginning of the old one, or its last newline is missing.

use std::fmt;

use crate::policy::address::difference::{Difference, Prefixes, between};

/// The addresses that any list may gain: a /15 (131,072) and a /28.
pub(crate) const ORDINARY: Ordinary = Ordinary { v4: 1 << 17, v6: 1 << 100 };

/// The addresses that a list may gain, however small it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordinary {
    /// IPv4 addresses.
    pub v4: u128,
    /// IPv6 addresses.
    pub v6: u128,
}

/// The features of a configuration file that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Its text.
    pub text: String,
    /// The top-level keys that have a value.
    pub keys: Vec<String>,
    /// The number of its routes.
    pub routes: usize,
}

/// A sign of an accident.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Accident {
    /// A list loses too much.
    Shrinks {
        /// What is counted.
        unit: Unit,
        /// The number that is lost; a prefix counts also if only a part of it is lost.
        lost: u128,
        /// The number before.
        of: u128,
    },
    /// A list gains too much.
    Grows {
        /// What is counted.
        unit: Unit,
        /// The number before.
        from: u128,
        /// The number after.
        to: u128,
    },
    /// Top-level keys of the configuration are gone or have no value.
    KeysGone(Vec<String>),
    /// Routes of the configuration are gone.
    RoutesGone {
        /// The number that is gone.
        gone: usize,
        /// The number before.
        of: usize,
    },
    /// The configuration is the beginning of the old one, with this many lines.
    Beginning(usize),
    /// The configuration does not end with a newline, and the old one did.
    OpenEnd,
}

/// What is counted of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Its prefixes.
    Prefixes,
    /// Its IPv4 addresses.
    V4,
    /// Its IPv6 addresses.
    V6,
}

/// A version of something that can be held.
pub(crate) trait Version: PartialEq {
    /// Whether the version in use is a measure too while nobody has approved it. For a list it is not: an
    /// addition may be removed again unasked.
    const YOUNG_COUNTS: bool;

    /// The signs of an accident in the change from the old version to this one.
    fn accidents(&self, old: &Self) -> Vec<Accident>;
}

/// Why a change is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The signs; at least one.
    pub accidents: Vec<Accident>,
    /// Whether only the changes since the approved version, together, show them.
    pub in_steps: bool,
}

/// Decides whether to hold the change from the version in use to a new one. `approved` is the version that an
/// operator loaded or that was in use for a day, if it is not the one in use. Comparing with it finds a large
/// change that was made in many small steps.
#[must_use]
pub(crate) fn judge<V: Version>(serving: &V, approved: Option<&V>, new: &V) -> Option<Verdict> {
    if approved == Some(new) {
        return None;
    }
    let step = new.accidents(serving);
    let way = approved.map(|approved| new.accidents(approved)).unwrap_or_default();
    let unapproved = approved.is_some() && !V::YOUNG_COUNTS;
    let (accidents, in_steps) = match (step.is_empty(), way.is_empty()) {
        (false, _) if !unapproved => (step, false),
        (small, false) => (way, small),
        (_, true) => return None,
    };
    Some(Verdict { accidents, in_steps })
}

impl Verdict {
    /// The verdict without the signs of a cut file, for a text that means the same as before: it may only
    /// have lost a comment.
    #[must_use]
    pub fn of_same_meaning(mut self) -> Option<Self> {
        self.accidents.retain(|one| !matches!(one, Accident::Beginning(_) | Accident::OpenEnd));
        (!self.accidents.is_empty()).then_some(self)
    }
}

impl Version for Prefixes {
    const YOUNG_COUNTS: bool = false;

    fn accidents(&self, old: &Self) -> Vec<Accident> {
        weigh(&between(old, self), ORDINARY)
    }
}

fn weigh(change: &Difference, ordinary: Ordinary) -> Vec<Accident> {
    let (removed, of) = (change.lost_prefixes, change.old_prefixes);
    let families = [(Unit::V4, change.v4, ordinary.v4), (Unit::V6, change.v6, ordinary.v6)];
    let mut accidents = Vec::new();
    if removed > of - removed {
        accidents.push(Accident::Shrinks { unit: Unit::Prefixes, lost: removed as u128, of: of as u128 });
    } else {
        let lost = families.iter().filter(|(_, addresses, _)| addresses.lost > addresses.kept);
        accidents.extend(lost.map(|(unit, addresses, _)| Accident::Shrinks {
            unit: *unit,
            lost: addresses.lost,
            of: addresses.before(),
        }));
    }
    for (unit, addresses, ordinary) in families {
        let (by, from) = (addresses.gained, addresses.before());
        if by > from && by > ordinary {
            accidents.push(Accident::Grows { unit, from, to: addresses.kept.saturating_add(by) });
        }
    }
    accidents
}

impl Version for Outline {
    const YOUNG_COUNTS: bool = true;

    fn accidents(&self, old: &Self) -> Vec<Accident> {
        let mut accidents = Vec::new();
        let gone = old.keys.iter().filter(|key| !self.keys.contains(key));
        let gone: Vec<String> = gone.cloned().collect();
        if !gone.is_empty() {
            accidents.push(Accident::KeysGone(gone));
        }
        let gone = old.routes.saturating_sub(self.routes);
        // A missing `routes` key is reported above.
        if gone > old.routes - gone && self.keys.iter().any(|key| key == "routes") {
            accidents.push(Accident::RoutesGone { gone, of: old.routes });
        }
        if self.text.len() < old.text.len() && old.text.starts_with(&self.text) {
            accidents.push(Accident::Beginning(self.text.lines().count()));
        } else if old.text.ends_with('\n') && !self.text.ends_with('\n') {
            accidents.push(Accident::OpenEnd);
        }
        accidents
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, accident) in self.accidents.iter().enumerate() {
            let between = if place == 0 { "" } else { ", and " };
            write!(f, "{between}{accident}")?;
        }
        f.write_str(if self.in_steps { " in several steps" } else { "" })
    }
}

impl fmt::Display for Accident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrinks { unit, lost, of } => {
                write!(f, "would lose {} of {} {unit}", Count(*lost), Count(*of))
            }
            Self::Grows { unit, from, to } => {
                write!(f, "would grow from {} to {} {unit}", Count(*from), Count(*to))
            }
            Self::KeysGone(keys) => write!(f, "would lose {}", keys.join(", ")),
            Self::RoutesGone { gone, of } => write!(f, "would lose {gone} of {of} routes"),
            Self::Beginning(lines) => {
                write!(f, "ends after the first {lines} lines of the configuration that is loaded")
            }
            Self::OpenEnd => f.write_str("ends without a newline, so it may be cut off"),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefixes => "prefixes",
            Self::V4 => "IPv4 addresses",
            Self::V6 => "IPv6 addresses",
        })
    }
}

/// A number for people: large numbers of IPv6 addresses are shown as a power of two.
struct Count(u128);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_ilog2() {
            Some(power) if power >= 40 => write!(f, "about 2^{power}"),
            _ => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
