//! The current state: one immutable [`snapshot::Snapshot`], replaced as a whole, and the counts of what
//! happened.
//!
//! No file is opened here: `files` reads bytes, `load` turns them into a snapshot and publishes it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`snapshot`] | everything that a request is decided by |
//! | [`store`] | holds the current snapshot |
//! | [`past`] | what a list admitted until a reload |
//! | [`proposals`] | the proposals that wait for a person |
//! | [`report`] | the result of a reload |
//! | [`held`] | a change that waits for an operator to accept it |
//! | [`secrets`] | the secrets that webhooks are signed with |
//! | [`strangers`] | clients in no list that proved themselves |
//! | [`doctor`] | the token by which the doctor proves whose it is |
//! | [`endpoint`] | upstreams and their endpoints |
//! | [`authorities`] | who may sign the certificates of upstreams |
//! | [`capture`] | the last exchanges, while somebody asks for them |
//! | [`tls`] | certificates, keys and names of the listeners |
//! | [`stats`] | what happened: counters, gauges, history, denials, health |

pub(crate) mod authorities;
pub(crate) mod capture;
pub(crate) mod doctor;
pub(crate) mod endpoint;
pub(crate) mod held;
pub(crate) mod past;
pub(crate) mod proposals;
pub(crate) mod report;
pub(crate) mod secrets;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod strangers;
pub(crate) mod tls;
