//! The admin interface: is it alive, is it ready, what does it do, load it again.
//!
//! A small HTTP server of its own, meant for loopback or a UNIX socket. It reads what `state` holds and
//! decides nothing; the only thing it can change is to ask for a reload. Invariant: no answer holds a
//! query string, a header or a body of a webhook, and no page in a browser can make it act: requests to
//! act that carry an `Origin` are refused, and everything but health is only told to a `Host`
//! that is an address or `localhost`, so that a name that was rebound to loopback learns nothing.
//!
//! | file | noun |
//! | --- | --- |
//! | [`listener`] | the socket and its connections |
//! | [`places`] | who holds a connection, and who goes for others |
//! | [`wire`] | HTTP/1 on a connection, within bounds |
//! | [`routes`] | which request gets which answer |
//! | [`metrics`] | the numbers in Prometheus' text format |
//! | [`api`] | the answers that are JSON, as types |
//! | [`status`] | what is loaded and how it is doing |
//! | [`explain`] | why an address is admitted or denied |
//! | [`text`] | the same two in words |
//! | [`page`] | the status for browsers, with what happened lately |
//! | [`question`] | what is asked of `explain` |
//! | [`reload`] | a reload and how it went |

pub(crate) mod api;
pub(crate) mod explain;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod places;
pub(crate) mod question;
pub(crate) mod reload;
pub(crate) mod routes;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::load::reload::Reloader;
use crate::state::stats::denials::Denials;
use crate::state::stats::gauges::Gauges;
use crate::state::stats::history::History;
use crate::state::store::Store;

pub(crate) use listener::{AdminListener, serve};

/// A reload that takes so long is worth a look: the largest lists take seconds.
pub(crate) const LONG_RELOAD: Duration = Duration::from_secs(10);

/// Which requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    Whole,
    /// Health, readiness and metrics: what scrapers and probes on other machines need, and nothing that
    /// tells of lists and files or sets anything in motion.
    Probes,
}

/// What the admin interface reads, and the two things that it may set in motion.
pub(crate) struct AdminContext {
    /// How much of it is answered.
    pub scope: Scope,
    /// What serves.
    pub store: Arc<Store>,
    /// The only publisher of snapshots.
    pub reloader: Reloader,
    /// The numbers of the process.
    pub gauges: Arc<Gauges>,
    /// What happened on the routes lately.
    pub history: Arc<History>,
    /// Who was denied last.
    pub denials: Arc<Denials>,
    /// When the process started.
    pub started: Instant,
}

impl fmt::Debug for AdminContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminContext").field("started", &self.started).finish_non_exhaustive()
    }
}

/// Closes the columns of the history in time, for ever.
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
        // In the middle of the first three columns; the clock is the test's.
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
