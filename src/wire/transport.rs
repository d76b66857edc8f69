//! How a request's body comes in and its answer goes out; HTTP/1 and HTTP/2 have one each.
//!
//! The story of a request (`request.rs`) is told once, over this trait, so that no rule can hold for one
//! version of HTTP and be forgotten for the other.

use std::borrow::Cow;
use std::future::Future;

use crate::policy::outcome::Reason;
use crate::policy::text;
use crate::wire::body::Wanted;
use crate::wire::budget::Budget;
use crate::wire::date;
use crate::wire::delivery_check::SenderState;
use crate::wire::fields::Fields;
use crate::wire::timer::Timer;

/// One request's way in and out.
pub(crate) trait Transport: Send {
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
    fn timer(&mut self) -> &mut Timer;

    /// What the sender did meanwhile, without waiting.
    fn sender(&mut self) -> SenderState;

    /// Writes the answer. True when all of it went out.
    fn write(&mut self, reply: &Reply<'_>) -> impl Future<Output = bool> + Send;

    /// Bytes of the reply's body that were sent: what only repeats the status may be left out.
    fn body_sent(&self, reply: &Reply<'_>) -> u64 {
        reply.body.len() as u64
    }

    /// Whether a sender that closed its side has taken the answer.
    fn was_taken(&mut self) -> impl Future<Output = bool> + Send;

    /// Whether bytes of a next request are here already.
    fn has_more(&self) -> bool;

    /// Counts a request that was not welcome. True when the connection has carried enough of them.
    fn unwelcome(&mut self) -> bool;
}

/// An answer ready to be written.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// Header lines, without Content-Length and Connection.
    pub fields: Cow<'a, Fields>,
    /// The value of Content-Length, where there is one.
    pub length: Option<u64>,
    /// The body.
    pub body: Cow<'a, [u8]>,
    /// The connection is closed after it.
    pub close: bool,
    /// Among the header lines is a Date.
    pub dated: bool,
    /// The body says nothing that the status does not say, and may be left out.
    pub spare: bool,
}

impl Reply<'_> {
    /// What is added as `Date`: when the answer was received, where whoever made it did not say (RFC 9110 section
    /// 6.6.1).
    #[must_use]
    pub(crate) fn date(&self) -> Option<[u8; 29]> {
        (!self.dated).then(date::now)
    }

    /// The whole answer as HTTP/1.1 sends it.
    #[must_use]
    pub(crate) fn to_http1(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160 + self.fields.written_len() + self.body.len());
        bytes.extend_from_slice(b"HTTP/1.1 ");
        text::decimal(&mut bytes, self.status);
        bytes.push(b' ');
        bytes.extend_from_slice(phrase(self.status).as_bytes());
        bytes.extend_from_slice(b"\r\n");
        if let Some(date) = self.date() {
            bytes.extend_from_slice(b"Date: ");
            bytes.extend_from_slice(&date);
            bytes.extend_from_slice(b"\r\n");
        }
        self.fields.write(&mut bytes);
        if let Some(length) = self.length {
            bytes.extend_from_slice(b"Content-Length: ");
            text::decimal(&mut bytes, length);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.close {
            bytes.extend_from_slice(b"Connection: close\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The registered reason phrase; a status without one has an empty phrase (RFC 9112 section 4).
pub(crate) fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("")
}
