//! What both sides of the gate need: bodies, buffers, timers, and the bounds of the memory that they hold.
//!
//! Nothing here knows of requests, routes or applications; `gate` and `upstream` both use it. Invariant: whatever is
//! held for a peer has a bound.
//!
//! | file | noun |
//! | --- | --- |
//! | [`transport`] | how a request's body comes in and its reply goes out, whatever the version of HTTP |
//! | [`plain`] | a socket without TLS, as it is |
//! | [`body`] | reading a request's body, whole and within its bounds; the chunked coding |
//! | [`fields`] | the header lines of one head, as ranges over one buffer |
//! | [`date`] | the time as a reply has it |
//! | [`read_buffer`] | bytes that were read from a connection and not used yet |
//! | [`timer`] | a reusable timer, one per connection |
//! | [`budget`] | the bytes that one request may hold |
//! | [`shares`] | how much one client, and all strangers together, may hold |
//! | [`delivery_check`] | whether a sender is still there, and whether it acknowledged its reply |
//! | [`drain`] | how connections learn that the process is ending |

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod date;
pub(crate) mod delivery_check;
pub(crate) mod drain;
pub(crate) mod fields;
pub(crate) mod plain;
pub(crate) mod read_buffer;
pub(crate) mod shares;
pub(crate) mod timer;
pub(crate) mod transport;
