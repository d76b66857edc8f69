//! The exchanges and the account of their bytes: what is under way and what is kept share one room.
//!
//! Invariant: before anything is refused, the oldest exchanges are forgotten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::state::capture::account::{Account, Charge};
use crate::state::capture::ring::{Ring, Room};
use crate::state::stats::gauges::Gauges;

/// The exchanges that are kept.
#[derive(Debug)]
pub(super) struct Vault {
    account: Arc<Account>,
    ring: Mutex<Ring>,
}

impl Vault {
    /// Nothing is kept.
    pub(super) fn new(gauges: Arc<Gauges>) -> Self {
        Self { account: Arc::new(Account::new(gauges)), ring: Mutex::default() }
    }

    pub(super) fn gauges(&self) -> &Gauges {
        self.account.gauges()
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for so many bytes, of exchanges that are older if need be.
    pub(super) fn charge(&self, bytes: u64, room: Room) -> Option<Charge> {
        loop {
            if let Some(charge) = self.account.charge(bytes, room.bytes, room.with_messages) {
                return Some(charge);
            }
            // Dropped behind the lock, which others wait for.
            let forgotten = self.ring().pop();
            forgotten.as_ref()?;
        }
    }

    /// Forgets every exchange. True if there were any.
    pub(super) fn empty(&self) -> bool {
        if self.account.held() == 0 {
            return false;
        }
        let forgotten = self.ring().clear();
        !forgotten.is_empty()
    }
}
