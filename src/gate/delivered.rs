//! The signed messages whose senders were told success: whoever sends one of them again repeats it.
//!
//! Only what was delivered is remembered, so a sender that tries again because it heard of no success is never taken for
//! a repeat. A message is remembered by a hash of all that makes it that message: its id and the secret that signed it,
//! and its route, method, target, host, type and body, of which a signature covers only a part. Invariant: memory is bounded,
//! and nothing is forgotten before half of `signatures.max_age`, unless [`MOST`] other messages were delivered since.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::policy::signature::rules::Message;
use crate::policy::signature::vouch::Vouched;

/// Messages that a generation holds. There are two.
const MOST: usize = 50_000;
/// What is kept of each: what it is, and its id.
const KEPT: usize = 2;
/// What both may take: a table has a power of two of places, of sixteen bytes and one.
pub(crate) const MOST_BYTES: u64 = 2 * 17 * (1 << 17) * 2;

/// The messages that were delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// `SipHash` of 128 bits under a key of this process: nobody finds two messages with one hash.
    hasher: SipHasher13,
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    began: Instant,
    current: Hashes,
    previous: Hashes,
}

/// Hashes under keys of this process, which nobody outside can choose: a table need not hash them again.
pub(crate) type Hashes = HashSet<u128, BuildHasherDefault<Itself>>;

/// Takes the low half of a hash of 128 bits for its hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers are kept in such a table; whatever else comes is told apart all the same.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
    }
}

/// Parts one after the other, each with its length before it: no two rows of parts make the same text. One text is
/// hashed in two thirds of the instructions that its parts take.
#[derive(Debug)]
struct Parts(Vec<u8>);

impl Parts {
    /// The capacity for the parts of nearly every message, in bytes.
    const USUAL: usize = 512;

    fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&part.len().to_le_bytes());
        self.0.extend_from_slice(part);
    }

    /// The id of a signed message, which is one for a secret and a scheme.
    fn of_id(vouched: &Vouched) -> Option<Self> {
        let id = vouched.id().filter(|id| !id.is_empty())?;
        let mut parts = Self(Vec::with_capacity(Self::USUAL));
        parts.add(vouched.scheme().word().as_bytes());
        parts.add(vouched.secret().bytes());
        parts.add(id.as_bytes());
        Some(parts)
    }
}

impl Generations {
    fn have(&self, hash: u128) -> bool {
        self.current.contains(&hash) || self.previous.contains(&hash)
    }
}

/// A message, as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageKey {
    /// All that makes it this message.
    whole: u128,
    /// Its id alone, under which a stranger may bring it once, to whatever route.
    id: u128,
}

impl MessageKey {
    /// All that makes it this message.
    #[must_use]
    pub(crate) fn whole(self) -> u128 {
        self.whole
    }

    /// Its id alone.
    #[must_use]
    pub(crate) fn id(self) -> u128 {
        self.id
    }

    #[cfg(test)]
    pub(crate) fn of(whole: u128, id: u128) -> Self {
        Self { whole, id }
    }
}

impl Delivered {
    /// Nothing was delivered.
    #[must_use]
    pub(crate) fn new(now: Instant) -> Self {
        let generations = Generations { began: now, current: Hashes::default(), previous: Hashes::default() };
        // What is random in the hasher of the standard library is not to be had otherwise, and it cannot fail.
        let [one, other] =
            [RandomState::new(), RandomState::new()].map(|state| state.build_hasher().finish());
        Self { hasher: SipHasher13::new_with_keys(one, other), generations: Mutex::new(generations) }
    }

    /// The key of a signed message that came to this route and target; `None` if it has no id of its own. `read_by` are the
    /// values by which an application reads it.
    #[must_use]
    pub(crate) fn key<'m>(
        &self,
        vouched: &Vouched,
        (route, target): (&str, &[u8]),
        (message, read_by): (&Message<'_>, impl Iterator<Item = &'m [u8]>),
    ) -> Option<MessageKey> {
        let mut parts = Parts::of_id(vouched)?;
        let mut hasher = self.hashing(&parts);
        let id = hasher.finish128().as_u128();
        parts.0.clear();
        // The hash of a good token is of the body, which may be long.
        let hash = vouched.payload_hash();
        let body = hash.as_ref().map_or(message.body, |hash| &hash[..]);
        for part in [route.as_bytes(), target, message.method, &body.len().to_le_bytes()] {
            parts.add(part);
        }
        read_by.for_each(|value| parts.add(value));
        hasher.write(&parts.0);
        // The one part that may be long is not copied. Its length is among the others.
        hasher.write(body);
        Some(MessageKey { whole: hasher.finish128().as_u128(), id })
    }

    /// The hasher, to which these parts were given.
    fn hashing(&self, parts: &Parts) -> SipHasher13 {
        let mut hasher = self.hasher;
        hasher.write(&parts.0);
        hasher
    }

    /// Whether this very message was delivered.
    #[must_use]
    pub(crate) fn knows(&self, key: MessageKey) -> bool {
        self.lock().have(key.whole)
    }

    /// The id of a signed message, as it is remembered; `None` if it has none.
    #[must_use]
    pub(crate) fn id(&self, vouched: &Vouched) -> Option<u128> {
        Parts::of_id(vouched).map(|parts| self.hashing(&parts).finish128().as_u128())
    }

    /// Whether a message with this id was delivered.
    #[must_use]
    pub(crate) fn has_id(&self, id: u128) -> bool {
        self.lock().have(id)
    }

    /// Remembers a message that was delivered now, for half of `max_age` at least. It is forgotten when others are
    /// remembered later; one that is older than `max_age` is stale in any case.
    pub(crate) fn remember(&self, key: MessageKey, max_age: Duration, now: Instant) {
        let MessageKey { whole, id } = key;
        let mut generations = self.lock();
        let over = now.saturating_duration_since(generations.began) >= max_age / 2;
        if over || generations.current.len() >= KEPT * MOST {
            generations.previous = std::mem::take(&mut generations.current);
            generations.began = now;
        }
        generations.current.extend([whole, id]);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(100);

    fn key(number: u128) -> MessageKey {
        MessageKey { whole: 2 * number, id: 2 * number + 1 }
    }

    #[test]
    fn a_message_is_known_for_half_of_the_age_at_least() {
        let start = Instant::now();
        let delivered = Delivered::new(start);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        delivered.remember(key(1), AGE, at(40));
        delivered.remember(key(2), AGE, at(50));
        assert!(delivered.knows(key(1)) && delivered.knows(key(2)) && !delivered.knows(key(3)));
        delivered.remember(key(3), AGE, at(99));
        assert!(delivered.knows(key(1)), "in the generation before");
        delivered.remember(key(4), AGE, at(100));
        assert!(!delivered.knows(key(1)) && delivered.knows(key(2)));
    }

    #[test]
    fn a_flood_takes_bounded_memory_and_the_newest_are_known() {
        let delivered = Delivered::new(Instant::now());
        let now = Instant::now();
        for number in 0..5 * MOST as u128 {
            delivered.remember(key(number), AGE, now);
        }
        let generations = delivered.lock();
        let places = generations.current.capacity().max(generations.previous.capacity());
        assert!(generations.current.len() + generations.previous.len() <= 2 * KEPT * MOST);
        assert!(places < 1 << 17, "{places}");
        drop(generations);
        assert!(delivered.knows(key(5 * MOST as u128 - 1)) && !delivered.knows(key(0)));
    }
}
