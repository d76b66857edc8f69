//! What the doctor is to look at from elsewhere, as the command line says it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::state::doctor::proof::ProofKey;

/// What the doctor is to look at.
#[derive(Clone)]
pub(crate) struct Order {
    /// The URL.
    pub url: String,
    /// The id of the token, which stands in each URL.
    pub id: String,
    /// The key of the token, by which the gate proves its answers.
    pub key: ProofKey,
    /// Addresses in the place of those that the name has.
    pub connect: Vec<SocketAddr>,
    /// The doctor's own address.
    pub from: Option<IpAddr>,
    /// The authorities that senders trust.
    pub cacert: Option<PathBuf>,
    /// Addresses at which the application must not answer.
    pub application: Vec<SocketAddr>,
    /// The port of plain HTTP.
    pub http_port: u16,
    /// Whether the gate will be stopped.
    pub drill: bool,
}

/// Without the token.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order")
            .field("url", &self.url)
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}
