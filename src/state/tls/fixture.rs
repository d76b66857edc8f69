//! Certificates of the test CA, as files that a look saw and as they are loaded.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::CertificateFiles;
use crate::files::file::{FileContent, Files};
use crate::policy::provider;
use crate::state::tls::certificate::{self, Certificate};
use crate::state::tls::test_ca::Pair;

/// The key path that all pairs here have.
pub(crate) const AT: &str = "listen[0].tls";

pub(crate) fn files(certificate: &str, key: &str) -> CertificateFiles {
    CertificateFiles { at: AT.to_owned(), certificate: certificate.into(), key: key.into() }
}

/// A look that saw these files.
pub(crate) fn look(files: &[(&str, &str)]) -> Files {
    let seen = |(path, text): &(&str, &str)| FileContent {
        path: path.into(),
        content: Ok(Bytes::copy_from_slice(text.as_bytes())),
    };
    Files(files.iter().map(seen).collect())
}

/// A certificate as it is loaded, with its whole chain.
pub(crate) fn certificate(pair: &Pair) -> Arc<Certificate> {
    let contents = look(&[("c", &pair.chain), ("k", &pair.key)]);
    Arc::new(certificate::read(&files("c", "k"), &contents, &provider::DEFAULT.advice).unwrap().0)
}
