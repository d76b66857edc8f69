//! HTTP/1: one request after the other on a connection.
//!
//! | file | noun |
//! | --- | --- |
//! | [`connection`] | a connection, from its first request to its end |
//! | [`line`](mod@line) | what lives as long as the connection: stream, buffer, timer |
//! | [`head`] | one head off a stream, within its bounds |
//! | [`parse`](mod@parse) | its syntax |
//! | [`stray`] | bytes that were meant for another kind of listener |

pub(crate) mod connection;
pub(crate) mod head;
pub(crate) mod line;
pub(crate) mod parse;
mod stray;
