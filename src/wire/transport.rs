//! How the body of a request comes in and its reply goes out: a trait with one implementation for HTTP/1
//! (`gate/http1/line.rs`) and one for HTTP/2 (`gate/http2/stream.rs`).
//!
//! The steps of a request (`gate/request/mod.rs`) are written once, over this trait. Invariant: a rule for requests is
//! in none of the two implementations, so it cannot hold for one version of HTTP and be forgotten for the other.

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

/// The connection or stream that carries one request and its reply.
pub(crate) trait Transport: Send {
    /// Reads the whole body and appends it to `message`.
    fn read_body(
        &mut self,
        wanted: Wanted,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Discards a body of this length, if all of it has arrived. False if it has not.
    fn skip_body(&mut self, length: u64) -> bool;

    /// The timer of this connection or stream.
    fn timer(&mut self) -> &mut Timer;

    /// The state of the sender, without waiting.
    fn sender(&mut self) -> SenderState;

    /// Writes the reply. True when all of it was written.
    fn write(&mut self, reply: &Reply<'_>) -> impl Future<Output = bool> + Send;

    /// How many bytes of the reply's body were sent. A body that only repeats the status may be left out.
    fn body_sent(&self, reply: &Reply<'_>) -> u64 {
        reply.body.len() as u64
    }

    /// Whether a sender that closed its side has acknowledged the reply.
    fn was_taken(&mut self) -> impl Future<Output = bool> + Send;

    /// Whether bytes of the next request have arrived.
    fn has_more(&self) -> bool;

    /// Counts an unwelcome request. True when the connection must be closed because of their number.
    fn count_unwelcome(&mut self) -> bool;
}

/// A reply that is ready to be written.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// Header lines, without Content-Length and Connection.
    pub fields: Cow<'a, Fields>,
    /// The value of Content-Length, if there is one.
    pub length: Option<u64>,
    /// The body.
    pub body: Cow<'a, [u8]>,
    /// The connection is closed after this reply.
    pub close: bool,
    /// Whether a Date is among the header lines.
    pub dated: bool,
    /// The body only repeats the status, and may be left out.
    pub spare: bool,
}

impl Reply<'_> {
    /// What is added as `Date`: when the answer was received, where whoever made it did not say (RFC 9110 section
    /// 6.6.1).
    #[must_use]
    pub(crate) fn date(&self) -> Option<[u8; 29]> {
        (!self.dated).then(date::now)
    }

    /// The whole reply in the syntax of HTTP/1.1.
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
