//! How many connections are open, in total and by address, so that strangers cannot take all of them.
//!
//! A stranger is counted by its IPv4 address or its IPv6 /64 (what one subscriber gets), and all strangers together
//! never hold more than half of the connections. Clients that a list covers are counted by address only if the
//! operator set `limits.connections_per_client`, because Nexmo sends from a handful of addresses. A connection that
//! must begin with a PROXY header is counted as unnamed until the header has come. When too many are unnamed, the
//! oldest of them is closed; it counts until it is really gone. Invariant: a connection is counted before it is
//! registered with the runtime, and for as long as its [`Slot`] lives.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::gate::losses::Bound;
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
    /// Connections whose PROXY header has not come, the oldest first.
    unnamed: BTreeMap<u64, oneshot::Sender<()>>,
    /// Unnamed connections that were asked to close and are still open.
    leaving: usize,
    next: u64,
}

/// The class of a peer, and how many connections of this class may be open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quota {
    /// Neither a list nor `trusted_proxies` covers the address.
    Stranger {
        /// The largest number of connections from one address.
        each: usize,
        /// The largest number of connections of all strangers.
        all: usize,
    },
    /// A list covers the address, or it is a trusted proxy.
    Client {
        /// The largest number of connections from one address; `None` for no bound.
        each: Option<usize>,
    },
}

/// Keeps a connection counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connection_limits: Arc<ConnectionLimits>,
    counted: Counted,
}

/// Where a connection is counted, apart from the total.
#[derive(Clone, Copy, Debug)]
enum Counted {
    InTotalOnly,
    Unnamed(u64),
    ByAddress { key: IpAddr, stranger: bool },
}

/// Resolves when a connection whose PROXY header has not come must close.
pub(crate) type MakeRoom = oneshot::Receiver<()>;

impl ConnectionLimits {
    /// No connection is open; the total is counted in `gauges`.
    #[must_use]
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges, open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection, of `most` in total.
    ///
    /// # Errors
    /// The bound that is reached.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: Address,
        quota: Quota,
        most: usize,
    ) -> Result<Slot, Bound> {
        let mut slot = self.count_in_total(most)?;
        slot.count_by_address(address, quota)?;
        Ok(slot)
    }

    /// Counts a connection whose PROXY header is still to come. There are never more than `unnamed` of them. From
    /// three quarters of that on, the oldest is asked to close for each new one, since closing takes a moment.
    ///
    /// # Errors
    /// The bound that is reached.
    pub(crate) fn enter_unnamed(
        self: &Arc<Self>,
        unnamed: usize,
        most: usize,
    ) -> Result<(Slot, MakeRoom), Bound> {
        let mut open = self.lock();
        let here = open.unnamed.len() + open.leaving;
        let full = here >= unnamed - unnamed / 4 || self.gauges.connections.load(Relaxed) >= most as u64;
        if full && let Some((_, oldest)) = open.unnamed.pop_first() {
            open.leaving += 1;
            // Sending fails if its header has just come; then it need not close.
            let _ = oldest.send(());
        }
        if here >= unnamed {
            return Err(Bound::Unnamed);
        }
        let mut slot = self.count_in_total(most)?;
        let (sender, make_room) = oneshot::channel();
        let number = open.next;
        open.next += 1;
        open.unnamed.insert(number, sender);
        slot.counted = Counted::Unnamed(number);
        drop(open);
        Ok((slot, make_room))
    }

    fn count_in_total(self: &Arc<Self>, most: usize) -> Result<Slot, Bound> {
        // Create the slot first: if the bound is reached, dropping it takes the count back.
        let slot = Slot { connection_limits: Arc::clone(self), counted: Counted::InTotalOnly };
        let before = self.gauges.connections.fetch_add(1, Relaxed);
        if before < most as u64 { Ok(slot) } else { Err(Bound::Connections) }
    }
}

impl Slot {
    /// Counts the connection for the source that its PROXY header named.
    ///
    /// # Errors
    /// The bound of its class that is reached.
    pub(crate) fn name(&mut self, source: Address, quota: Quota) -> Result<(), Bound> {
        self.uncount();
        self.count_by_address(source, quota)
    }

    /// The PROXY header names no source (`LOCAL`, `UNKNOWN`): it is the proxy's own connection, which has no bound.
    pub(crate) fn name_nobody(&mut self) {
        self.uncount();
    }

    fn count_by_address(&mut self, address: Address, quota: Quota) -> Result<(), Bound> {
        let (each, all, stranger) = match quota {
            Quota::Client { each: None } => return Ok(()),
            Quota::Client { each: Some(each) } => (each, usize::MAX, false),
            Quota::Stranger { each, all } => (each, all, true),
        };
        let key = subscriber(address);
        let mut open = self.connection_limits.lock();
        let here = open.by_address.get(&key).copied().unwrap_or_default();
        if here >= each {
            return Err(if stranger { Bound::PerStranger } else { Bound::PerClient });
        }
        if stranger && open.strangers >= all {
            return Err(Bound::Strangers);
        }
        open.by_address.insert(key, here + 1);
        open.strangers += usize::from(stranger);
        self.counted = Counted::ByAddress { key, stranger };
        Ok(())
    }

    fn uncount(&mut self) {
        match std::mem::replace(&mut self.counted, Counted::InTotalOnly) {
            Counted::InTotalOnly => {}
            Counted::Unnamed(number) => {
                let mut open = self.connection_limits.lock();
                if open.unnamed.remove(&number).is_none() {
                    open.leaving -= 1;
                }
            }
            Counted::ByAddress { key, stranger } => {
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
        self.uncount();
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
        let enter = |text: &str, quota| connection_limits.enter(address(text), quota, MANY);
        let quota = Quota::Stranger { each: 2, all: 3 };
        let first: Vec<_> = (0..2).map(|_| enter("192.0.2.1", quota).unwrap()).collect();
        assert_eq!(enter("192.0.2.1", quota).err(), Some(Bound::PerStranger));
        let other = enter("192.0.2.2", quota).unwrap();
        assert_eq!(enter("192.0.2.3", quota).err(), Some(Bound::Strangers));
        let client = enter("192.0.2.3", Quota::Client { each: Some(1) });
        assert!(client.is_ok() && enter("192.0.2.3", Quota::Client { each: Some(1) }).is_err());
        assert!(enter("192.0.2.3", Quota::Client { each: None }).is_ok());
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 4);
        drop((first, other, client));
        assert!(connection_limits.lock().by_address.is_empty());
        assert_eq!(connection_limits.lock().strangers, 0);
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 0);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_whatever_the_lower_half_says() {
        let connection_limits = connection_limits();
        let quota = Quota::Stranger { each: 1, all: 9 };
        let _first = connection_limits.enter(address("2001:db8::1"), quota, MANY);
        assert!(connection_limits.enter(address("2001:db8::ffff:0:0:1"), quota, MANY).is_err());
        assert!(connection_limits.enter(address("2001:db8:0:1::1"), quota, MANY).is_ok());
    }

    #[test]
    fn a_burst_never_passes_the_bound_of_all() {
        let connection_limits = connection_limits();
        let held: Vec<_> = (0..50)
            .filter_map(|_| {
                connection_limits.enter(address("192.0.2.1"), Quota::Client { each: None }, 8).ok()
            })
            .collect();
        assert_eq!(held.len(), 8);
        assert_eq!(connection_limits.gauges.connections.load(Relaxed), 8);
    }

    #[test]
    fn of_those_that_name_no_source_the_oldest_makes_room() {
        let connection_limits = connection_limits();
        let mut held: Vec<_> = (0..4).map(|_| connection_limits.enter_unnamed(4, MANY).unwrap()).collect();
        assert!(held[0].1.try_recv().is_ok(), "the oldest must make room");
        assert!(held[1..].iter_mut().all(|(_, make_room)| make_room.try_recv().is_err()));
        let quota = Quota::Stranger { each: 1, all: 9 };
        assert!(held[1].0.name(address("192.0.2.1"), quota).is_ok(), "its source is counted now");
        assert_eq!(
            held[2].0.name(address("192.0.2.1"), quota),
            Err(Bound::PerStranger),
            "as any connection of that source"
        );
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
                "a connection that was asked to close is counted until it has closed"
            );
        }
        assert_eq!(held.len(), 8);
        // Those that were asked to close do so, and the next one finds room.
        held.retain_mut(|(_, make_room)| make_room.try_recv().is_err());
        assert!(held.len() < 8 && connection_limits.enter_unnamed(8, MANY).is_ok());
    }
}
