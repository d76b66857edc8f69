//! What is told of a request when it has ended, and to whom.
//!
//! | file | noun |
//! | --- | --- |
//! | [`record`] | what is gathered of a request on its way |
//! | [`event`] | a request that has ended |
//! | [`events`] | whoever is told of it |
//! | [`access_log`] | its line |
//! | [`limiter`] | lines that are summed up |

pub(crate) mod access_log;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod limiter;
pub(crate) mod record;
