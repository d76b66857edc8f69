//! How many strangers are heard at once: their bodies are read because their signatures may prove who they are.
//!
//! Those with a good token have places of their own, because others would take them: whoever claims that `sig` is in its
//! body has proven nothing yet. Invariant: a place is given back once.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::policy::address::addr::Address;
use crate::wire::shares::{PeerClass, Share, Shares};

/// Places of each kind for all strangers together. One address has a quarter of them.
const PLACES: u64 = 8;
/// All strangers together may hold half of what a `Shares` has.
const MOST: u64 = 2 * PLACES;
/// How long the body of one may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(5);

/// The places.
#[derive(Debug, Default)]
pub(crate) struct Hearings {
    with_token: Places,
    with_parameters: Places,
}

#[derive(Debug, Default)]
struct Places {
    shares: Shares,
    taken: AtomicU64,
}

impl Hearings {
    /// A place for a client until it is dropped; `None` while all are taken, or its share of them.
    #[must_use]
    pub(crate) fn take(&self, has_token: bool, client: Address) -> Option<Share<'_>> {
        let Places { shares, taken } = if has_token { &self.with_token } else { &self.with_parameters };
        Share::take(shares, taken, shares.holder(client, PeerClass::Stranger), 1, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_takes_all_places_and_no_kind_those_of_the_other() {
        let hearings = Hearings::default();
        let client = |number: u32| Address::new(std::net::Ipv4Addr::from(number * 7919).into());
        let taken: Vec<_> = (0..50).filter_map(|_| hearings.take(false, client(1))).collect();
        assert_eq!(taken.len() as u64, PLACES / 4);
        drop(taken);
        let all: Vec<_> = (0..50)
            .flat_map(|number| [(); 2].map(|()| hearings.take(false, client(number))))
            .flatten()
            .collect();
        assert_eq!(all.len() as u64, PLACES);
        assert!(hearings.take(true, client(1)).is_some());
        drop(all);
        assert!(hearings.take(false, client(1)).is_some());
    }
}
