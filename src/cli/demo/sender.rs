//! The senders: two loopback addresses, and what each gets for a webhook.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::child::stop::Wish;
use crate::cli::webhooks::connection::{Failed, Line, Via};
use crate::cli::webhooks::exchange::exchange;
use crate::cli::webhooks::request;
use crate::cli::webhooks::samples::Sample;

/// An address in the demo's list.
pub(super) const ADMITTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// An address in no list.
pub(super) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Longer than any deadline of the gate, so that the gate's own answer arrives.
const PATIENCE: Duration = Duration::from_secs(20);

/// The reply that a sender got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a sample to the gate from an address.
///
/// # Errors
/// The address cannot be used on this machine, or no HTTP answer came.
pub(super) fn send(sample: &Sample, from: Ipv4Addr, gate: SocketAddr) -> Result<Reply, Failed> {
    let from = Some((IpAddr::V4(from), Via::Socket));
    let line = Line { addresses: vec![gate], tls: None, from, stop: Arc::new(Wish::default()) };
    let request = request::written(sample, &gate.to_string(), &[]);
    let answer = exchange(&line, PATIENCE, PATIENCE, request.as_bytes()).got?;
    Ok(Reply { status: answer.status, body: answer.body })
}
