//! The event of a request that has ended: everything that its receivers may record.
//!
//! It borrows its values. A receiver that keeps some of them copies those, so that an event allocates nothing itself.

use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use tokio::time::Instant;

use crate::policy::address::addr::Address;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::signature::finding::{Finding, Scheme};

/// What is known of a request when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The request id, which the application receives too.
    pub request_id: &'a [u8],
    /// Why the request ended as it did; the outcome follows from it.
    pub reason: Reason,
    /// The client, if its address could be found.
    pub client: Option<Address>,
    /// The other end of the TCP connection.
    pub peer: Address,
    /// The list that admitted the client.
    pub list: Option<&'a str>,
    /// The prefix in that list.
    pub prefix: Option<IpNet>,
    /// The route's label.
    pub route: Option<&'a str>,
    /// The route's webhook.
    pub webhook: Option<&'static str>,
    /// The method.
    pub method: &'a [u8],
    /// The path, without the query.
    pub path: &'a [u8],
    /// The status of the reply; `None` when no reply was sent.
    pub status: Option<u16>,
    /// The status of the application's answer.
    pub upstream_status: Option<u16>,
    /// How often the message was sent to the application.
    pub attempts: u8,
    /// The number of bytes of the request's body.
    pub bytes_in: u64,
    /// The number of bytes of the reply's body.
    pub bytes_out: u64,
    /// When the first byte of the request arrived.
    pub began: Instant,
    /// The time of day at the end.
    pub ended: SystemTime,
    /// The time from the first byte of the request to the last byte of the reply.
    pub duration: Duration,
    /// The time from the beginning of the exchange to the end of the application's answer.
    pub upstream: Option<Duration>,
    /// The generation of the snapshot that judged the request.
    pub generation: u64,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// The version: `1.0`, `1.1` or `2`.
    pub http: Option<&'static str>,
    /// The reason for which the request would be denied, if only `mode: observe` admitted it.
    pub would_deny: Option<Reason>,
    /// The subject of the sender's certificate, if the listener asked for one.
    pub client_cert: Option<&'a str>,
    /// What became of the request's signature, if it was judged.
    pub signature: Option<Signed<'a>>,
    /// Advice for the operator.
    pub note: Option<&'a str>,
}

/// A signature that was judged. What it names is known only of one that is good.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What became of it.
    pub finding: Finding,
    /// How the request is signed; `None` if it is not.
    pub scheme: Option<Scheme>,
    /// The account that it names.
    pub account: Option<&'a str>,
    /// The application that it names.
    pub application: Option<&'a str>,
    /// Its own name.
    pub id: Option<&'a str>,
    /// Its age in seconds; below zero, it lies in the future.
    pub age: Option<i64>,
}

impl Event<'_> {
    /// An event with these values and no others.
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
            ended: SystemTime::now(),
            duration: Duration::ZERO,
            upstream: None,
            generation: 0,
            tls: false,
            http: None,
            would_deny: None,
            client_cert: None,
            signature: None,
            note: None,
        }
    }

    /// The reason for which the request was denied, or would be without `mode: observe`.
    #[must_use]
    pub fn denial(&self) -> Option<Reason> {
        self.would_deny.or_else(|| (self.reason.outcome() == Outcome::Denied).then_some(self.reason))
    }
}
