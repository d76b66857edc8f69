//! The bytes that exchanges hold, in the account of all messages.
//!
//! Invariant: a charge is given back once, when the memory is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::state::stats::gauges::Gauges;

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    gauges: Arc<Gauges>,
    held: AtomicU64,
}

impl Account {
    /// Nothing is held.
    pub(super) fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges, held: AtomicU64::new(0) }
    }

    pub(super) fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// The bytes that are held.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// Counts `bytes` more, of which `most` may be held, and `all` with the messages.
    pub(super) fn charge(self: &Arc<Self>, bytes: u64, most: u64, all: u64) -> Option<Charge> {
        // A charge that is not made gives back what it counted.
        let charge = Charge { account: Arc::clone(self), bytes };
        let held = self.held.fetch_add(bytes, Relaxed) + bytes;
        let buffered = self.gauges.buffered.fetch_add(bytes, Relaxed) + bytes;
        (held <= most && buffered <= all).then_some(charge)
    }
}

/// Bytes that are counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Charge {
    /// The bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over another charge of the same account.
    pub(super) fn add(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Relaxed);
        self.account.gauges.buffered.fetch_sub(self.bytes, Relaxed);
    }
}
