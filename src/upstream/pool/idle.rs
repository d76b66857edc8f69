//! The idle connections to one endpoint: those that rest, and those that have rested.
//!
//! Of the connections that have rested, a quiet endpoint uses the one that has rested longest: more time to find surplus
//! bytes costs nothing there. One with many uses the one that has just rested, so that those that it needs no more
//! become too old and are closed. Otherwise a moment of many requests would leave it with many connections for good, each
//! used so rarely that no cache has it any more.
//!
//! A busy endpoint ([`Pace`]) that has proven itself ([`Trust`]) does not get ever more connections so that each may rest
//! in full: if many rest, the one that has rested longest is used. How long a rest is, and what ends the use of a
//! connection, is decided in [`super`]. Invariant: a connection is not given out before its shortest rest is over, and
//! before its whole rest is over only by a busy endpoint that has proven itself.

use std::collections::VecDeque;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::Instant;

use crate::upstream::pool::pace::Pace;
use crate::upstream::pool::trust::Trust;

/// How many connections that still rest are searched for one that has rested: those whose application is slow rest longer.
const LOOKED_AT: usize = 8;
/// With more connections that have rested than this, an endpoint uses the one that has just rested.
pub(super) const QUIET: usize = 64;
/// If more connections than this rest, an endpoint that has proven itself uses one that has not rested in full. Up to 5,000
/// requests a second need no more than these with the usual rest of 25 ms.
pub(super) const ENOUGH: usize = 128;
/// The greatest age of a connection. It limits the harm if answers are shifted and nothing shows it.
const MAX_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Idle {
    /// Those that rest, in the order in which they were put into the pool.
    pub(super) resting: VecDeque<Kept>,
    /// Those that have rested, in the order in which they were found to.
    pub(super) rested: VecDeque<Kept>,
    /// How the endpoint has behaved.
    pub(super) trust: Trust,
    /// How many requests it gets.
    pub(super) pace: Pace,
}

#[derive(Debug)]
pub(super) struct Kept {
    /// It.
    pub connection: PooledConnection,
    /// Its shortest rest is over from this time on.
    pub soonest: Instant,
    /// Its whole rest is over from this time on.
    pub rested: Instant,
    /// The connection must not be used from this time on.
    pub old: Instant,
}

/// A connection to the application, with its age and use.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    /// The stream.
    pub stream: Stream,
    /// When it reaches the greatest age.
    pub(super) expires: Instant,
    pub(super) uses: u32,
    /// The longest time that an answer took.
    pub(super) longest: Duration,
}

impl PooledConnection {
    /// A connection that was just opened.
    #[must_use]
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, expires: Instant::now() + MAX_AGE, uses: 0, longest: Duration::ZERO }
    }

    /// Whether it carried a request before.
    #[must_use]
    pub(crate) fn was_used(&self) -> bool {
        self.uses > 0
    }
}

impl Idle {
    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.resting.len() + self.rested.len()
    }

    /// Takes a connection that has rested long enough.
    pub(super) fn take(&mut self, now: Instant) -> Option<Kept> {
        if self.trust.is_distrusted(now) {
            return None;
        }
        while self.resting.front().is_some_and(|kept| now >= kept.rested) {
            self.rested.extend(self.resting.pop_front());
        }
        let rested = if self.rested.len() > QUIET { self.rested.pop_back() } else { self.rested.pop_front() };
        rested.or_else(|| {
            let early = self.resting.len() > ENOUGH && self.may_shorten(now);
            let ready = |kept: &Kept| now >= if early { kept.soonest } else { kept.rested };
            let place = self.resting.iter().take(LOOKED_AT).position(ready)?;
            self.resting.remove(place)
        })
    }

    /// Whether one more connection is of use: not if many rest, and the next one could be used already.
    pub(super) fn wants_more(&self, now: Instant) -> bool {
        let is_ready = self.resting.front().is_some_and(|first| now >= first.soonest);
        !(is_ready && self.resting.len() > 2 * ENOUGH && self.may_shorten(now))
    }

    /// Whether the endpoint is one whose connections need not rest in full.
    fn may_shorten(&self, now: Instant) -> bool {
        self.trust.is_proven() && self.pace.is_busy(now)
    }
}
