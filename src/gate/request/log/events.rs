//! Passes the event of a request that has ended to its receivers: the counters of the route, the table of denials, the
//! access log.
//!
//! What they keep of it is their own matter. Invariant: each event is counted once.

use std::sync::Arc;

use crate::gate::request::log::access_log::AccessLog;
use crate::gate::request::log::event::Event;
use crate::state::snapshot::UNROUTED;
use crate::state::stats::counters::RouteCounters;
use crate::state::stats::denials::{Denial, Denials};

/// The receivers of events, apart from the counters, which belong to the route.
#[derive(Debug)]
pub(crate) struct Events {
    /// The access log.
    pub log: AccessLog,
    /// The table of recent denials.
    pub denials: Arc<Denials>,
}

impl Events {
    /// Receivers that have seen no event.
    #[must_use]
    pub(crate) fn new(log: AccessLog) -> Self {
        Self { log, denials: Arc::default() }
    }

    /// Passes on one event; `counters` are those of its route.
    pub(crate) fn emit(&self, event: &Event<'_>, counters: &RouteCounters) {
        counters.count(event.reason, event.status);
        if event.would_deny.is_some() {
            counters.count_would_deny();
        }
        if let Some(reason) = event.denial() {
            self.denials.note(&Denial {
                client: event.client.unwrap_or(event.peer),
                reason,
                observed: event.would_deny.is_some(),
                route: event.route.filter(|label| *label != UNROUTED),
                path: event.path,
                at: event.began,
            });
        }
        self.log.write(event);
    }
}
