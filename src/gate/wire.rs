//! How a request's body comes in and its answer goes out; HTTP/1 and HTTP/2 have one each.
//!
//! The story of a request (`request.rs`) is told once, over this trait, so that no rule can hold for one
//! version of HTTP and be forgotten for the other.

use std::future::Future;

use super::alarm::Alarm;
use super::body::Wanted;
use super::budget::Budget;
use super::farewell::Sender;
use super::reply::Reply;
use crate::policy::outcome::Reason;

/// One request's way in and out.
pub trait Wire: Send {
    /// Appends the whole body to `message`.
    fn read_body(
        &mut self,
        wanted: Wanted,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Reads over a body of this length, if all of it is here already. False when it is not.
    fn skip_body(&mut self, length: u64) -> bool;

    /// The timer of this connection or stream.
    fn alarm(&mut self) -> &mut Alarm;

    /// What the sender did meanwhile, without waiting.
    fn sender(&mut self) -> Sender;

    /// Writes the answer. True when all of it went out.
    fn write(&mut self, reply: &Reply<'_>) -> impl Future<Output = bool> + Send;

    /// Whether a sender that closed its side has taken the answer.
    fn was_taken(&mut self) -> impl Future<Output = bool> + Send;

    /// Whether bytes of a next request are here already.
    fn has_more(&self) -> bool;

    /// Counts a request that was not welcome. True when the connection has carried enough of them.
    fn unwelcome(&mut self) -> bool;
}
