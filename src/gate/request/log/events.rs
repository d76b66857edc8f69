//! Whoever is told that a request has ended: the counters of its route, the table of denials, the access log.
//!
//! Invariant: an event is emitted once, and each of them hears of it.

use std::sync::Arc;

use crate::gate::request::log::access_log::AccessLog;
use crate::gate::request::log::event::Event;
use crate::state::snapshot::UNROUTED;
use crate::state::stats::counters::RouteCounters;
use crate::state::stats::denials::{Denial, Denials};

/// Everybody who is told.
#[derive(Debug)]
pub(crate) struct Events {
    /// Where lines go.
    pub log: AccessLog,
    /// Who was denied last.
    pub denials: Arc<Denials>,
}

impl Events {
    /// Nothing has happened yet.
    #[must_use]
    pub(crate) fn new(log: AccessLog) -> Self {
        Self { log, denials: Arc::default() }
    }

    /// Tells everybody of one event; `counters` are those of its route.
    pub(crate) fn emit(&self, event: &Event<'_>, counters: &RouteCounters) {
        counters.count(event.reason, event.status);
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
