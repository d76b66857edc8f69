//! What is recorded of a request when it has ended: its event, its counters, its line in the access log.
//!
//! Nothing is decided here. Invariant: one event per request.
//!
//! | file | noun |
//! | --- | --- |
//! | [`record`] | the values that are collected while a request is served, and its one event |
//! | [`event`] | the event of a request that has ended |
//! | [`events`] | passes an event to the counters, the table of denials, the kept exchanges and the access log |
//! | [`captured`] | an event as an exchange that is kept |
//! | [`access_log`] | the line of an event |
//! | [`limiter`] | summaries in place of lines when there are too many |

pub(crate) mod access_log;
pub(crate) mod captured;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod limiter;
pub(crate) mod record;
