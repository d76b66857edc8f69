//! The ground under both sides of the gate: bodies, buffers, timers, and the bounds of what is held.
//!
//! Nothing here knows of requests, routes or applications; senders (`gate`) and applications (`upstream`) stand on it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`transport`] | how a request's body comes in and its reply goes out, whatever the version of HTTP |
//! | [`body`] | a body, whole and within its bounds |
//! | [`fields`] | the lines of one head, as ranges over one buffer |
//! | [`chunked`] | the chunked coding, decoded strictly |
//! | [`date`] | the time as a reply has it |
//! | [`read_buffer`] | what was read of a connection and not used yet |
//! | [`timer`] | one timer for each connection |
//! | [`budget`] | the bytes that one request may hold |
//! | [`shares`] | how much one client and all strangers may hold |
//! | [`delivery_check`] | whether a sender is still there, and took its reply |
//! | [`drain`] | the end of the process, as connections see it |

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod chunked;
mod date;
pub(crate) mod delivery_check;
pub(crate) mod drain;
pub(crate) mod fields;
pub(crate) mod read_buffer;
pub(crate) mod shares;
pub(crate) mod timer;
pub(crate) mod transport;
