//! What happened: counters, gauges, their history, the last denials, the health of endpoints.
//!
//! Nothing here knows files, lists or snapshots.

pub(crate) mod counters;
pub(crate) mod denials;
pub(crate) mod event_limiter;
pub(crate) mod gauges;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod last_hits;
pub(crate) mod secret_use;
pub(crate) mod short;
pub(crate) mod signatures;
