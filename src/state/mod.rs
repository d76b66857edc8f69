//! What is current: one immutable [`snapshot::Snapshot`], swapped whole.
//!
//! Files are read here and nowhere else. [`look`] and [`folder`] take their bytes, [`source`], [`lists`] and [`load`] turn
//! them into a snapshot or every problem,
//! [`store`] holds the one that serves, [`reload`] is the only publisher, `pulse` tells whether it lives,
//! [`watch`] notices changes, [`held`] is one that waits for a person's word, `standing` remembers what a
//! person approved,
//! [`keep`] remembers the last good lists over a restart, [`since`] compares with them, [`endpoint`] names the places that requests go
//! to, [`authorities`] who may sign for them, [`health`] how they have been doing, [`counters`] count what
//! happened on a route, [`history`] remembers when, [`denials`] who was denied last, [`gauges`] what the
//! process is doing.
//! Invariant: a list that cannot be read admits nobody new and loses nobody; the last good one stays.

pub mod authorities;
pub mod counters;
pub mod denials;
#[cfg(debug_assertions)]
mod drill;
pub mod endpoint;
pub mod folder;
pub mod gauges;
pub mod health;
pub mod held;
pub mod history;
pub mod keep;
pub mod lists;
pub mod load;
pub mod look;
mod named;
mod pulse;
pub mod reload;
mod report;
mod serving;
pub mod since;
#[cfg(test)]
mod site;
pub mod snapshot;
mod source;
mod standing;
pub mod store;
pub mod tls;
pub mod watch;
