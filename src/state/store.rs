//! The one place where the current snapshot stands.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Cache};

use super::reload::Report;
use super::snapshot::Snapshot;

/// Holds the snapshot that serves. Readers never wait; only `reload` publishes.
#[derive(Debug)]
pub struct Store {
    current: Arc<ArcSwap<Snapshot>>,
    last_reload: ArcSwapOption<Report>,
}

/// A connection's own view: one load a request costs a comparison of pointers, and the reference
/// count is touched only when a new snapshot was published.
pub type View = Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>;

impl Store {
    /// A store with the first snapshot.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(first)), last_reload: ArcSwapOption::empty() }
    }

    /// The current snapshot.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A view for one connection.
    #[must_use]
    pub fn view(&self) -> View {
        Cache::new(Arc::clone(&self.current))
    }

    /// How the last reload went, if there was one.
    #[must_use]
    pub fn last_reload(&self) -> Option<Arc<Report>> {
        self.last_reload.load_full()
    }

    pub(super) fn publish(&self, next: Snapshot) {
        self.current.store(Arc::new(next));
    }

    pub(super) fn report(&self, report: Arc<Report>) {
        self.last_reload.store(Some(report));
    }
}
