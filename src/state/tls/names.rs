//! Which certificate a sender gets: the one for the name that it asks for (SNI, RFC 6066 section 3).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::state::tls::certificate::Certificate;

/// The certificates of a listener by name.
#[derive(Debug)]
pub(crate) struct Names {
    all: Vec<Arc<CertifiedKey>>,
    /// Indices into `all` by name; a name is as the certificate has it, `*.` included.
    by_name: HashMap<String, Vec<usize>>,
}

impl Names {
    /// The first certificate is the default for names that no certificate has.
    #[must_use]
    pub(crate) fn new(certificates: &[Arc<Certificate>]) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, certificate) in certificates.iter().enumerate() {
            for name in &certificate.names {
                by_name.entry(name.clone()).or_default().push(place);
            }
        }
        Self { all: certificates.iter().map(|one| Arc::clone(&one.key)).collect(), by_name }
    }

    /// The certificates for a name: those that have it, else those with its wildcard, else all.
    fn candidates(&self, name: Option<&str>) -> Vec<usize> {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return (0..self.all.len()).collect() };
        let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let found = self.by_name.get(&name).or_else(|| self.by_name.get(&wildcard?));
        found.cloned().unwrap_or_else(|| (0..self.all.len()).collect())
    }

    /// The first candidate that the sender can verify. Several with one name differ in the kind of key (RSA
    /// and ECDSA).
    fn choose(
        &self,
        name: Option<&str>,
        verifiable: impl Fn(&CertifiedKey) -> bool,
    ) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(name);
        let best = candidates.iter().find(|place| verifiable(&self.all[**place])).or(candidates.first())?;
        self.all.get(*best).cloned()
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        self.choose(hello.server_name(), |one| one.key.choose_scheme(schemes).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tls::fixture::certificate;
    use crate::state::tls::test_ca::Authority;

    fn shown(names: &Names, all: &[Arc<Certificate>], name: Option<&str>, only: Option<usize>) -> usize {
        let fits = |one: &CertifiedKey| only.is_none_or(|place| one.cert == all[place].key.cert);
        let chosen = names.choose(name, fits).unwrap();
        all.iter().position(|one| one.key.cert == chosen.cert).unwrap()
    }

    #[test]
    fn a_name_finds_its_certificate_and_an_unknown_one_the_first() {
        let ca = Authority::new("ca");
        let all = [
            certificate(&ca.pair(&["hooks.example"])),
            certificate(&ca.pair(&["*.example", "Api.Other.Example"])),
            certificate(&ca.signed_for(&rcgen::PKCS_ED25519, &["hooks.example"], |_| ())),
        ];
        let names = Names::new(&all);
        for (name, place) in [
            (None, 0),
            (Some("hooks.example"), 0),
            (Some("HOOKS.example"), 0),
            (Some("www.example"), 1),
            (Some("api.other.example"), 1),
            (Some("a.b.example"), 0),
            (Some("example"), 0),
            (Some("unknown"), 0),
        ] {
            assert_eq!(shown(&names, &all, name, None), place, "{name:?}");
        }
        assert_eq!(
            shown(&names, &all, Some("hooks.example"), Some(2)),
            2,
            "the one that the sender can verify"
        );
        assert_eq!(shown(&names, &all, Some("hooks.example"), Some(1)), 0, "the wrong name is no better");
        assert_eq!(shown(&names, &all, None, Some(1)), 1);
    }
}
