//! Whether log, counters, attackers and senders tell the same story.
//!
//! What cannot be known: whether the gate has read a request that was sent and not answered before its connection
//! ended, and whether it took a beginning for a request. So what is written down lies between what was answered and
//! what was sent or begun; between the log and the counters there is nothing that cannot be known.

use std::time::Duration;

use super::gate::{Gate, Numbers};
use super::senders::Served;
use crate::attacker::Tally;

/// A line may come a moment after what it tells of, a summary a second.
const LATE: Duration = Duration::from_secs(4);

/// What was written down so far.
#[derive(Clone, Debug)]
pub struct Books {
    numbers: Numbers,
    logged: u64,
}

impl Books {
    /// Looks when the log and the counters agree, or after a while.
    pub fn of(gate: &Gate) -> Self {
        let agree = |numbers: &Numbers| gate.ledger.requests() == numbers.of("requests_total");
        let (numbers, _) = gate.settle(LATE, agree);
        Self { numbers, logged: gate.ledger.requests() }
    }

    /// Of a process that has ended: the log is all there is.
    pub fn at_the_end(gate: &Gate) -> Self {
        Self { numbers: Numbers::default(), logged: gate.ledger.requests() }
    }

    /// Connections that were turned away because all places were taken.
    pub fn refused(&self) -> u64 {
        self.numbers.of("connections_over_capacity_total")
    }

    /// What was logged since.
    pub fn since(&self, before: &Self) -> u64 {
        self.logged - before.logged
    }

    /// Log and counters must agree to the last request, where no line was dropped.
    pub fn quarrel(&self) -> Option<String> {
        let (logged, counted) = (self.logged, self.numbers.of("requests_total"));
        let dropped = self.numbers.of("log_lines_dropped_total");
        let agree = logged == counted || (dropped > 0 && logged < counted);
        (!agree).then(|| {
            format!("{counted} requests are counted, {logged} are in the log ({dropped} lines dropped)")
        })
    }
}

/// What attackers and senders know, beside what was written down of it. `unheard`: connections that were closed
/// without a word have a line too.
pub fn unaccounted(written: u64, tally: &Tally, served: &[Served; 2], unheard: bool) -> Option<String> {
    let asked: u64 = served.iter().map(|served| served.asked).sum();
    let least = answered(served) + tally.heard.get();
    let mut most = asked + tally.sent.get() + tally.begun.get();
    if unheard {
        most += tally.connects.get() + tally.refused.get();
    }
    let fits = (least..=most).contains(&written);
    (!fits).then(|| format!("{written} are written down; {least} were answered, and {most} sent or begun"))
}

/// Messages of senders that were answered.
pub fn answered(served: &[Served; 2]) -> u64 {
    served.iter().map(|served| served.asked - served.lost).sum()
}
