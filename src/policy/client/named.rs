//! The client, once it is known.

use crate::policy::address::addr::Address;

/// The client and how the gate came to believe in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address that admission is decided by.
    pub address: Address,
    /// The trusted proxies between the client and the gate, the one nearest to the client first,
    /// the TCP peer last. Empty when the client is the peer.
    pub via: Vec<Address>,
}
