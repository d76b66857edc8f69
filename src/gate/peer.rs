//! Who is at the other end of a connection: made by `accept`, read by everything above a connection.

use std::sync::Arc;

use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::Origin;
use crate::policy::client::original::Scheme;
use crate::state::snapshot::Snapshot;
use crate::wire::shares::PeerClass;

/// Who is at the other end of the connection, and how it got here.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The other end of the TCP connection.
    pub address: Address,
    /// The listener's place in the config's `listen`.
    pub listener: usize,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// Whether its PROXY header says that the source came over TLS.
    pub tls_in_front: bool,
    /// The subject of the certificate that it presented, if it did and that was asked for.
    pub client_cert: Option<Arc<str>>,
    /// Whether the peer speaks for itself, or began with a PROXY header.
    pub origin: Origin,
}

impl Peer {
    /// Who wrote what comes over the connection: the source that a PROXY header named, else the peer.
    #[must_use]
    pub(crate) fn writer(&self) -> Address {
        self.origin.writer(self.address).unwrap_or(self.address)
    }

    /// How requests come over the connection, as far as anything but a request tells.
    #[must_use]
    pub(crate) fn scheme(&self, snapshot: &Snapshot) -> Scheme {
        if self.tls || self.tls_in_front {
            return Scheme::Https;
        }
        let listener = snapshot.config.listen.get(self.listener);
        listener.map(|listener| listener.scheme).unwrap_or_default()
    }

    /// As whom it counts before a request says who is asking.
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
