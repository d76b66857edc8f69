//! One request that has ended, as everybody who is told of it sees it.
//!
//! It borrows: who keeps an event makes a copy of what it needs, so that an event costs nothing where nobody looks.

use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use crate::policy::address::addr::Address;
use crate::policy::outcome::{Outcome, Reason};

/// What is known of a request when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Names the request in this log and the application's.
    pub request_id: &'a [u8],
    /// Why it ended as it did; the outcome follows from it.
    pub reason: Reason,
    /// Who asked, where it could be named.
    pub client: Option<Address>,
    /// The other end of the TCP connection.
    pub peer: Address,
    /// The list that admitted the client.
    pub list: Option<&'a str>,
    /// The prefix of it.
    pub prefix: Option<IpNet>,
    /// The route's label.
    pub route: Option<&'a str>,
    /// The route's webhook.
    pub webhook: Option<&'static str>,
    /// The method.
    pub method: &'a [u8],
    /// The path, without the query.
    pub path: &'a [u8],
    /// What the sender was told; `None` when nothing could be said.
    pub status: Option<u16>,
    /// What the upstream said.
    pub upstream_status: Option<u16>,
    /// Times the message was sent to the upstream.
    pub attempts: u8,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// When its first byte was there.
    pub began: Instant,
    /// From then to the last byte of the reply.
    pub duration: Duration,
    /// From the first attempt to the end of the upstream's answer.
    pub upstream: Option<Duration>,
    /// The snapshot that judged it.
    pub generation: u64,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// The version: `1.0`, `1.1` or `2`.
    pub http: Option<&'static str>,
    /// The reason for which it would be denied, where only `mode: observe` let it pass.
    pub would_deny: Option<Reason>,
    /// The subject of the sender's certificate, where it presented one that was asked for.
    pub client_cert: Option<&'a str>,
    /// What an operator should know and can mend.
    pub note: Option<&'a str>,
}

impl Event<'_> {
    /// An event of which nothing else is known.
    #[must_use]
    pub fn new(reason: Reason, peer: Address, began: Instant) -> Self {
        Self {
            request_id: &[],
            reason,
            client: None,
            peer,
            list: None,
            prefix: None,
            route: None,
            webhook: None,
            method: &[],
            path: &[],
            status: None,
            upstream_status: None,
            attempts: 0,
            bytes_in: 0,
            bytes_out: 0,
            began,
            duration: Duration::ZERO,
            upstream: None,
            generation: 0,
            tls: false,
            http: None,
            would_deny: None,
            client_cert: None,
            note: None,
        }
    }

    /// The reason for which the client has no right to be here, denied or only observed.
    #[must_use]
    pub fn denial(&self) -> Option<Reason> {
        self.would_deny.or_else(|| (self.reason.outcome() == Outcome::Denied).then_some(self.reason))
    }
}
