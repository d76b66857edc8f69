//! The bytes that one request or connection holds, counted against the bound for all of them (`limits.buffers`).
//!
//! Bytes are counted when they arrive, never when they are only announced: otherwise a sender could use up the bound
//! with announcements. How much each client may hold is in [`super::shares`]. Invariant: a refused amount is not
//! counted, and everything that was counted is given back when the budget is dropped.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::outcome::Reason;
use crate::wire::shares::{Holder, Shares};

/// Bytes are counted in steps of this size, so that a message in small pieces needs few atomic operations.
const STEP: u64 = 16 << 10;

/// The bounds of a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// The bound for all budgets together.
    pub all: usize,
    /// The size of the largest message: a client's share is at least this large.
    pub message: usize,
}

/// The bytes of one request or connection.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    all: &'a AtomicU64,
    /// The share that the bytes count in.
    share: Option<(&'a Shares, Holder)>,
    most: Most,
    taken: u64,
    used: u64,
}

impl<'a> Budget<'a> {
    /// An empty budget that counts in `all` and in the share of a client.
    #[must_use]
    pub(crate) fn new(all: &'a AtomicU64, shares: &'a Shares, holder: Holder, most: Most) -> Self {
        Self { all, share: Some((shares, holder)), most, taken: 0, used: 0 }
    }

    /// An empty budget that counts in `all` only.
    #[must_use]
    pub(crate) fn alone(all: &'a AtomicU64, most: usize) -> Self {
        Self { all, share: None, most: Most { all: most, message: most }, taken: 0, used: 0 }
    }

    /// Counts `bytes` more.
    ///
    /// # Errors
    /// A bound would be passed: [`Reason::Overloaded`]. What was counted before stays counted.
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

/// Grows a buffer for `missing` announced bytes, but only in steps, so that an announcement alone takes little memory.
pub(crate) fn reserve(buffer: &mut Vec<u8>, missing: usize) {
    const FIRST: usize = 64 << 10;
    if missing <= FIRST {
        buffer.reserve_exact(missing);
    } else if buffer.capacity() - buffer.len() < FIRST {
        // Doubles the buffer, by one step at least, and never allocates more than is missing.
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
