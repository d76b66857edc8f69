//! How many TLS handshakes strangers may have open, and begin in a second.
//!
//! A handshake costs a quarter of a millisecond, a hundred times what the packets cost that ask for it. So
//! strangers are bounded, each and together; whom a list covers and trusted proxies are not. Addresses are
//! counted in a fixed number of cells, as in [`crate::wire::shares`]. Invariant: no memory grows with the number of
//! addresses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::policy::address::addr::Address;
use crate::state::stats::gauges::Held;
use crate::wire::shares::{Holder, PeerClass, Shares};

/// Handshakes of all strangers in a second: a tenth of a core.
pub(crate) const ALL: u64 = 400;
/// Handshakes of one stranger in a second.
pub(crate) const EACH: u64 = 50;

/// Handshakes of all strangers that are under way at once: each may hold what one message of TLS may be (64 KiB).
pub(crate) const OPEN: u64 = 256;

/// Handshakes of strangers.
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
    /// A stranger's handshake, for as long as it lives; `None` when a bound is reached.
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

/// Counts one in a cell that holds a second in its upper half and a count in its lower one.
fn count(cell: &AtomicU64, second: u64) -> u64 {
    const LOWER: u64 = u32::MAX as u64;
    let mut known = cell.load(Relaxed);
    loop {
        let next = if known >> 32 == second & LOWER {
            // It stops far above every bound and never runs over into the second.
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
    fn strangers_are_bounded_each_and_together_and_anew_each_second() {
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
