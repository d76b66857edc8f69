//! Authorities and certificates for tests.

use std::sync::Arc;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
};

use crate::config::CertificateFiles;
use crate::files::file::{FileContent, Files};
use crate::policy::provider;
use crate::state::tls::certificate::{self, Certificate};

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The kind of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Ecdsa,
    Ed25519,
}

/// A certificate and its key as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap();
        Self { pem: issuer.pem(), issuer }
    }

    pub(crate) fn below(name: &str, above: &Self) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority(name), key, above.signer()).unwrap();
        Self { pem: issuer.pem(), issuer }
    }

    fn signer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    pub(crate) fn sign(&self, names: &[&str], kind: Kind, edit: impl FnOnce(&mut CertificateParams)) -> Pair {
        let algorithm = match kind {
            Kind::Ecdsa => &PKCS_ECDSA_P256_SHA256,
            Kind::Ed25519 => &PKCS_ED25519,
        };
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        edit(&mut params);
        Pair { certificate: params.signed_by(&key, self.signer()).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// The key path of all pairs here.
pub(crate) const AT: &str = "listen[0].tls";

pub(crate) fn files(certificate: &str, key: &str) -> CertificateFiles {
    CertificateFiles { at: AT.to_owned(), certificate: certificate.into(), key: key.into() }
}

/// A view of these files.
pub(crate) fn look(files: &[(&str, &str)]) -> Files {
    let seen = |(path, text): &(&str, &str)| FileContent {
        path: path.into(),
        content: Ok(Bytes::copy_from_slice(text.as_bytes())),
    };
    Files(files.iter().map(seen).collect())
}

/// A certificate as the gate loads it, with its whole chain.
pub(crate) fn certificate(ca: &Authority, names: &[&str], kind: Kind) -> Arc<Certificate> {
    let pair = ca.sign(names, kind, |_| ());
    let chain = format!("{}{}", pair.certificate, ca.pem);
    let contents = look(&[("c", &chain), ("k", &pair.key)]);
    Arc::new(certificate::read(&files("c", "k"), &contents, &provider::DEFAULT.advice).unwrap().0)
}
