//! Authorities, certificates and keys of a test's own making, and TLS clients that know them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

/// The host that test certificates are for.
pub const HOST: &str = "hooks.example";
/// Both versions that are spoken.
pub const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// Who signs.
pub struct Authority {
    pub pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its chain, and its key, as PEM.
#[derive(Clone)]
pub struct Pair {
    pub chain: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        Self { pem: issuer.pem(), issuer }
    }

    /// A server's certificate for these names, followed by the authority's own.
    pub fn pair(&self, names: &[&str]) -> Pair {
        self.signed(names, |_| ())
    }

    /// A client's certificate.
    pub fn client(&self, common_name: &str, organisation: &str) -> Pair {
        self.signed(&[], |params| {
            params.distinguished_name.push(DnType::OrganizationName, organisation);
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    pub fn signed(&self, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        edit(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { chain: format!("{}{}", certificate.pem(), self.pem), key: key.serialize_pem() }
    }

    /// A client that trusts this authority alone and makes a full handshake every time.
    pub fn client_config(&self) -> ClientConfig {
        self.client_of(BOTH, None)
    }

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
}

impl Pair {
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<_, _>>().expect("certificates")
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key")
    }
}

/// How senders speak to an address.
#[derive(Clone)]
pub struct Way {
    pub tls: Option<Arc<ClientConfig>>,
    /// What they write as HTTP/1 travels as HTTP/2.
    pub http2: bool,
}

static WAYS: LazyLock<Mutex<HashMap<SocketAddr, Way>>> = LazyLock::new(Mutex::default);

/// From now on every sender that connects to this address speaks like this.
pub fn speak(to: SocketAddr, way: Way) {
    WAYS.lock().unwrap_or_else(PoisonError::into_inner).insert(to, way);
}

/// The address may be somebody else's from now on.
pub fn forget(to: SocketAddr) {
    WAYS.lock().unwrap_or_else(PoisonError::into_inner).remove(&to);
}

/// How senders speak to this address, if not in plain HTTP/1.
pub fn way_to(to: SocketAddr) -> Option<Way> {
    WAYS.lock().unwrap_or_else(PoisonError::into_inner).get(&to).cloned()
}
