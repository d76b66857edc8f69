//! What becomes of a connection and of a request: the verdicts, from a snapshot and from what was received.
//!
//! The gate serves by them and `explain` shows them, so both always agree. Nothing here waits, reads a socket or a file,
//! counts or logs. Invariant: a request is forwarded only as an [`request::Admitted`], which holds a `Permit`.
//!
//! | file | noun |
//! | --- | --- |
//! | [`connection`] | whether a connection is served, by its addresses |
//! | [`peer`] | who is at the other end of a connection |
//! | [`http1`] | the bytes of an HTTP/1 head: where it ends, its syntax |
//! | [`head`] | a head: method, target, version, fields |
//! | [`facts`] | what a head says about its message |
//! | [`request`] | what becomes of a request |
//! | [`doubt`] | whether a list may be what is wrong |
//! | [`served`] | what the gate itself serves: health probes, challenges, the doctor's requests |
//! | [`reply`] | what the gate itself replies, and the note for the operator |
//! | [`heard`](mod@heard) | what becomes of a stranger whose body was read |
//! | [`received`] | a request, and what was found out about it |
//! | [`signature`] | what becomes of the signature of a request |
//! | [`request_id`] | the id of a request |
//! | [`trial`] | what would become of senders if lists had another content |

pub(crate) mod connection;
pub(crate) mod doubt;
pub(crate) mod facts;
pub(crate) mod head;
pub(crate) mod heard;
pub(crate) mod http1;
pub(crate) mod peer;
pub(crate) mod received;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod served;
pub(crate) mod signature;
pub(crate) mod trial;
