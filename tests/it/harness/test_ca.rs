//! A certificate authority of a test's own, and what it signs. The unit tests of `src/state/tls` share this file, and so
//! does the siege.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm,
};

/// The host that test certificates are for.
pub const HOST: &str = "hooks.example";

/// Who signs.
pub struct Authority {
    pub pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate, and its key, as PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    /// The certificate, followed by the authority's own.
    pub chain: String,
    pub key: String,
}

impl Authority {
    /// A root.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        Self::of(CertifiedIssuer::self_signed(authority(name), key).expect("an authority"))
    }

    /// An intermediate authority, which `above` vouches for.
    pub fn below(name: &str, above: &Self) -> Self {
        let key = KeyPair::generate().expect("a key");
        Self::of(CertifiedIssuer::signed_by(authority(name), key, &above.issuer).expect("an authority"))
    }

    fn of(issuer: CertifiedIssuer<'static, KeyPair>) -> Self {
        Self { pem: issuer.pem(), issuer }
    }

    /// A server's certificate for these names.
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

    /// A certificate with whatever `edit` makes of it.
    pub fn signed(&self, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Pair {
        self.signed_for(&PKCS_ECDSA_P256_SHA256, names, edit)
    }

    /// The same for another kind of key.
    pub fn signed_for(
        &self,
        algorithm: &'static SignatureAlgorithm,
        names: &[&str],
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = DistinguishedName::new();
        edit(&mut params);
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { chain: format!("{certificate}{}", self.pem), certificate, key: key.serialize_pem() }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
