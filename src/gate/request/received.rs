//! A request as it was received: its head, and what `intake` found out about it.
//!
//! It is kept until the request has ended, so that every later step can read the head. The verdict is not part of it.

use crate::gate::request::facts::{Facts, loggable};
use crate::gate::request::head::{Head, Version};
use crate::gate::request::request_id::RequestId;
use crate::policy::address::addr::Address;
use crate::wire::body::Framing;

/// One request as it was received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The head; `None` when it could not be parsed.
    pub head: Option<Head>,
    /// The version; `None` when it is not known.
    pub version: Option<Version>,
    /// The client, if its address could be found.
    pub client: Option<Address>,
    /// The request id: that of a trusted proxy, or one that the gate made.
    pub request_id: RequestId,
    /// The length of the body if it was announced: such a body can be skipped. `None` for a chunked body.
    pub skippable: Option<u64>,
    /// The sender wants the connection closed.
    pub close: bool,
}

impl Received {
    /// The method; empty when the head could not be parsed.
    #[must_use]
    pub(crate) fn method(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], Head::method)
    }

    /// The part of the target that may be logged: the path without the query.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], |head| loggable(head.target()))
    }

    /// Whether the method is HEAD, so that the reply has no body.
    #[must_use]
    pub(crate) fn is_head(&self) -> bool {
        self.method() == b"HEAD"
    }

    /// Stores whether the connection closes after the request, and whether its body can be skipped.
    pub(super) fn note_framing(close: &mut bool, skippable: &mut Option<u64>, facts: &Facts<'_>) {
        *close = facts.close;
        *skippable = match facts.framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
    }
}
