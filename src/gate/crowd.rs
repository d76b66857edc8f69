//! How many connections an address holds open, so that no stranger can take them all.
//!
//! A stranger is counted by its IPv4 address or its IPv6 /64, which is what one subscriber gets, and
//! all strangers together never hold more than half of the connections. Clients that a list covers are
//! counted only where the operator set a bound for them: Nexmo sends from a handful of addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::policy::addr::Address;

/// Open connections by address.
#[derive(Debug, Default)]
pub struct Crowd {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_address: HashMap<IpAddr, usize>,
    strangers: usize,
}

/// Who wants to come in, and how many of the kind may be in.
#[derive(Clone, Copy, Debug)]
pub enum Guest {
    /// No list and no trusted proxy covers it.
    Stranger {
        /// Connections from its address.
        each: usize,
        /// Connections of all strangers.
        all: usize,
    },
    /// A list covers it.
    Client {
        /// Connections from its address, where that is bounded.
        each: Option<usize>,
    },
}

/// A counted connection, for as long as it lives.
#[derive(Debug)]
pub struct Place {
    crowd: Option<Arc<Crowd>>,
    key: IpAddr,
    stranger: bool,
}

impl Crowd {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in; `None` when its bound is reached.
    #[must_use]
    pub fn enter(self: &Arc<Self>, address: Address, guest: Guest) -> Option<Place> {
        let key = subscriber(address);
        let (each, all, stranger) = match guest {
            Guest::Client { each: None } => return Some(Place { crowd: None, key, stranger: false }),
            Guest::Client { each: Some(each) } => (each, usize::MAX, false),
            Guest::Stranger { each, all } => (each, all, true),
        };
        let mut open = self.lock();
        let here = open.by_address.get(&key).copied().unwrap_or_default();
        if here >= each || (stranger && open.strangers >= all) {
            return None;
        }
        open.by_address.insert(key, here + 1);
        open.strangers += usize::from(stranger);
        Some(Place { crowd: Some(Arc::clone(self)), key, stranger })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(crowd) = &self.crowd else { return };
        let mut open = crowd.lock();
        open.strangers -= usize::from(self.stranger);
        if let Some(count) = open.by_address.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.key);
            }
        }
    }
}

/// What one subscriber holds: an IPv4 address or an IPv6 /64.
fn subscriber(address: Address) -> IpAddr {
    match address.ip() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap())
    }

    #[test]
    fn a_stranger_is_bounded_alone_and_with_the_others_and_leaves_no_trace() {
        let crowd = Arc::new(Crowd::default());
        let guest = Guest::Stranger { each: 2, all: 3 };
        let first: Vec<_> = (0..2).map(|_| crowd.enter(address("192.0.2.1"), guest).unwrap()).collect();
        assert!(crowd.enter(address("192.0.2.1"), guest).is_none(), "its own bound");
        let other = crowd.enter(address("192.0.2.2"), guest).unwrap();
        assert!(crowd.enter(address("192.0.2.3"), guest).is_none(), "the bound of all strangers");
        let client = crowd.enter(address("192.0.2.3"), Guest::Client { each: Some(1) });
        assert!(
            client.is_some() && crowd.enter(address("192.0.2.3"), Guest::Client { each: Some(1) }).is_none()
        );
        assert!(crowd.enter(address("192.0.2.3"), Guest::Client { each: None }).is_some());
        drop((first, other, client));
        assert!(crowd.lock().by_address.is_empty());
        assert_eq!(crowd.lock().strangers, 0);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_whatever_the_lower_half_says() {
        let crowd = Arc::new(Crowd::default());
        let guest = Guest::Stranger { each: 1, all: 9 };
        let _first = crowd.enter(address("2001:db8::1"), guest);
        assert!(crowd.enter(address("2001:db8::ffff:0:0:1"), guest).is_none());
        assert!(crowd.enter(address("2001:db8:0:1::1"), guest).is_some());
    }
}
