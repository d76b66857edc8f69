//! HTTP/2: requests side by side on one connection.
//!
//! Only the version's own protocol belongs here; a rule that holds for HTTP/1 as well belongs in `request`.
//!
//! | file | noun |
//! | --- | --- |
//! | [`connection`] | a connection, from its preface to GOAWAY |
//! | [`stream`] | one stream: how a body comes in and a reply goes out |
//! | [`fields`] | an HTTP/2 header becomes a head, with the limits of HTTP/1 |
//! | [`slot`] | one of the streams that may be open |
//! | [`conduct`] | resets and unwelcome requests, and when they end a connection |
//! | [`sent`] | when the last frame of a stream was written |

mod conduct;
pub(crate) mod connection;
mod fields;
pub(crate) mod sent;
pub(crate) mod slot;
mod stream;
