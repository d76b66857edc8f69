//! All pools, one for each configured endpoint, with the background tasks of each: its resolver and its health checks.
//!
//! What a pool does with its connections is in [`super::pool`].

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::task::JoinSet;

use crate::state::endpoint::Endpoint;
use crate::state::snapshot::Snapshot;
use crate::upstream::health;
use crate::upstream::pool::Pool;
use crate::upstream::resolver::{Addresses, keep_fresh};

/// All pools. Invariant: they are sorted by the number of the endpoint, so that a binary search finds one.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    open: RwLock<Vec<Open>>,
}

/// A pool and its background tasks, which end with it.
#[derive(Debug)]
struct Open {
    id: usize,
    pool: Arc<Pool>,
    _tasks: JoinSet<()>,
}

impl Open {
    /// Creates a pool and starts its tasks: resolving the endpoint's name, and checking its health. Needs a runtime.
    fn new(endpoint: &Arc<Endpoint>) -> Self {
        let (addresses, name) = Addresses::of(&endpoint.target);
        let pool = Arc::new(Pool::new(Arc::clone(endpoint), addresses));
        let mut tasks = JoinSet::new();
        if let Some(name) = name {
            let pool = Arc::clone(&pool);
            tasks.spawn(async move { keep_fresh(&pool.addresses, &name).await });
        }
        if let Some(check) = endpoint.check.clone() {
            let pool = Arc::clone(&pool);
            tasks.spawn(async move {
                health::check_forever(&pool.endpoint, &pool.addresses, &check).await;
            });
        }
        Self { id: endpoint.id, pool, _tasks: tasks }
    }
}

impl Pools {
    /// The pool of an endpoint. [`Self::open_all`] has usually created it; it is created here when a request comes
    /// before that, or after [`Self::prune`] has closed the pool.
    pub(crate) fn of(&self, endpoint: &Arc<Endpoint>) -> Arc<Pool> {
        {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if let Ok(place) = open.binary_search_by_key(&endpoint.id, |one| one.id) {
                return Arc::clone(&open[place].pool);
            }
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let place = match open.binary_search_by_key(&endpoint.id, |one| one.id) {
            Ok(place) => place,
            Err(place) => {
                open.insert(place, Open::new(endpoint));
                place
            }
        };
        Arc::clone(&open[place].pool)
    }

    /// Creates a pool for every endpoint of the snapshot, so that names are resolved before a request needs them.
    /// Returns the numbers of the endpoints.
    pub(crate) fn open_all(&self, snapshot: &Snapshot) -> BTreeSet<usize> {
        let endpoints = snapshot.endpoints();
        for endpoint in endpoints.values() {
            self.of(endpoint);
        }
        endpoints.into_keys().collect()
    }

    /// Closes the connections that were idle for too long, and the pools of endpoints that are not `wanted`. A request
    /// that is being served keeps its connection.
    pub(crate) fn prune(&self, wanted: &BTreeSet<usize>) {
        let gone: Vec<Open> = {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            open.extract_if(.., |one| !wanted.contains(&one.id)).collect()
        };
        drop(gone);
        let kept: Vec<Arc<Pool>> = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.iter().map(|one| Arc::clone(&one.pool)).collect()
        };
        for pool in kept {
            pool.prune();
        }
    }
}
