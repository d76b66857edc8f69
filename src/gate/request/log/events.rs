//! Passes the event of a request that has ended to its receivers: the counters of the route, the table of denials, the
//! access log, and the exchanges that somebody asked to look at.
//!
//! What they keep of it is their own matter. Invariant: each event is counted once.

use std::sync::Arc;

use crate::gate::request::log::access_log::AccessLog;
use crate::gate::request::log::captured::{self, Draught};
use crate::gate::request::log::event::Event;
use crate::state::capture::Capture;
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
    /// The last exchanges, while somebody asked for them.
    pub capture: Arc<Capture>,
}

impl Events {
    /// Receivers that have seen no event.
    #[must_use]
    pub(crate) fn new(log: AccessLog, capture: Arc<Capture>) -> Self {
        Self { log, denials: Arc::default(), capture }
    }

    /// Passes on one event; `counters` are those of its route, `draught` has its copies while somebody asked for them.
    pub(crate) fn emit(&self, event: &Event<'_>, counters: &RouteCounters, draught: Option<Draught<'_>>) {
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
        if let Some(draught) = draught {
            captured::keep(&self.capture, event, draught);
        }
        self.log.write(event);
    }
}
