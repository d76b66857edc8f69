//! The admin interface: health, readiness, status, metrics, `explain`, `inspect`, reload.
//!
//! A small HTTP server of its own, for loopback or a UNIX socket. It reads `state` and decides nothing; what it
//! can start is a reload, the time in which the doctor may ask, and, when an operator asks, keeping exchanges for a time and
//! sending one again. Invariants: no answer but that of `inspect` has a query string, a header or a body of a webhook, and that
//! one only through a mask. No page in a browser can use it: a POST with an `Origin` is refused, and everything
//! but health is served only for a `Host` that is an address or `localhost`, so that a name that was rebound
//! to loopback gets nothing.
//!
//! | file | noun |
//! | --- | --- |
//! | [`last_hits`] | when prefixes last admitted a request, as all views show it |
//! | [`listener`] | the socket and its connections |
//! | [`places`] | limits of open connections, and which one is closed for another |
//! | [`wire`] | HTTP/1 on a connection, within limits |
//! | [`message`] | a request and an answer |
//! | [`routes`] | which request gets which answer |
//! | [`metrics`] | the numbers in Prometheus' text format |
//! | [`api`] | the answers that are JSON, as types |
//! | [`status`] | what is loaded, and the counts and states |
//! | [`inspect`] | the last exchanges, while somebody asked for them |
//! | [`explain`] | why an address is admitted or denied |
//! | [`text`] | the same two as text for people |
//! | [`page`] | the status for browsers, with the last minutes |
//! | [`reload`] | the result of a reload |

pub(crate) mod api;
pub(crate) mod explain;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod inspect;
pub(crate) mod last_hits;
pub(crate) mod listener;
pub(crate) mod message;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod places;
pub(crate) mod reload;
pub(crate) mod routes;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::load::reload::Reloader;
use crate::state::capture::Capture;
use crate::state::doctor::DoctorToken;
use crate::state::stats::denials::Denials;
use crate::state::stats::gauges::Gauges;
use crate::state::stats::history::History;
use crate::state::store::Store;
use crate::state::strangers::Strangers;

pub(crate) use listener::{AdminListener, serve};

/// A longer reload is reported as slow: the largest lists take seconds.
pub(crate) const LONG_RELOAD: Duration = Duration::from_secs(10);

/// Which requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    Whole,
    /// Health, readiness and metrics: what probes and scrapers on other machines need. Nothing about lists
    /// and files, and no actions.
    Probes,
}

/// What the admin interface reads, and the handle by which it requests a reload.
pub(crate) struct AdminContext {
    /// Which requests it answers.
    pub scope: Scope,
    /// The store with the snapshot in use.
    pub store: Arc<Store>,
    /// The only publisher of snapshots.
    pub reloader: Reloader,
    /// The numbers of the process.
    pub gauges: Arc<Gauges>,
    /// The counts of the last minutes per route.
    pub history: Arc<History>,
    /// The last denials.
    pub denials: Arc<Denials>,
    /// The clients in no list that proved themselves by a signature.
    pub strangers: Arc<Strangers>,
    /// The token by which the doctor proves whose it is.
    pub doctor: Arc<DoctorToken>,
    /// The last exchanges, while somebody asked for them.
    pub capture: Arc<Capture>,
    /// When the process started.
    pub started: Instant,
}

impl fmt::Debug for AdminContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminContext").field("started", &self.started).finish_non_exhaustive()
    }
}

/// Closes the columns of the history when they end, until the process ends.
pub(crate) async fn keep_history(ctx: Arc<AdminContext>) {
    loop {
        tokio::time::sleep_until(ctx.history.next(tokio::time::Instant::now())).await;
        ctx.history.sample(ctx.store.load().counted(), tokio::time::Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::CONFIG;
    use super::fixture::Stage;
    use super::*;
    use crate::policy::outcome::{Outcome, Reason};
    use crate::state::stats::history::{COLUMN, COLUMNS};

    #[tokio::test(start_paused = true)]
    async fn columns_are_closed_in_time_though_nobody_looks() {
        let (_folder, context) = Stage::new(CONFIG).context();
        let keeper = tokio::spawn(keep_history(Arc::clone(&context)));
        let snapshot = context.store.load();
        let route = &snapshot.routes[0];
        // In the middle of the first three columns; the test controls the clock.
        tokio::time::sleep(COLUMN / 2).await;
        for count in 1..=3 {
            (0..count).for_each(|_| route.counters.count(Reason::Success, Some(200)));
            tokio::time::sleep(COLUMN).await;
        }
        let columns = context.history.columns(&route.label, &route.counters);
        let delivered: Vec<u64> =
            columns[COLUMNS - 5..].iter().map(|column| column.count(Outcome::Delivered)).collect();
        assert_eq!(delivered, [0, 1, 2, 3, 0]);
        keeper.abort();
    }
}
