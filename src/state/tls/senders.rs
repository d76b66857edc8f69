//! The certificates that senders present, and the authorities that may sign them.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use crate::files::file::Files;
use crate::state::tls::error::{AuthorityError, ChainError};
use crate::state::tls::provider::PROVIDER;
use crate::state::tls::{certificate, subject};

/// The authorities of a PEM file.
///
/// # Errors
/// What is wrong with the file, as text for the operator.
pub(crate) fn authorities(
    path: &Path,
    contents: &Files,
) -> Result<Vec<CertificateDer<'static>>, AuthorityError> {
    let all = contents.content(path).map_err(ChainError::from).and_then(certificate::chain_of)?;
    for (place, one) in (1..).zip(&all) {
        let read = RootCertStore::empty().add(one.clone());
        read.map_err(|source| AuthorityError::Unusable { place, count: all.len(), source })?;
    }
    Ok(all)
}

/// Asks senders for a certificate that one of the authorities signed.
///
/// # Errors
/// The authorities cannot be used.
pub(crate) fn verifier(
    authorities: &[CertificateDer<'static>],
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for one in authorities {
        roots.add(one.clone())?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&PROVIDER));
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    let inner = builder.build().map_err(|error| Error::General(error.to_string()))?;
    Ok(Arc::new(Legible(inner)))
}

/// Accepts only certificates whose subject can be read: a client that is admitted by its certificate is named
/// by the subject in the log and to the application.
#[derive(Debug)]
struct Legible(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Legible {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        subject::of(end_entity).map(|_| verified).ok_or(CertificateError::BadEncoding.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
