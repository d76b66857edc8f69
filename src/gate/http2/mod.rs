//! HTTP/2: requests side by side on one connection.
//!
//! | file | noun |
//! | --- | --- |
//! | [`connection`] | a connection, from its preface to GOAWAY |
//! | [`stream`] | one stream: a request's way in and out |
//! | [`fields`] | a header, judged as HTTP/1 would have written it |
//! | [`slot`] | one of the streams that may be open |
//! | [`conduct`] | what a client may do before its connection ends |
//! | [`sent`] | when the last frame of a stream has left |

mod conduct;
pub(crate) mod connection;
mod fields;
pub(crate) mod sent;
pub(crate) mod slot;
mod stream;
