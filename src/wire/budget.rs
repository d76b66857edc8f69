//! The bytes that one request or connection may hold, taken from what all may hold together (`limits.buffers`).
//!
//! Room is taken as bytes come, never for what is only announced: an announcement costs its sender nothing.
//! Invariant: what was refused is not held, and what was taken is given back when the budget is dropped.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::outcome::Reason;
use crate::wire::shares::{Holder, Shares};

/// Room is taken in steps, so that a message that comes in small pieces costs few atomic operations.
const STEP: u64 = 16 << 10;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// For everybody together.
    pub all: usize,
    /// What one message may need: whoever may send at all has room for it, while there is any.
    pub message: usize,
}

/// One request's or connection's bytes.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    all: &'a AtomicU64,
    /// Whose share they count in.
    share: Option<(&'a Shares, Holder)>,
    most: Most,
    taken: u64,
    used: u64,
}

impl<'a> Budget<'a> {
    /// Nothing yet of `all`, on behalf of a client.
    #[must_use]
    pub(crate) fn new(all: &'a AtomicU64, shares: &'a Shares, holder: Holder, most: Most) -> Self {
        Self { all, share: Some((shares, holder)), most, taken: 0, used: 0 }
    }

    /// Nothing yet of what belongs to nobody else.
    #[must_use]
    pub(crate) fn alone(all: &'a AtomicU64, most: usize) -> Self {
        Self { all, share: None, most: Most { all: most, message: most }, taken: 0, used: 0 }
    }

    /// Makes room for `bytes` more.
    ///
    /// # Errors
    /// There is none: [`Reason::Overloaded`]. What was made room for before stays.
    #[inline]
    pub(crate) fn make_room(&mut self, bytes: usize) -> Result<(), Reason> {
        let used = self.used + bytes as u64;
        if used <= self.taken {
            self.used = used;
            return Ok(());
        }
        self.take_steps(used)
    }

    fn take_steps(&mut self, used: u64) -> Result<(), Reason> {
        let more = used.next_multiple_of(STEP).saturating_sub(self.taken);
        if !self.take(more) {
            return Err(Reason::Overloaded);
        }
        (self.used, self.taken) = (used, self.taken + more);
        Ok(())
    }

    fn take(&self, more: u64) -> bool {
        let (most, message) = (self.most.all as u64, (self.most.message as u64).next_multiple_of(STEP));
        if let Some((shares, holder)) = self.share {
            return shares.take(self.all, holder, more, most, message);
        }
        let fits = self.all.fetch_add(more, Relaxed) + more <= most;
        if !fits {
            self.all.fetch_sub(more, Relaxed);
        }
        fits
    }
}

impl Drop for Budget<'_> {
    fn drop(&mut self) {
        match self.share {
            Some((shares, holder)) => shares.give(self.all, holder, self.taken),
            None => {
                self.all.fetch_sub(self.taken, Relaxed);
            }
        }
    }
}

/// Makes room in a buffer for what was announced. No more than a first step at once: memory follows the bytes.
pub(crate) fn reserve(buffer: &mut Vec<u8>, missing: usize) {
    const FIRST: usize = 64 << 10;
    if missing <= FIRST {
        buffer.reserve_exact(missing);
    } else if buffer.capacity() - buffer.len() < FIRST {
        // Doubles what is there, and never goes beyond what is missing by more than a step.
        buffer.reserve_exact(missing.min(buffer.len().max(FIRST)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::addr::Address;
    use crate::wire::shares::PeerClass;

    #[test]
    fn room_is_shared_bounded_and_given_back() {
        let (all, shares) = (AtomicU64::new(0), Shares::default());
        let proxy = shares.holder(Address::new([192, 0, 2, 1].into()), PeerClass::Proxy);
        let most = Most { all: 4 * 16 * 1024, message: 1 };
        let mut one = Budget::new(&all, &shares, proxy, most);
        assert_eq!((one.make_room(10), one.make_room(10)), (Ok(()), Ok(())));
        assert_eq!(all.load(Relaxed), STEP);
        let mut other = Budget::new(&all, &shares, proxy, most);
        assert_eq!(other.make_room(3 * 16 * 1024), Ok(()));
        assert_eq!(other.make_room(1), Err(Reason::Overloaded));
        assert_eq!(all.load(Relaxed), 4 * STEP, "what was refused is not held");
        drop(other);
        assert_eq!(one.make_room(3 * 16 * 1024 - 20), Ok(()));
        drop(one);
        assert_eq!(all.load(Relaxed), 0);
    }

    #[test]
    fn a_stranger_holds_an_eighth_or_one_message() {
        let (all, shares) = (AtomicU64::new(0), Shares::default());
        let stranger = shares.holder(Address::new([192, 0, 2, 1].into()), PeerClass::Stranger);
        let held = |message: usize| {
            let mut one = Budget::new(&all, &shares, stranger, Most { all: 64 << 20, message });
            (0..10_000).take_while(|_| one.make_room(64 << 10).is_ok()).count() * (64 << 10)
        };
        assert_eq!(held(1 << 20), 8 << 20);
        assert_eq!(held(16 << 20), 16 << 20);
        assert_eq!(all.load(Relaxed), 0);
    }

    #[test]
    fn memory_follows_the_bytes_and_ends_at_what_was_announced() {
        let (mut buffer, length) = (Vec::new(), 5_000_000);
        while buffer.len() < length {
            let missing = length - buffer.len();
            reserve(&mut buffer, missing);
            assert!(
                buffer.capacity() <= (2 * buffer.len()).max(128 << 10).min(length),
                "{}",
                buffer.capacity()
            );
            let more = (buffer.capacity() - buffer.len()).min(10_000);
            buffer.resize(buffer.len() + more, 0);
        }
        assert_eq!(buffer.len(), length);
    }
}
