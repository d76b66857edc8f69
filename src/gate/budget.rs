//! The bytes that one request may hold, taken from what all may hold together (`limits.buffers`).
//!
//! Room is taken before it is filled: for a length that is announced at once, else as bytes come.
//! Invariant: what was taken is given back when the request ends, however it ends.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::outcome::Reason;

/// Room is taken in steps, so that a message that comes in small pieces costs few atomic operations.
const STEP: u64 = 16 << 10;

/// One request's share.
#[derive(Debug)]
pub struct Budget<'a> {
    all: &'a AtomicU64,
    most: u64,
    taken: u64,
    used: u64,
}

impl<'a> Budget<'a> {
    /// An empty share of `all`, which may grow to `most` for everybody together.
    #[must_use]
    pub fn new(all: &'a AtomicU64, most: usize) -> Self {
        Self { all, most: most as u64, taken: 0, used: 0 }
    }

    /// Makes room for `bytes` more.
    ///
    /// # Errors
    /// There is none: [`Reason::Overloaded`].
    pub fn make_room(&mut self, bytes: usize) -> Result<(), Reason> {
        self.used += bytes as u64;
        let wanted = self.used.next_multiple_of(STEP);
        let more = wanted.saturating_sub(self.taken);
        if more == 0 {
            return Ok(());
        }
        let before = self.all.fetch_add(more, Relaxed);
        self.taken += more;
        if before + more > self.most { Err(Reason::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Budget<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.taken, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_bounded_and_given_back() {
        let all = AtomicU64::new(0);
        let most = 4 * 16 * 1024;
        let mut one = Budget::new(&all, most);
        assert_eq!((one.make_room(10), one.make_room(10)), (Ok(()), Ok(())));
        assert_eq!(all.load(Relaxed), STEP);
        let mut other = Budget::new(&all, most);
        assert_eq!(other.make_room(3 * 16 * 1024), Ok(()));
        assert_eq!(other.make_room(1), Err(Reason::Overloaded));
        drop(other);
        assert_eq!(one.make_room(3 * 16 * 1024 - 20), Ok(()));
        drop(one);
        assert_eq!(all.load(Relaxed), 0);
    }
}
