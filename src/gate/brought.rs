//! The signed messages that strangers bring: each id is of one message, from one client, one at a time.
//!
//! Who recorded a message on its way can send it again, and a signature covers neither the route nor the address. Invariant:
//! memory is bounded; an id that is under way is not taken a second time until it is given back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::gate::delivered::{Hashes, MessageKey};
use crate::policy::address::addr::Address;

/// Ids that are known of each kind. Only who has as many signed messages can make one forgotten.
const MOST: usize = 10_000;

/// What was brought.
#[derive(Debug, Default)]
pub(crate) struct Brought(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    under_way: Hashes,
    /// The message that a stranger brought under an id, or that a listed sender brought in vain.
    messages: HashMap<u128, u128>,
    /// The client that brought an id first.
    clients: HashMap<u128, Address>,
}

impl Brought {
    /// A listed sender brings a message: while it is under way, no stranger brings its id.
    #[must_use]
    pub(crate) fn begin(&self, key: MessageKey) -> Option<UnderWay<'_>> {
        // Not `then_some`: that would make a guard in any case, and dropping it gives back what another one holds.
        let is_first = self.lock().under_way.insert(key.id());
        if is_first { Some(UnderWay { brought: self, id: key.id() }) } else { None }
    }

    /// A stranger brings a message. `None` while its id is under way, and where it was another message before.
    #[must_use]
    pub(crate) fn take(&self, key: MessageKey) -> Option<UnderWay<'_>> {
        if self.bind(key) { self.begin(key) } else { None }
    }

    /// From now on the id is of this message. False if it is of another one already.
    pub(crate) fn bind(&self, key: MessageKey) -> bool {
        let mut kept = self.lock();
        if kept.messages.len() >= MOST {
            kept.messages.clear();
        }
        *kept.messages.entry(key.id()).or_insert(key.whole()) == key.whole()
    }

    /// Whether no other client brought this id before. From now on it is of this client, if it is of no other.
    pub(crate) fn is_its(&self, id: u128, client: Address) -> bool {
        let mut kept = self.lock();
        if kept.clients.len() >= MOST {
            kept.clients.clear();
        }
        *kept.clients.entry(id).or_insert(client) == client
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps an id under way until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'b> {
    brought: &'b Brought,
    id: u128,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.brought.lock().under_way.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_one_message_and_under_way_once() {
        let brought = Brought::default();
        let (one, other) = (MessageKey::of(1, 7), MessageKey::of(2, 7));
        let way = brought.take(one).unwrap();
        assert!(brought.take(one).is_none() && brought.begin(one).is_none());
        drop(way);
        assert!(brought.take(one).is_some(), "it failed, and comes again");
        assert!(brought.take(other).is_none(), "another message under the same id");
        let listed = brought.begin(MessageKey::of(3, 8)).unwrap();
        assert!(brought.take(MessageKey::of(3, 8)).is_none());
        drop(listed);
        assert!(brought.take(MessageKey::of(3, 8)).is_some());
    }

    #[test]
    fn an_id_is_of_the_client_that_brought_it_first_and_memory_is_bounded() {
        let brought = Brought::default();
        let client = |number: u32| Address::new(std::net::Ipv4Addr::from(number).into());
        assert!(brought.is_its(1, client(1)) && brought.is_its(1, client(1)));
        assert!(!brought.is_its(1, client(2)) && brought.is_its(2, client(2)));
        for number in 0..2 * MOST as u128 {
            let _ = (brought.is_its(number, client(1)), brought.take(MessageKey::of(number, number)));
        }
        let kept = brought.lock();
        assert!(kept.clients.len() <= MOST && kept.messages.len() <= MOST && kept.under_way.is_empty());
    }
}
