//! Who is at the other end of a connection. `accept` creates it; the HTTP versions and `request` read it.
//!
//! What a request claims about its client does not belong here (see [`super::request::intake`]).

use std::sync::Arc;

use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::Origin;
use crate::policy::client::original::Scheme;
use crate::state::snapshot::Snapshot;
use crate::wire::shares::PeerClass;

/// Who is at the other end of the connection, and over which listener it came.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The other end of the TCP connection.
    pub address: Address,
    /// The listener's index in the config's `listen`.
    pub listener: usize,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// Whether its PROXY header says that the source came over TLS.
    pub tls_in_front: bool,
    /// The subject of the certificate that the peer presented, if the listener asked for one.
    pub client_cert: Option<Arc<str>>,
    /// Whether the peer is the writer, or a PROXY header named another one.
    pub origin: Origin,
}

impl Peer {
    /// Who wrote the bytes of the connection: the source that a PROXY header named, else the peer.
    #[must_use]
    pub(crate) fn writer(&self) -> Address {
        self.origin.writer(self.address).unwrap_or(self.address)
    }

    /// The scheme of requests over the connection, as far as the connection says it.
    #[must_use]
    pub(crate) fn scheme(&self, snapshot: &Snapshot) -> Scheme {
        if self.tls || self.tls_in_front {
            return Scheme::Https;
        }
        let listener = snapshot.config.listen.get(self.listener);
        listener.map(|listener| listener.scheme).unwrap_or_default()
    }

    /// The class of the writer. It decides the limits until a request has named its client.
    #[must_use]
    pub(crate) fn standing(&self, snapshot: &Snapshot) -> PeerClass {
        let writer = self.writer();
        if snapshot.trusted.contains(writer) {
            PeerClass::Proxy
        } else if snapshot.knows(writer) {
            PeerClass::Listed
        } else {
            PeerClass::Stranger
        }
    }
}
