//! What happened: counters and gauges, their history, who was denied last, how endpoints have been doing.
//!
//! Nothing here knows of files, lists or snapshots.

pub mod counters;
pub mod denials;
pub mod gauges;
pub mod health;
pub mod history;
