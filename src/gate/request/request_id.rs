//! Names for requests: unique in this process and unlikely to meet another's.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::text;

/// A request's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RequestId {
    /// The gate's own: 32 hexadecimal digits.
    Own([u8; 32]),
    /// One that a trusted proxy gave.
    Given(Box<[u8]>),
}

/// No name.
impl Default for RequestId {
    fn default() -> Self {
        Self::Given(Box::default())
    }
}

impl RequestId {
    /// Its bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(digits) => digits,
            Self::Given(bytes) => bytes,
        }
    }
}

/// Makes names of 32 hexadecimal digits: a random half for the process, a counted half, mixed.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library seeds its hashers from the system's random source.
        let random = || RandomState::new().build_hasher().finish();
        Self { process: random(), next: AtomicU64::new(random()) }
    }
}

impl RequestIds {
    /// The next name.
    #[must_use]
    pub(crate) fn next(&self) -> RequestId {
        let count = self.next.fetch_add(1, Relaxed);
        // splitmix64's finaliser: consecutive counts look nothing alike, and no two are the same.
        let mut mixed = count.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mut name = [0; 32];
        let (process, counted) = name.split_at_mut(16);
        text::hex(process, self.process);
        text::hex(counted, mixed ^ (mixed >> 31));
        RequestId::Own(name)
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
