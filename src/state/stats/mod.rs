//! What happened: counters and gauges, their history, who was denied last, how endpoints have been doing.
//!
//! Nothing here knows of files, lists or snapshots.

pub(crate) mod counters;
pub(crate) mod denials;
pub(crate) mod gauges;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod hourly;
