//! The open connections to the admin interface or the metrics, and which one is closed to make room for
//! another.
//!
//! There is no queue: a new connection is always accepted, because it may be the probe that decides whether
//! this process is restarted. When all places are taken, or all places of one address, the oldest connection
//! that has not sent a complete request is closed; if all have sent one, the oldest is closed. Invariant: no
//! address, however silent or slow, keeps another one waiting.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The limits on open connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    /// For all addresses together.
    pub all: usize,
    /// For one address (IPv6: one /64). Connections of a UNIX socket have no address.
    pub each: usize,
}

/// The connections that are open.
#[derive(Debug)]
pub(crate) struct Places {
    most: Most,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    /// In the order of arrival.
    by_number: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    from: Option<IpAddr>,
    stage: Stage,
    task: Option<AbortHandle>,
}

/// How far a connection has come. The first variant is closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Silent,
    Asked,
}

/// A connection's place; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
}

impl Places {
    /// No connection is open yet.
    #[must_use]
    pub(crate) fn new(most: Most) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a new connection. Returns also whether another connection was closed for it.
    pub(crate) fn enter(self: &Arc<Self>, from: Option<IpAddr>) -> (Place, bool) {
        let from = from.map(subscriber);
        let mut held = self.lock();
        let here = held.by_number.values().filter(|other| from.is_some() && other.from == from).count();
        let made_room = if here >= self.most.each {
            held.oldest(|other| other.from == from)
        } else if held.by_number.len() >= self.most.all {
            held.oldest(|_| true)
        } else {
            None
        };
        let closed = made_room.and_then(|number| held.by_number.remove(&number));
        let number = held.next;
        held.next += 1;
        held.by_number.insert(number, Holder { from, stage: Stage::Silent, task: None });
        drop(held);
        let made_room = closed.is_some();
        // Aborting the task closes the connection.
        if let Some(task) = closed.and_then(|other| other.task) {
            task.abort();
        }
        (Place { places: Arc::clone(self), number }, made_room)
    }

    /// Sets the task whose abort closes the connection, if its place is still taken.
    pub(crate) fn ends_with(&self, number: u64, task: AbortHandle) {
        if let Some(holder) = self.lock().by_number.get_mut(&number) {
            holder.task = Some(task);
        }
    }
}

impl Held {
    fn oldest(&self, among: impl Fn(&Holder) -> bool) -> Option<u64> {
        let those = self.by_number.iter().filter(|(_, holder)| among(holder));
        those.min_by_key(|(number, holder)| (holder.stage, **number)).map(|(number, _)| *number)
    }
}

impl Place {
    /// The number of the place, for [`Places::ends_with`].
    #[must_use]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Records that the connection has sent a complete request.
    pub(crate) fn has_asked(&self) {
        if let Some(holder) = self.places.lock().by_number.get_mut(&self.number) {
            holder.stage = Stage::Asked;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().by_number.remove(&self.number);
    }
}

/// The address of one subscriber: an IPv4 address, also if it is written as IPv6, or an IPv6 /64.
fn subscriber(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn numbers(places: &Places) -> Vec<u64> {
        places.lock().by_number.keys().copied().collect()
    }

    #[test]
    fn the_oldest_silent_connection_goes_first_of_an_address_over_its_share() {
        let places = Places::new(Most { all: 5, each: 3 });
        let enter = |from| places.enter(from);
        let held: Vec<_> = [1, 1, 2, 1].map(|last| enter(Some(ip(last)))).into();
        assert!(held.iter().all(|(_, made_room)| !made_room));
        let (_another, made_room) = enter(Some(ip(1)));
        assert!(made_room, "its address has three");
        assert_eq!(numbers(&places), [1, 2, 3, 4]);
        let _fifth = enter(Some(ip(3)));
        held[1].0.has_asked();
        let _sixth = enter(Some(ip(4)));
        assert_eq!(numbers(&places), [1, 3, 4, 5, 6], "number 2 was the oldest that had said nothing");
    }

    #[test]
    fn the_oldest_connection_goes_when_none_is_silent() {
        let places = Places::new(Most { all: 2, each: 2 });
        let held = [places.enter(None), places.enter(None)];
        for (place, _) in &held {
            place.has_asked();
        }
        let _third = places.enter(None);
        assert_eq!(numbers(&places), [1, 2]);
        drop(held);
        assert_eq!(numbers(&places), [2], "what has gone takes nobody's place along");
    }

    #[tokio::test]
    async fn a_connection_that_must_go_is_closed() {
        let places = Places::new(Most { all: 1, each: 1 });
        let (place, _) = places.enter(Some(ip(1)));
        let number = place.number();
        let task = tokio::spawn(async move {
            let _place = place;
            std::future::pending::<()>().await;
        });
        places.ends_with(number, task.abort_handle());
        let _newcomer = places.enter(Some(ip(2)));
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(numbers(&places).len(), 1);
    }

    #[test]
    fn an_address_counts_as_one_however_it_is_written() {
        let same =
            |one: &str, other: &str| subscriber(one.parse().unwrap()) == subscriber(other.parse().unwrap());
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
    }
}
