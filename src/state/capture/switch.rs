//! Whether exchanges are kept: who asked for it, until when, and with which bodies.
//!
//! Several may ask at once: it is on while one of them wants it, and the most that one of them wants is kept. Time is an
//! argument. Invariant: no wish counts for longer than an hour.

use std::time::{Duration, Instant};

use crate::config::Inspect;
use crate::policy::mask::mode::Bodies;

/// The longest time of one wish.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);
/// Wishes at once: more are a mistake in a script.
const MOST_LEASES: usize = 8;
/// How many exchanges are kept where the configuration does not say.
pub(crate) const KEEP: usize = 50;

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// For how long.
    pub time: Duration,
    /// With which bodies.
    pub bodies: Bodies,
}

/// A wish that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Its number, by which it is taken back.
    pub number: u64,
    /// When it ends.
    pub until: Instant,
    bodies: Bodies,
}

/// Why a wish is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The configuration forbids it.
    #[error("the configuration says inspect: never")]
    Never,
    /// There are too many.
    #[error(
        "{MOST_LEASES} others have asked for it already; end one of them, or wait until its time is over"
    )]
    Many,
}

/// What counts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many exchanges are kept.
    pub keep: usize,
    /// With which bodies.
    pub bodies: Bodies,
    /// When it ends; `None` where the configuration says that it is on.
    pub until: Option<Instant>,
}

/// What changed by a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Ended {
    /// It was on before.
    pub was_on: bool,
    /// It is on now.
    pub is_on: bool,
    /// A wish was taken back, or its time was over.
    pub any: bool,
}

/// The switch.
#[derive(Debug)]
pub(super) struct Switch {
    leases: Vec<Lease>,
    configured: Inspect,
    next: u64,
}

impl Default for Switch {
    fn default() -> Self {
        Self { leases: Vec::new(), configured: Inspect::Off, next: 0 }
    }
}

impl Switch {
    /// Grants a wish.
    pub(super) fn ask(&mut self, wish: &Wish, now: Instant) -> Result<Lease, Refused> {
        self.leases.retain(|lease| lease.until > now);
        if self.configured == Inspect::Never {
            return Err(Refused::Never);
        }
        if self.leases.len() >= MOST_LEASES {
            return Err(Refused::Many);
        }
        self.next += 1;
        let lease = Lease { number: self.next, until: now + wish.time.min(LONGEST), bodies: wish.bodies };
        self.leases.push(lease);
        Ok(lease)
    }

    /// Takes back one wish, or all.
    pub(super) fn end(&mut self, number: Option<u64>, now: Instant) -> Ended {
        let (was_on, before) = (self.standing().is_some(), self.leases.len());
        self.leases.retain(|lease| lease.until > now && number.is_some_and(|number| lease.number != number));
        Ended { was_on, is_on: self.standing().is_some(), any: self.leases.len() < before }
    }

    /// Ends what is over, and takes over the configuration.
    pub(super) fn keep_time(&mut self, configured: Inspect, now: Instant) -> Ended {
        let (was_on, before) = (self.standing().is_some(), self.leases.len());
        self.configured = configured;
        let never = configured == Inspect::Never;
        self.leases.retain(|lease| lease.until > now && !never);
        Ended { was_on, is_on: self.standing().is_some(), any: self.leases.len() < before }
    }

    /// What counts; `None` while it is off.
    pub(super) fn standing(&self) -> Option<Standing> {
        let wanted = self.leases.iter().map(|lease| lease.bodies).max();
        let until = self.leases.iter().map(|lease| lease.until).max();
        match (self.configured, wanted) {
            (Inspect::On { keep, bodies }, wanted) => Some(Standing {
                keep,
                bodies: wanted.map_or(bodies, |wanted| wanted.max(bodies)),
                until: None,
            }),
            (Inspect::Off, Some(bodies)) => Some(Standing { keep: KEEP, bodies, until }),
            (Inspect::Off | Inspect::Never, _) => None,
        }
    }
}
