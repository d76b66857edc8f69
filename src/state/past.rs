//! What a list admitted until a reload, for the routes that allowed it.
//!
//! A route has its own, because a list may leave `allow` too; routes with the same history share one. It is made in
//! `load`. Invariant: it is immutable, like the snapshot that it belongs to.

use std::time::Duration;

use crate::policy::address::addr::Address;
use crate::policy::address::removed::{Lost, Removed};

/// The past of one list.
#[derive(Clone, Debug)]
pub struct Past {
    /// The list.
    pub(crate) list: String,
    /// What it has lost.
    pub(crate) removed: Removed,
}

impl Past {
    /// The prefix that held the client until a load within the grace.
    #[must_use]
    pub(crate) fn find(&self, client: Address, grace: Duration, now: Duration) -> Option<Lost> {
        self.removed.find(client, grace, now)
    }
}
