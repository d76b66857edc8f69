//! Which changes look like an accident, when nobody has asked for them.
//!
//! A file that was saved counts by itself: that is what lists and configurations are hot for. But a
//! file is also saved by an editor that crashes, a copy that is cut off and a finger that slips. What
//! looks like that is held until an operator accepts it. Invariant: the judgement depends on the versions
//! alone, and a version that a person has loaded is never held.
//!
//! A list is held when, of what it was when a person loaded it or when it had stood for a day,
//!
//! - more than half is lost: of its prefixes, of its IPv4 addresses or of its IPv6 addresses, or
//! - it more than doubles, and by more than [`ORDINARY`]: more IPv4 addresses than a /15 has, or more
//!   IPv6 addresses than a /28 has.
//!
//! So any number of /28, the published /18 and a /16 pass in every list, and a /8 that was meant to be
//! a /28 passes in none of small prefixes. Addresses are weighed a family at a time, because one IPv6
//! prefix outweighs all of IPv4 and would hide that every IPv4 sender is shut out.
//!
//! A configuration is held when a top-level key is gone or empty, when more than half of its routes are
//! gone, or when the file ends in the middle: it is the beginning of the old one, or the newline at its
//! end is missing.

use std::fmt;

use crate::policy::address::difference::{Difference, Prefixes, between};

/// Addresses of each family that any list may gain: a /15 (131,072) and a /28.
pub(crate) const ORDINARY: Ordinary = Ordinary { v4: 1 << 17, v6: 1 << 100 };

/// What a list may gain, however small it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordinary {
    /// IPv4 addresses.
    pub v4: u128,
    /// IPv6 addresses.
    pub v6: u128,
}

/// What a configuration file looks like from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Its text.
    pub text: String,
    /// The top-level keys that have a value.
    pub keys: Vec<String>,
    /// How many routes it has.
    pub routes: usize,
}

/// One sign of an accident.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Accident {
    /// A list loses too much.
    Shrinks {
        /// Of these.
        unit: Unit,
        /// How many are gone; prefixes also count where only a part of them is.
        lost: u128,
        /// How many there were.
        of: u128,
    },
    /// A list gains too much.
    Grows {
        /// Of these.
        unit: Unit,
        /// How many there were.
        from: u128,
        /// How many there would be.
        to: u128,
    },
    /// Top-level keys of the configuration are gone, or have lost their value.
    KeysGone(Vec<String>),
    /// Routes of the configuration are gone.
    RoutesGone {
        /// So many.
        gone: usize,
        /// There were so many.
        of: usize,
    },
    /// The configuration is the beginning of the old one, with so many lines.
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

/// What can be held.
pub(crate) trait Version: PartialEq {
    /// Whether what serves counts although nobody has approved it and it has not stood for long. Of a list
    /// it does not: an addition may be taken back as it came.
    const YOUNG_COUNTS: bool;

    /// The signs of an accident in the way from the old version to this one.
    fn accidents(&self, old: &Self) -> Vec<Accident>;
}

/// Why a change is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The signs; never none.
    pub accidents: Vec<Accident>,
    /// Whether it takes the changes before it to see them.
    pub in_steps: bool,
}

/// Whether to hold the change from what serves to a new version. `approved` is what a person has loaded
/// or what stood for long, where that is not what serves: it is the measure, so many small steps are as
/// good as a large one.
#[must_use]
pub(crate) fn judge<V: Version>(serving: &V, approved: Option<&V>, new: &V) -> Option<Verdict> {
    if approved == Some(new) {
        return None;
    }
    let step = new.accidents(serving);
    let way = approved.map(|approved| new.accidents(approved)).unwrap_or_default();
    let young = approved.is_some() && !V::YOUNG_COUNTS;
    let (accidents, in_steps) = match (step.is_empty(), way.is_empty()) {
        (false, _) if !young => (step, false),
        (small, false) => (way, small),
        (_, true) => return None,
    };
    Some(Verdict { accidents, in_steps })
}

impl Verdict {
    /// What is left of it for a text that means the same as before: where such a text ends is no sign of
    /// anything, it may have lost a comment.
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
        // That the key is gone was said.
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
            Self::OpenEnd => f.write_str("ends without a newline, as a file does that is cut off"),
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

/// A number that a person can read: of IPv6 addresses there are too many for digits.
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
