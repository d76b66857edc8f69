//! The idle connections to one endpoint: those that rest, and those that have rested.
//!
//! Of the connections that have rested, a quiet endpoint uses the one that has rested longest: more time to find surplus
//! bytes costs nothing there. One with many uses the one that has just rested, so that those that it needs no more
//! become too old and are closed. Otherwise a moment of many requests would leave it with many connections for good, each
//! used so rarely that no cache has it any more. How long one rests, and what ends its use, is decided in
//! [`super`]. Invariant: a connection that still rests is never given out.

use std::collections::VecDeque;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::time::Instant;

use crate::upstream::pool::trust::Trust;

/// How many connections that still rest are searched for one that has rested: those whose application is slow rest longer.
const LOOKED_AT: usize = 8;
/// With more connections that have rested than this, an endpoint uses the one that has just rested.
pub(super) const QUIET: usize = 64;
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
}

#[derive(Debug)]
pub(super) struct Kept {
    /// It.
    pub connection: PooledConnection,
    /// The connection may be used from this time on.
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
            let place = self.resting.iter().take(LOOKED_AT).position(|kept| now >= kept.rested)?;
            self.resting.remove(place)
        })
    }
}
