//! A request as it was received: its head, and what was learnt of it on the way to the verdict.
//!
//! It lives until the request has ended, so that whatever comes after the verdict can read the head.

use crate::gate::request::facts::{Facts, loggable};
use crate::gate::request::head::{Head, Version};
use crate::gate::request::request_id::RequestId;
use crate::policy::address::addr::Address;
use crate::wire::body::Framing;

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The head; `None` when it could not be parsed.
    pub head: Option<Head>,
    /// The version; `None` when it is not known.
    pub version: Option<Version>,
    /// Who is asking, where it could be named.
    pub client: Option<Address>,
    /// Kept from a trusted proxy, else the gate's own.
    pub request_id: RequestId,
    /// The length of the body, where it is known and the connection may be used again after it.
    pub skippable: Option<u64>,
    /// The sender wants the connection closed.
    pub close: bool,
    /// What an operator should know of bytes that became no head.
    pub note: Option<&'static str>,
}

impl Received {
    /// The method; empty when the head could not be parsed.
    #[must_use]
    pub(crate) fn method(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], Head::method)
    }

    /// The path as logs may have it: without the query.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], |head| loggable(head.target()))
    }

    /// Whether the reply has no body whatever it says.
    #[must_use]
    pub(crate) fn is_head(&self) -> bool {
        self.method() == b"HEAD"
    }

    /// Takes note of how the message is framed.
    pub(super) fn note_framing(close: &mut bool, skippable: &mut Option<u64>, facts: &Facts<'_>) {
        *close = facts.close;
        *skippable = match facts.framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
    }
}
