//! Holds the current snapshot.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Cache};
use tokio::sync::watch;

use crate::state::proposals::Proposals;
use crate::state::report::Report;
use crate::state::snapshot::Snapshot;

/// Holds the snapshot in use. Readers never wait; only `reload` publishes.
#[derive(Debug)]
pub(crate) struct Store {
    current: Arc<ArcSwap<Snapshot>>,
    last_reload: ArcSwapOption<Report>,
    proposals: ArcSwap<Proposals>,
    published: watch::Sender<u64>,
}

/// A connection's own view of the store: a load per request costs one comparison of pointers, and the
/// reference count is changed only after a new snapshot was published.
pub(crate) type View = Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>;

impl Store {
    /// A store with the first snapshot.
    #[must_use]
    pub(crate) fn new(first: Snapshot) -> Self {
        let published = watch::Sender::new(first.generation);
        let current = Arc::new(ArcSwap::from_pointee(first));
        Self { current, last_reload: ArcSwapOption::empty(), proposals: ArcSwap::default(), published }
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

    /// The report of the last reload, if there was one.
    #[must_use]
    pub(crate) fn last_reload(&self) -> Option<Arc<Report>> {
        self.last_reload.load_full()
    }

    /// The proposals that wait, as they were seen last.
    #[must_use]
    pub(crate) fn proposals(&self) -> Arc<Proposals> {
        self.proposals.load_full()
    }

    /// Stores what was seen of the proposals.
    pub(crate) fn propose(&self, proposals: Proposals) {
        self.proposals.store(Arc::new(proposals));
    }

    /// A channel that receives the generation of every snapshot after it was published.
    #[must_use]
    pub(crate) fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Puts this snapshot in use.
    pub(crate) fn publish(&self, next: Snapshot) {
        let generation = next.generation;
        self.current.store(Arc::new(next));
        self.published.send_replace(generation);
    }

    /// Stores the report of the last reload.
    pub(crate) fn report(&self, report: Arc<Report>) {
        self.last_reload.store(Some(report));
    }
}
