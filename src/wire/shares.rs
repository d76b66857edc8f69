//! How much of what is there for everybody one client, and all strangers, may hold.
//!
//! Bytes and places are counted three times: for the process, for the client's address, and for all clients
//! that no list covers. So nobody can take what others need: a stranger holds an eighth at most, all strangers
//! together a half, a listed client three quarters. Clients are counted in a fixed number of cells, chosen by
//! a secret of the process; two clients in one cell share its bound. Invariant: what was taken is counted once
//! in each, and given back once from each.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::address::addr::{Address, subscriber};

/// Cells that clients are counted in.
pub(crate) const CELLS: usize = 1024;

/// Who holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerClass {
    /// A trusted proxy, which speaks for many: only the bound of the process counts.
    Proxy,
    /// A list covers it.
    Listed,
    /// No list covers it.
    Stranger,
}

/// A client, as far as shares are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    cell: usize,
    standing: PeerClass,
}

impl Holder {
    /// Its cell, below [`CELLS`].
    #[must_use]
    pub(crate) fn cell(&self) -> usize {
        self.cell
    }
}

/// One thing that is shared.
#[derive(Debug)]
pub(crate) struct Shares {
    cells: Box<[AtomicU64]>,
    strangers: AtomicU64,
    secret: u64,
}

impl Default for Shares {
    fn default() -> Self {
        let cells = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        // A hasher's keys are the standard library's only random numbers.
        Self { cells, strangers: AtomicU64::new(0), secret: RandomState::new().hash_one(()) | 1 }
    }
}

impl Shares {
    /// The holder that a client is.
    #[must_use]
    pub(crate) fn holder(&self, client: Address, standing: PeerClass) -> Holder {
        let number = match subscriber(client) {
            IpAddr::V4(ip) => u64::from(u32::from(ip)),
            // Its lower half is zero.
            IpAddr::V6(ip) => u64::try_from(u128::from(ip) >> 64).unwrap_or(u64::MAX),
        };
        let mixed = (number ^ self.secret.rotate_left(32)).wrapping_mul(self.secret);
        // The upper bits are the well mixed ones.
        let cell = usize::try_from(mixed >> 40).unwrap_or(0) % CELLS;
        Holder { cell, standing }
    }

    /// Takes `amount` of `all`, of which there are `most`; whoever may hold anything may hold `least`. False, and
    /// nothing is taken, when a bound would be passed.
    pub(crate) fn take(&self, all: &AtomicU64, holder: Holder, amount: u64, most: u64, least: u64) -> bool {
        if !within(all, amount, most) {
            return false;
        }
        let cell = &self.cells[holder.cell];
        let taken = match holder.standing {
            PeerClass::Proxy => true,
            PeerClass::Listed => within(cell, amount, (most - most / 4).max(least)),
            PeerClass::Stranger => {
                within(cell, amount, most.div_ceil(8).max(least))
                    && (within(&self.strangers, amount, most.div_ceil(2).max(least)) || {
                        cell.fetch_sub(amount, Relaxed);
                        false
                    })
            }
        };
        if !taken {
            all.fetch_sub(amount, Relaxed);
        }
        taken
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, all: &AtomicU64, holder: Holder, amount: u64) {
        all.fetch_sub(amount, Relaxed);
        if holder.standing != PeerClass::Proxy {
            self.cells[holder.cell].fetch_sub(amount, Relaxed);
        }
        if holder.standing == PeerClass::Stranger {
            self.strangers.fetch_sub(amount, Relaxed);
        }
    }
}

/// Adds, unless that would lift the count above `most`.
fn within(count: &AtomicU64, amount: u64, most: u64) -> bool {
    let fits = count.fetch_add(amount, Relaxed).saturating_add(amount) <= most;
    if !fits {
        count.fetch_sub(amount, Relaxed);
    }
    fits
}

/// Some of what is shared, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    shares: &'a Shares,
    all: &'a AtomicU64,
    holder: Holder,
    amount: u64,
}

impl<'a> Share<'a> {
    /// Takes `amount` of `most`; `None` when a bound is reached.
    #[must_use]
    pub(crate) fn take(
        shares: &'a Shares,
        all: &'a AtomicU64,
        holder: Holder,
        amount: u64,
        most: u64,
    ) -> Option<Self> {
        // Not by `then_some`: what was not taken must not be given back.
        if shares.take(all, holder, amount, most, amount) {
            Some(Self { shares, all, holder, amount })
        } else {
            None
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.shares.give(self.all, self.holder, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Address {
        Address::new(std::net::Ipv4Addr::from(number).into())
    }

    /// How many of `most` a crowd of so many addresses gets.
    fn taken(most: u64, addresses: u32, standing: PeerClass) -> u64 {
        let (shares, all) = (Shares::default(), AtomicU64::new(0));
        let mut held = Vec::new();
        for number in 0..addresses {
            let holder = shares.holder(address(number * 7919), standing);
            held.extend(std::iter::from_fn(|| Share::take(&shares, &all, holder, 1, most)));
        }
        let count = held.len() as u64;
        assert_eq!(all.load(Relaxed), count);
        drop(held);
        assert_eq!(all.load(Relaxed), 0);
        assert!(shares.cells.iter().all(|cell| cell.load(Relaxed) == 0));
        assert_eq!(shares.strangers.load(Relaxed), 0);
        count
    }

    #[test]
    fn no_holder_can_take_the_share_that_others_need() {
        assert_eq!(taken(1024, 1, PeerClass::Stranger), 128);
        assert_eq!(taken(1024, 200, PeerClass::Stranger), 512);
        assert_eq!(taken(1024, 1, PeerClass::Listed), 768);
        assert_eq!(taken(1024, 200, PeerClass::Listed), 1024);
        assert_eq!(taken(1024, 1, PeerClass::Proxy), 1024);
        for standing in [PeerClass::Stranger, PeerClass::Listed, PeerClass::Proxy] {
            assert_eq!(taken(1, 1, standing), 1, "{standing:?}: one is one");
        }
    }

    #[test]
    fn addresses_are_spread_over_the_cells() {
        let shares = Shares::default();
        let mut count = vec![0u32; CELLS];
        for number in 0..100_000u32 {
            count[shares.holder(address(0x0a00_0000 + number), PeerClass::Stranger).cell] += 1;
        }
        assert!(count.iter().all(|count| (1..500).contains(count)), "{:?}", count.iter().max());
    }
}
