//! How many TLS handshakes strangers may have open, and how many they may begin per second.
//!
//! A handshake costs the gate a quarter of a millisecond, a hundred times what it costs to send the packets that
//! start it. So strangers have bounds, one for each address and one for all together; listed clients and trusted
//! proxies have none. Addresses are counted in a fixed number of cells, as in [`crate::wire::shares`]. Invariant: the
//! memory does not grow with the number of addresses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::policy::address::addr::Address;
use crate::state::stats::gauges::Held;
use crate::wire::shares::{Holder, PeerClass, Shares};

/// Handshakes per second of all strangers: they cost a tenth of a core.
pub(crate) const ALL: u64 = 400;
/// Handshakes per second of one stranger.
pub(crate) const EACH: u64 = 50;

/// Handshakes of all strangers that are open at once: each may hold a whole TLS message (64 KiB).
pub(crate) const OPEN: u64 = 256;

/// Counts the handshakes of strangers.
#[derive(Debug)]
pub(crate) struct TlsLimits {
    open: AtomicU64,
    began: Instant,
    cells: Shares,
    each: Box<[AtomicU64]>,
    all: AtomicU64,
}

impl Default for TlsLimits {
    fn default() -> Self {
        let each = (0..crate::wire::shares::CELLS).map(|_| AtomicU64::new(0)).collect();
        Self {
            open: AtomicU64::new(0),
            began: Instant::now(),
            cells: Shares::default(),
            each,
            all: AtomicU64::new(0),
        }
    }
}

impl TlsLimits {
    /// Counts a stranger's handshake as open until the result is dropped; `None` when a bound is reached.
    #[must_use]
    pub(crate) fn begin(&self, stranger: Address, now: Instant) -> Option<Held<'_>> {
        Held::within(&self.open, 1, OPEN).filter(|_| self.is_slow_enough(stranger, now))
    }

    fn is_slow_enough(&self, stranger: Address, now: Instant) -> bool {
        let second = now.saturating_duration_since(self.began).as_secs();
        let holder: Holder = self.cells.holder(stranger, PeerClass::Stranger);
        count(&self.each[holder.cell()], second) <= EACH && count(&self.all, second) <= ALL
    }
}

/// Adds one to a cell, which holds a second in its upper half and the count of that second in its lower half.
fn count(cell: &AtomicU64, second: u64) -> u64 {
    const LOWER: u64 = u32::MAX as u64;
    let mut known = cell.load(Relaxed);
    loop {
        let next = if known >> 32 == second & LOWER {
            // The count stops at its maximum, far above every bound, and so never overflows into the upper half.
            known + u64::from(known & LOWER < LOWER)
        } else {
            (second & LOWER) << 32 | 1
        };
        match cell.compare_exchange_weak(known, next, Relaxed, Relaxed) {
            Ok(_) => return next & LOWER,
            Err(now) => known = now,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn begun(handshakes: &TlsLimits, addresses: u32, at: Instant) -> usize {
        (0..addresses)
            .map(|number| {
                let address = Address::new(std::net::Ipv4Addr::from(number * 7919).into());
                (0..1000).filter(|_| handshakes.begin(address, at).is_some()).count()
            })
            .sum()
    }

    #[test]
    fn strangers_are_bounded_each_and_together_in_every_second() {
        let handshakes = TlsLimits::default();
        let at = |second: u64| handshakes.began + Duration::from_secs(second);
        assert_eq!(begun(&handshakes, 1, at(0)), 50);
        assert_eq!(begun(&handshakes, 1, at(0)), 0);
        assert_eq!(begun(&handshakes, 1, at(1)), 50);
        assert_eq!(begun(&handshakes, 100, at(2)), 400);
        assert_eq!(begun(&handshakes, 100, at(4)), 400);
        assert_eq!(handshakes.open.load(Relaxed), 0);
        let held: Vec<_> = (0..1000u32)
            .filter_map(|n| handshakes.begin(Address::new(std::net::Ipv4Addr::from(n).into()), at(9)))
            .collect();
        assert_eq!(held.len(), 256);
    }
}
