//! What is current: one immutable [`snapshot::Snapshot`], swapped whole, and what happened under it.
//!
//! No file is opened here: `files` reads bytes, `load` turns them into a snapshot and publishes it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`snapshot`] | everything that a request is judged by |
//! | [`store`] | the one place where the current snapshot stands |
//! | [`report`] | how a reload went |
//! | [`held`] | a change that waits for a person's confirmation |
//! | [`endpoint`] | the places that requests go to |
//! | [`authorities`] | who may sign for them |
//! | [`tls`] | certificates, keys and names of the listeners |
//! | [`stats`] | what happened: counters, gauges, history, denials, health |

pub(crate) mod authorities;
pub(crate) mod endpoint;
pub(crate) mod held;
pub(crate) mod report;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod tls;
