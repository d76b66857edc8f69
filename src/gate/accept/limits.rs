//! How many connections are open, and how many of them an address holds, so that no stranger can take them all.
//!
//! A stranger is counted by its IPv4 address or its IPv6 /64, which is what one subscriber gets, and
//! all strangers together never hold more than half of the connections. Clients that a list covers are
//! counted only where the operator set a bound for them: Nexmo sends from a handful of addresses.
//! A connection that begins with a PROXY header is counted apart until the header has named its source; where
//! too many say nothing, the oldest of them goes, and it counts until it is gone. Invariant: a connection is
//! counted before it is made known to the runtime, and for as long as its [`Slot`] lives.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::policy::address::addr::{Address, subscriber};
use crate::state::stats::gauges::Gauges;

/// Open connections by address.
#[derive(Debug, Default)]
pub(crate) struct ConnectionLimits {
    gauges: Arc<Gauges>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_address: HashMap<IpAddr, usize>,
    strangers: usize,
    /// Those that have not named their source, from the oldest on.
    unnamed: BTreeMap<u64, oneshot::Sender<()>>,
    /// Those that were told to go and are still here.
    leaving: usize,
    next: u64,
}

/// Who wants to come in, and how many of the kind may be in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quota {
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
pub(crate) struct Slot {
    connection_limits: Arc<ConnectionLimits>,
    seat: Seat,
}

/// Where it is counted besides.
#[derive(Clone, Copy, Debug)]
enum Seat {
    Nowhere,
    Unnamed(u64),
    At { key: IpAddr, stranger: bool },
}

/// Resolves when a connection that has not named its source must make room.
pub(crate) type MakeRoom = oneshot::Receiver<()>;

impl ConnectionLimits {
    /// Nobody is there; open connections are counted in `gauges`.
    #[must_use]
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges, open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in, of `most` at all; `None` when a bound is reached.
    #[must_use]
    pub(crate) fn enter(self: &Arc<Self>, address: Address, guest: Quota, most: usize) -> Option<Slot> {
        let mut place = self.let_in(most)?;
        place.sit(address, guest).then_some(place)
    }

    /// Counts a connection in that will name its source. There are never more than `unnamed` of them; beyond three
    /// quarters of that the oldest is told to go, which takes it a moment.
    #[must_use]
    pub(crate) fn enter_unnamed(self: &Arc<Self>, unnamed: usize, most: usize) -> Option<(Slot, MakeRoom)> {
        let mut open = self.lock();
        let here = open.unnamed.len() + open.leaving;
        let full = here >= unnamed - unnamed / 4 || self.gauges.connections.load(Relaxed) >= most as u64;
        if full && let Some((_, oldest)) = open.unnamed.pop_first() {
            open.leaving += 1;
            // It may have named its source a moment ago; then it has not heard this.
            let _ = oldest.send(());
        }
        if here >= unnamed {
            return None;
        }
        let mut place = self.let_in(most)?;
        let (tell, told) = oneshot::channel();
        let number = open.next;
        open.next += 1;
        open.unnamed.insert(number, tell);
        place.seat = Seat::Unnamed(number);
        drop(open);
        Some((place, told))
    }

    fn let_in(self: &Arc<Self>, most: usize) -> Option<Slot> {
        // Made first: where it does not fit, dropping it takes the count back.
        let place = Slot { connection_limits: Arc::clone(self), seat: Seat::Nowhere };
        let before = self.gauges.connections.fetch_add(1, Relaxed);
        (before < most as u64).then_some(place)
    }
}

impl Slot {
    /// The source of the connection is known now. False when a bound of its kind is reached.
    #[must_use]
    pub(crate) fn name(&mut self, source: Address, guest: Quota) -> bool {
        self.stand_up();
        self.sit(source, guest)
    }

    /// Nobody is named, and nobody will be (`LOCAL`, `UNKNOWN`): it is the proxy's own connection.
    pub(crate) fn name_nobody(&mut self) {
        self.stand_up();
    }

    fn sit(&mut self, address: Address, guest: Quota) -> bool {
        let (each, all, stranger) = match guest {
            Quota::Client { each: None } => return true,
            Quota::Client { each: Some(each) } => (each, usize::MAX, false),
            Quota::Stranger { each, all } => (each, all, true),
        };
        let key = subscriber(address);
        let mut open = self.connection_limits.lock();
        let here = open.by_address.get(&key).copied().unwrap_or_default();
        if here >= each || (stranger && open.strangers >= all) {
            return false;
        }
        open.by_address.insert(key, here + 1);
        open.strangers += usize::from(stranger);
        self.seat = Seat::At { key, stranger };
        true
    }

    fn stand_up(&mut self) {
        match std::mem::replace(&mut self.seat, Seat::Nowhere) {
            Seat::Nowhere => {}
            Seat::Unnamed(number) => {
                let mut open = self.connection_limits.lock();
                if open.unnamed.remove(&number).is_none() {
                    open.leaving -= 1;
                }
            }
            Seat::At { key, stranger } => {
                let mut open = self.connection_limits.lock();
                open.strangers -= usize::from(stranger);
                if let Some(count) = open.by_address.get_mut(&key) {
                    *count -= 1;
                    if *count == 0 {
                        open.by_address.remove(&key);
                    }
                }
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.stand_up();
        self.connection_limits.gauges.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 1000;

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap())
    }

    fn connection_limits() -> Arc<ConnectionLimits> {
        Arc::new(ConnectionLimits::default())
    }

    #[test]
    fn a_stranger_is_bounded_alone_and_with_the_others_and_leaves_no_trace() {
        let connection_limits = connection_limits();
        let enter = |text: &str, guest| connection_limits.enter(address(text), guest, MANY);
        let guest = Quota::Stranger { each: 2, all: 3 };
        let first: Vec<_> = (0..2).map(|_| enter("192.0.2.1", guest).unwrap()).collect();
        assert!(enter("192.0.2.1", guest).is_none(), "its own bound");
        let other = enter("192.0.2.2", guest).unwrap();
        assert!(enter("192.0.2.3", guest).is_none(), "the bound of all strangers");
        let client = enter("192.0.2.3", Quota::Client { each: Some(1) });
        assert!(client.is_some() && enter("192.0.2.3", Quota::Client { each: Some(1) }).is_none());
        assert!(enter("192.0.2.3", Quota::Client { each: None }).is_some());
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 4);
        drop((first, other, client));
        assert!(connection_limits.lock().by_address.is_empty());
        assert_eq!(connection_limits.lock().strangers, 0);
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 0);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_whatever_the_lower_half_says() {
        let connection_limits = connection_limits();
        let guest = Quota::Stranger { each: 1, all: 9 };
        let _first = connection_limits.enter(address("2001:db8::1"), guest, MANY);
        assert!(connection_limits.enter(address("2001:db8::ffff:0:0:1"), guest, MANY).is_none());
        assert!(connection_limits.enter(address("2001:db8:0:1::1"), guest, MANY).is_some());
    }

    #[test]
    fn a_burst_never_passes_the_bound_of_all() {
        let connection_limits = connection_limits();
        let held: Vec<_> = (0..50)
            .filter_map(|_| connection_limits.enter(address("192.0.2.1"), Quota::Client { each: None }, 8))
            .collect();
        assert_eq!(held.len(), 8);
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 8);
    }

    #[test]
    fn of_those_that_name_no_source_the_oldest_makes_room() {
        let connection_limits = connection_limits();
        let mut held: Vec<_> = (0..4).map(|_| connection_limits.enter_unnamed(4, MANY).unwrap()).collect();
        assert!(held[0].1.try_recv().is_ok(), "the oldest is told");
        assert!(held[1..].iter_mut().all(|(_, told)| told.try_recv().is_err()));
        let guest = Quota::Stranger { each: 1, all: 9 };
        assert!(held[1].0.name(address("192.0.2.1"), guest), "its source is counted now");
        assert!(!held[2].0.name(address("192.0.2.1"), guest), "as any connection of that source");
        drop(held);
        assert!(
            connection_limits.lock().unnamed.is_empty() && connection_limits.lock().by_address.is_empty()
        );
        assert_eq!(connection_limits.lock().leaving, 0);
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 0);
    }

    #[test]
    fn a_burst_that_names_nobody_never_passes_its_part_whoever_is_slow_to_go() {
        let connection_limits = connection_limits();
        let mut held = Vec::new();
        for _ in 0..50 {
            held.extend(connection_limits.enter_unnamed(8, MANY));
            assert!(
                connection_limits.gauges.connections.load(Relaxed) <= 8,
                "those that were told to go are counted"
            );
        }
        assert_eq!(held.len(), 8);
        // One that was told goes, and the next one finds room.
        held.retain_mut(|(_, told)| told.try_recv().is_err());
        assert!(held.len() < 8 && connection_limits.enter_unnamed(8, MANY).is_some());
    }
}
