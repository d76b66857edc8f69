//! The one place where the current snapshot stands.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Cache};
use tokio::sync::watch;

use crate::state::report::Report;
use crate::state::snapshot::Snapshot;

/// Holds the snapshot that serves. Readers never wait; only `reload` publishes.
#[derive(Debug)]
pub(crate) struct Store {
    current: Arc<ArcSwap<Snapshot>>,
    last_reload: ArcSwapOption<Report>,
    published: watch::Sender<u64>,
}

/// A connection's own view: one load a request costs a comparison of pointers, and the reference
/// count is touched only when a new snapshot was published.
pub(crate) type View = Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>;

impl Store {
    /// A store with the first snapshot.
    #[must_use]
    pub(crate) fn new(first: Snapshot) -> Self {
        let published = watch::Sender::new(first.generation);
        let current = Arc::new(ArcSwap::from_pointee(first));
        Self { current, last_reload: ArcSwapOption::empty(), published }
    }

    /// The current snapshot.
    #[must_use]
    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A view for one connection.
    #[must_use]
    pub(crate) fn view(&self) -> View {
        Cache::new(Arc::clone(&self.current))
    }

    /// How the last reload went, if there was one.
    #[must_use]
    pub(crate) fn last_reload(&self) -> Option<Arc<Report>> {
        self.last_reload.load_full()
    }

    /// Hears of the generation of every snapshot, after it was published.
    #[must_use]
    pub(crate) fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// From now on this snapshot is in force.
    pub(crate) fn publish(&self, next: Snapshot) {
        let generation = next.generation;
        self.current.store(Arc::new(next));
        self.published.send_replace(generation);
    }

    /// From now on this is the last reload.
    pub(crate) fn report(&self, report: Arc<Report>) {
        self.last_reload.store(Some(report));
    }
}
