//! An exchange that has ended: what was received, what became of it, and the moments in between.
//!
//! Its bytes are as they were on the wire, up to a bound. It is shown through a mask only.

use std::time::{Duration, SystemTime};

use ipnet::IpNet;

use crate::policy::address::addr::Address;
use crate::policy::admission::Permit;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::provider::Webhook;
use crate::policy::signature::finding::Finding;
use crate::state::capture::account::Charge;

/// One exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Counts exchanges since the start of the process, from 1.
    pub number: u64,
    /// When it ended.
    pub ended: SystemTime,
    /// The request id.
    pub request_id: String,
    /// The client, if its address could be found.
    pub client: Option<Address>,
    /// The other end of the connection.
    pub peer: Address,
    /// The list that admitted the client, and the prefix in it.
    pub listed: Option<(String, IpNet)>,
    /// The route's label.
    pub route: Option<String>,
    /// The route's webhook.
    pub webhook: Option<Webhook>,
    /// The method.
    pub method: Vec<u8>,
    /// The path, without the query.
    pub path: Vec<u8>,
    /// Why it ended as it did.
    pub reason: Reason,
    /// The reason for which it would be denied, if only `mode: observe` admitted it.
    pub would_deny: Option<Reason>,
    /// The status of the reply.
    pub status: Option<u16>,
    /// The status of the application's answer.
    pub upstream_status: Option<u16>,
    /// How often the message was sent to the application.
    pub attempts: u8,
    /// The bytes of the request's body.
    pub bytes_in: u64,
    /// The bytes of the reply's body.
    pub bytes_out: u64,
    /// How long each phase took.
    pub phases: Phases,
    /// What became of the signature, if it was judged.
    pub signature: Option<Finding>,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// The version of HTTP.
    pub http: Option<&'static str>,
    /// Advice for the operator.
    pub note: Option<String>,
    /// The bytes.
    pub parts: Parts,
    /// The bytes that it holds, as they are counted.
    pub charge: Charge,
}

impl Exchange {
    /// Whether a stranger could cause it: of such there may be many.
    #[must_use]
    pub(crate) fn is_unwelcome(&self) -> bool {
        matches!(self.reason.outcome(), Outcome::Denied | Outcome::Rejected | Outcome::Served)
            || self.would_deny.is_some()
    }

    /// Whether it was denied, or would be without `mode: observe`.
    #[must_use]
    pub(crate) fn is_denied(&self) -> bool {
        self.reason.outcome() == Outcome::Denied || self.would_deny.is_some()
    }
}

/// How long each phase took, as far as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    /// From the first byte of the head until it was judged.
    pub head: Option<Duration>,
    /// From there until the body was whole.
    pub body: Option<Duration>,
    /// From sending the message to the application until its answer was whole.
    pub upstream: Option<Duration>,
    /// From the moment when the reply was known until it was written.
    pub reply: Option<Duration>,
    /// All of it.
    pub total: Duration,
}

/// The bytes of an exchange. Heads are written as HTTP/1 writes them, whatever the version.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The request as the sender sent it.
    pub request: Part,
    /// The head that the application was sent.
    pub forwarded: Cut,
    /// What the application answered.
    pub answer: Part,
    /// What the sender was told.
    pub reply: Part,
    /// Whether bodies were kept.
    pub with_bodies: bool,
    /// The permit with which it was forwarded.
    pub permit: Option<Permit>,
}

/// A head and a body.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// The head.
    pub head: Cut,
    /// The body.
    pub body: Cut,
}

/// Bytes, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// The bytes that were kept.
    pub bytes: Box<[u8]>,
    /// How many there were.
    pub whole: usize,
}

impl Cut {
    /// Whether bytes are missing.
    #[must_use]
    pub(crate) fn is_cut(&self) -> bool {
        self.bytes.len() < self.whole
    }
}
