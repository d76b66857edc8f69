//! HTTP/1: one request after the other on a connection.
//!
//! Only the version's own syntax and framing belong here; a rule that holds for HTTP/2 as well belongs in `request`.
//!
//! | file | noun |
//! | --- | --- |
//! | [`connection`] | a connection, from its first request to its end |
//! | [`line`](mod@line) | the state of a connection: stream, buffer, timer |
//! | [`head`] | reading one head from a stream, within its bounds |
//! | [`parse`](mod@parse) | the syntax of a head |

pub(crate) mod connection;
pub(crate) mod head;
pub(crate) mod line;
pub(crate) mod parse;
