//! How much of a common resource one client, and all strangers together, may hold.
//!
//! Bytes, requests, connections and streams are counted three times: for the process, for the client's address, and
//! for all strangers. So no client can take what others need: a stranger may hold an eighth, all strangers together a
//! half, a listed client three quarters. Clients are counted in a fixed number of cells, which a secret of the process
//! selects; two clients in one cell share its bound. Which resource is counted is the caller's matter. Invariant: an
//! amount is counted once in each counter that applies, and given back once from each.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::address::addr::{Address, subscriber};
use crate::policy::mix::mixed;
use crate::state::capture::Capture;

/// The number of cells in which clients are counted.
pub(crate) const CELLS: usize = 1024;

/// The class of a peer, which sets its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerClass {
    /// A trusted proxy. It carries the requests of many clients, so only the bound of the process applies.
    Proxy,
    /// In a list that some route allows, or just removed from one.
    Listed,
    /// Neither a trusted proxy nor in a list that some route allows, nor just removed from one. A client that only its
    /// signature or `mode: observe` admitted counts as one too.
    Stranger,
}

/// The cell and the class of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    cell: usize,
    standing: PeerClass,
}

impl Holder {
    /// The index of the cell, below [`CELLS`].
    #[must_use]
    pub(crate) fn cell(&self) -> usize {
        self.cell
    }
}

/// The counters of one resource.
#[derive(Debug)]
pub(crate) struct Shares {
    cells: Box<[AtomicU64]>,
    strangers: AtomicU64,
    secret: u64,
    /// Holds a part of the resource only while nobody needs it.
    spare: Option<Arc<Capture>>,
}

impl Default for Shares {
    fn default() -> Self {
        let cells = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        // The keys of a hasher are the only random numbers that the standard library offers.
        Self { cells, strangers: AtomicU64::new(0), secret: RandomState::new().hash_one(()), spare: None }
    }
}

impl Shares {
    /// The same, and what this holds gives way before anybody is refused.
    #[must_use]
    pub(crate) fn before(self, spare: Arc<Capture>) -> Self {
        Self { spare: Some(spare), ..self }
    }

    /// The holder for a client's address.
    #[must_use]
    pub(crate) fn holder(&self, client: Address, standing: PeerClass) -> Holder {
        let number = match subscriber(client) {
            IpAddr::V4(ip) => u64::from(u32::from(ip)),
            // `subscriber` has set the lower half to zero.
            IpAddr::V6(ip) => u64::try_from(u128::from(ip) >> 64).unwrap_or(u64::MAX),
        };
        // Nobody outside knows the secret, so nobody can choose addresses that share a cell with another's.
        let cell = usize::try_from(mixed(number ^ self.secret) >> 32).unwrap_or(0) % CELLS;
        Holder { cell, standing }
    }

    /// Counts `amount` for a holder, where `most` is the bound of `all`. The bound of a single holder is never below
    /// `least`. False when a bound would be passed; then nothing is counted.
    pub(crate) fn take(&self, all: &AtomicU64, holder: Holder, amount: u64, most: u64, least: u64) -> bool {
        if !(within(all, amount, most) || self.has_given_way() && within(all, amount, most)) {
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

    #[cold]
    fn has_given_way(&self) -> bool {
        self.spare.as_ref().is_some_and(|spare| spare.give_way())
    }

    /// Gives back an amount that [`Self::take`] counted.
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

/// Adds `amount`, unless the count would then be above `most`.
fn within(count: &AtomicU64, amount: u64, most: u64) -> bool {
    let fits = count.fetch_add(amount, Relaxed).saturating_add(amount) <= most;
    if !fits {
        count.fetch_sub(amount, Relaxed);
    }
    fits
}

/// Keeps an amount counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    shares: &'a Shares,
    all: &'a AtomicU64,
    holder: Holder,
    amount: u64,
}

impl<'a> Share<'a> {
    /// Counts `amount`, of `most` in total; `None` when a bound is reached.
    #[must_use]
    pub(crate) fn take(
        shares: &'a Shares,
        all: &'a AtomicU64,
        holder: Holder,
        amount: u64,
        most: u64,
    ) -> Option<Self> {
        // Not `then_some`: that would create a share in any case, and dropping it would give back what was not taken.
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

    /// How many of `most` a number of addresses can take together.
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

    /// The secrets are fixed, so that the result is always the same.
    #[test]
    fn addresses_are_spread_over_the_cells() {
        for secret in (1..=100).map(mixed) {
            let shares = Shares { secret, ..Shares::default() };
            let mut count = vec![0u32; CELLS];
            for number in 0..100_000u32 {
                count[shares.holder(address(0x0a00_0000 + number), PeerClass::Stranger).cell] += 1;
            }
            assert!(count.iter().all(|count| (1..500).contains(count)), "{secret:x}");
        }
    }
}
