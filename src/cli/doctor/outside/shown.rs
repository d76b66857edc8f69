//! The certificates that the other end shows, and the TLS of the doctor's connections.
//!
//! Every certificate is taken, because the doctor looks at what is wrong with one. Nothing that is secret is sent over
//! such a connection but the doctor's own token, and what is found is judged elsewhere.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    version,
};

use crate::state::tls::provider::PROVIDER;

/// Which versions of TLS a connection offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Both.
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

impl Versions {
    fn list(self) -> &'static [&'static SupportedProtocolVersion] {
        static ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
        static ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
        static BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        match self {
            Self::Both => BOTH,
            Self::Only12 => ONLY_12,
            Self::Only13 => ONLY_13,
        }
    }
}

/// Takes every certificate, and keeps what was shown.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    /// The certificates in the order in which they were shown; empty where none was.
    #[must_use]
    pub(crate) fn shown(&self) -> Vec<CertificateDer<'static>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The TLS of a connection that this one watches.
    ///
    /// # Errors
    /// There is no TLS to be had.
    pub(crate) fn config(self: &Arc<Self>, versions: Versions, sni: bool) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(versions.list())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>);
        let mut config = builder.with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.enable_sni = sni;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = [end_entity].into_iter().chain(intermediates);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            all.map(|one| one.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &PROVIDER.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether these roots vouch for a chain, for a name of its first certificate and at a time at which that is valid:
/// whether name and time are the right ones is not asked here.
#[must_use]
pub(crate) fn is_vouched(
    roots: &Arc<RootCertStore>,
    chain: &[CertificateDer<'_>],
    name: &str,
    at: u64,
) -> bool {
    let Some((leaf, others)) = chain.split_first() else { return false };
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&PROVIDER)).build();
    let (Ok(verifier), Ok(name)) = (verifier, ServerName::try_from(name)) else { return false };
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
    verifier.verify_server_cert(leaf, others, &name, &[], at).is_ok()
}
