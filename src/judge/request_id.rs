//! Request ids: unique in this process, and unlikely to equal one of another process.
//!
//! Whether a proxy's id is kept is decided in [`super::request`].

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::mix::mixed;
use crate::policy::text;

/// A request id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RequestId {
    /// One that the gate made: 32 hexadecimal digits.
    Own([u8; 32]),
    /// The `X-Request-Id` of a trusted proxy.
    Given(Box<[u8]>),
}

/// An empty id.
impl Default for RequestId {
    fn default() -> Self {
        Self::Given(Box::default())
    }
}

impl RequestId {
    /// The bytes of the id.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(digits) => digits,
            Self::Given(bytes) => bytes,
        }
    }
}

/// Makes ids of 32 hexadecimal digits: one random half for the process, and a counter, mixed, as the other half.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library seeds its hashers from the random source of the system.
        let random = || RandomState::new().build_hasher().finish();
        Self { process: random(), next: AtomicU64::new(random()) }
    }
}

impl RequestIds {
    /// The next id.
    #[must_use]
    pub(crate) fn next(&self) -> RequestId {
        let count = self.next.fetch_add(1, Relaxed);
        let mut digits = [0; 32];
        let (process, counted) = digits.split_at_mut(16);
        text::hex(process, self.process);
        text::hex(counted, mixed(count));
        RequestId::Own(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_hexadecimal_and_32_long() {
        let ids = RequestIds::default();
        let names: HashSet<RequestId> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(
            names.iter().map(RequestId::bytes).all(|n| n.len() == 32 && n.iter().all(u8::is_ascii_hexdigit))
        );
    }
}
