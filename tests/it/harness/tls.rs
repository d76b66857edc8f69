//! TLS clients and servers that stand on a [`test_ca`](super::test_ca).

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::test_ca::{Authority, Pair};

/// Both versions that are spoken.
pub const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

impl Authority {
    /// A client that trusts this authority alone and makes a full handshake every time.
    pub fn client_config(&self) -> ClientConfig {
        self.client_of(BOTH, None)
    }

    /// The same for some versions, with a certificate of its own or none.
    pub fn client_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Pair>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate");
        roots.add(authority).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                builder.with_client_auth_cert(own.certificates(), own.private_key()).expect("a pair")
            }
        };
        config.resumption = Resumption::disabled();
        config
    }

    /// A server whose certificate bears `name`, and which does not send the authority's own.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        let pair = self.pair(&[name]);
        let leaf = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf], pair.private_key());
        Arc::new(config.expect("a server's config"))
    }
}

impl Pair {
    /// The whole chain.
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<_, _>>().expect("certificates")
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key")
    }
}
