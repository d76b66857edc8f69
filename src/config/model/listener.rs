//! What senders connect to: listeners and their TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::policy::client::original::Scheme;

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether every connection must begin with a PROXY header from a trusted proxy. If it is true,
    /// `trusted_proxies` is not empty.
    pub proxy_protocol: bool,
    /// The TLS settings; plain HTTP when `None`.
    pub tls: Option<Tls>,
    /// How senders reach what stands in front of it, where that does not say so itself. Never with `tls`.
    pub scheme: Scheme,
    /// Whether HTTP/2 is served beside HTTP/1: chosen by ALPN with TLS, by prior knowledge without.
    pub http2: bool,
    /// The folder of ACME challenge files that are served to anyone.
    pub acme_challenges: Option<PathBuf>,
    /// Whether nobody named it, and its port is that of the variable `PORT`.
    pub is_of_port: bool,
}

impl Listener {
    /// Where its address comes from, if nobody named it.
    #[must_use]
    pub(crate) fn origin(&self) -> Option<String> {
        let address = self.address;
        self.is_of_port.then(|| {
            format!("listens on {address}: no listener is named, and the variable PORT is {}", address.port())
        })
    }
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates; never empty. The first one is the default for names that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// The oldest version that is accepted.
    pub min_version: TlsVersion,
    /// The client certificate that senders are asked for, if any.
    pub client_auth: Option<ClientAuth>,
}

/// A certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The key path of the mapping that names the two files.
    pub at: String,
    /// A PEM file: the certificate first, then those that signed it.
    pub certificate: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// RFC 5246
    #[default]
    V12,
    /// RFC 8446
    V13,
}

/// The client certificate that senders are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// A PEM file with the certificates that may sign it.
    pub ca: PathBuf,
    /// Whether a sender without a certificate is refused. One with a certificate that cannot be verified is
    /// always refused.
    pub required: bool,
}
