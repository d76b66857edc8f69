//! The last exchanges, kept in memory while somebody asked for it: what `inspect` shows.
//!
//! Off, nothing is copied and nothing is held. On, each request that ends leaves its head, its body, the answer and the reply
//! here, each cut at a bound, in a ring that is bounded as a whole. What may be shown of them is decided in `policy::mask`;
//! nothing here is written to a disk or a log. Invariants: all bytes that are held count in `limits.buffers`, and are given
//! back when a message needs them; nothing is held while it is off; it is on for an hour at most, unless the configuration
//! says so.
//!
//! | file | noun |
//! | --- | --- |
//! | [`switch`] | who asked for it, and until when |
//! | [`account`] | the bytes that are held |
//! | [`vault`] | exchanges and bytes together |
//! | [`draft`] | the parts of an exchange that is under way |
//! | [`exchange`] | an exchange that has ended |
//! | [`ring`] | the last of them |
//! | [`replay`] | orders to send one of them again |

pub(crate) mod account;
pub(crate) mod draft;
pub(crate) mod exchange;
pub(crate) mod replay;
pub(crate) mod ring;
pub(crate) mod switch;
mod vault;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use self::draft::Draft;
use self::exchange::Exchange;
use self::replay::Desk;
use self::ring::Room;
use self::switch::{Ended, Lease, Refused, Standing, Switch, Wish};
use self::vault::Vault;
use crate::config::Inspect;
use crate::policy::mask::mode::Bodies;
use crate::state::stats::gauges::Gauges;

/// The exchanges, and the switch.
#[derive(Debug)]
pub(crate) struct Capture {
    vault: Arc<Vault>,
    switch: Mutex<Switch>,
    /// Where a replay is ordered.
    pub desk: Desk,
}

/// What is kept, and what of it may be shown.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The switch; `None` while it is off.
    pub standing: Option<Standing>,
    /// The number of the last exchange since the start.
    pub last: u64,
    /// The exchanges, the oldest first.
    pub exchanges: Vec<Arc<Exchange>>,
}

impl Capture {
    /// Off, and nothing is kept.
    #[must_use]
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self { vault: Arc::new(Vault::new(gauges)), switch: Mutex::default(), desk: Desk::default() }
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The draft of an exchange that begins; `None` while it is off, which costs one load.
    #[inline]
    #[must_use]
    pub(crate) fn begin(&self, buffers: usize) -> Option<Box<Draft>> {
        if self.vault.gauges().inspect_on.load(Relaxed) == 0 { None } else { self.draft(buffers) }
    }

    #[cold]
    fn draft(&self, buffers: usize) -> Option<Box<Draft>> {
        let standing = self.switch().standing()?;
        let with_bodies = standing.bodies != Bodies::Off;
        Some(Box::new(Draft::new(Arc::clone(&self.vault), Room::of(standing.keep, buffers), with_bodies)))
    }

    /// Keeps an exchange. One that was under way when it was turned off is not kept, and of one that was under way when bodies
    /// were not wanted any more there is none.
    pub(crate) fn keep(&self, mut exchange: Exchange, room: Room) {
        let switch = self.switch();
        let Some(standing) = switch.standing() else { return };
        if exchange.parts.with_bodies && standing.bodies == Bodies::Off {
            return;
        }
        let mut ring = self.vault.ring();
        exchange.number = ring.next();
        ring.push(Arc::new(exchange), room);
    }

    /// Forgets every exchange, because messages need their bytes. True if there were any.
    pub(crate) fn give_way(&self) -> bool {
        self.vault.empty()
    }

    /// Turns it on for a time.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn ask(&self, wish: &Wish, now: Instant) -> Result<(Lease, Standing), Refused> {
        let mut switch = self.switch();
        let lease = switch.ask(wish, now)?;
        self.settle(&switch);
        // It was granted a moment ago.
        let standing = switch.standing().ok_or(Refused::Never)?;
        Ok((lease, standing))
    }

    /// Takes back one wish, or all of them.
    pub(crate) fn end(&self, lease: Option<u64>, now: Instant) -> Ended {
        let mut switch = self.switch();
        let ended = switch.end(lease, now);
        self.settle(&switch);
        ended
    }

    /// Ends what is over, and takes over what the configuration says. It is called again and again.
    pub(crate) fn keep_time(&self, inspect: Inspect, now: Instant) -> Ended {
        let mut switch = self.switch();
        let ended = switch.keep_time(inspect, now);
        self.settle(&switch);
        ended
    }

    /// What the switch says counts at once. The switch stays locked meanwhile.
    fn settle(&self, switch: &Switch) {
        let standing = switch.standing();
        self.vault.gauges().inspect_on.store(u64::from(standing.is_some()), Relaxed);
        let mut ring = self.vault.ring();
        match standing {
            Some(standing) if standing.bodies != Bodies::Off || !ring.has_bodies() => {
                ring.shorten(standing.keep);
            }
            // Off, or no bodies any more.
            _ => drop(ring.clear()),
        }
    }

    /// The exchanges behind this number.
    #[must_use]
    pub(crate) fn after(&self, number: u64) -> Kept {
        let standing = self.switch().standing();
        let ring = self.vault.ring();
        Kept { standing, last: ring.last(), exchanges: ring.after(number) }
    }

    /// One exchange, and what of it may be shown.
    #[must_use]
    pub(crate) fn find(&self, number: u64) -> Kept {
        let mut kept = self.after(number.saturating_sub(1));
        kept.exchanges.retain(|exchange| exchange.number == number);
        kept
    }
}

#[cfg(test)]
mod tests;
