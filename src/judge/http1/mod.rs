//! The bytes of an HTTP/1 head, before it means anything.
//!
//! | file | noun |
//! | --- | --- |
//! | [`scan`] | where a head ends in the bytes that came so far |
//! | [`parse`](mod@parse) | the syntax of a head |
//! | [`stray`] | bytes that were meant for another kind of listener |

pub(crate) mod parse;
pub(crate) mod scan;
pub(crate) mod stray;
