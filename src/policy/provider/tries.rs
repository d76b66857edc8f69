//! How a sender tries to deliver a webhook, as data.
//!
//! Every value is from the provider's documents, with its source. Where two documents differ, both schedules are
//! here, the one of the product's own article first. What follows from it: [`super::next`].

use std::ops::RangeInclusive;
use std::time::Duration;

/// How one kind of webhook is tried.
#[derive(Debug)]
pub struct Tries {
    /// Who tries, as messages name it.
    pub sender: &'static str,
    /// How long it waits for a connection.
    pub connect: Duration,
    /// How long it then waits for the whole answer.
    pub answer: Duration,
    /// When it tries again, the first counts; empty where no document says.
    pub schedules: &'static [Schedule],
    /// The statuses after which it tries again.
    pub statuses: &'static [RangeInclusive<u16>],
    /// The tries without a status after which it tries again.
    pub silences: &'static [Ended],
    /// What becomes of a message that is not tried again.
    pub otherwise: Otherwise,
    /// What the documents say this of, where it is not all messages of the kind.
    pub only: Option<&'static str>,
    /// Where the values come from: the vendor's pages.
    pub source: &'static str,
}

/// When a message is tried again, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The wait from the end of the first try to the next.
    pub first: Duration,
    /// Each wait is the double of the one before, up to this one.
    pub most: Duration,
    /// When the sender gives up.
    pub bound: Bound,
}

/// When a sender gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// No try begins later than this after the first one.
    Time(Duration),
    /// After so many tries.
    Tries(u32),
}

/// What becomes of a message that is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The sender asks the fallback URL. The clause says what happens where none is set.
    Fallback(&'static str),
    /// It never comes again. The clause says what that means.
    Lost(&'static str),
    /// No document says whether it comes again after such a failure. When a schedule is over, it is lost.
    Unstated,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a complete answer of this status.
    Status(u16),
    /// With an answer whose status is a success and whose body the sender cannot use.
    Unusable,
    /// There was no connection.
    NoConnection,
    /// There was no connection or no complete answer in time.
    TimedOut,
    /// The connection was closed or reset before the answer was complete.
    Closed,
    /// The certificate is not trusted.
    Untrusted,
    /// What came is no HTTP.
    Garbled,
}

impl Schedule {
    /// The wait after a try.
    #[must_use]
    pub fn wait(&self, number: u32) -> Duration {
        let doublings = number.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}
