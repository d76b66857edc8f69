//! Which authorities may sign the certificates of `https://` upstreams: the system's, or those of a file.
//!
//! They are read when files are loaded, off the request threads, so that a missing or empty file is a problem
//! of the config and never of a request. Invariant: the same bytes give the same `ClientConfig`, and so the
//! same endpoints and idle connections.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustls::crypto::ring;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::config::{Config, Problem, Target, Upstream};
use crate::files::file::{FileContent, Files, MAX_PEM, ReadError};
use crate::state::endpoint::server_name;
use crate::state::tls::error::PemError;

/// Why it is not known who may sign an upstream's certificates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesError {
    /// The file cannot be read.
    #[error("{} {source}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// What it holds cannot be used.
    #[error("{} {source}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RootsError,
    },
    /// Nobody may sign for this system, and perhaps why.
    #[error(
        "https:// needs certificate authorities, and this system has none{}; install ca-certificates, or set `ca`",
        .0.as_ref().map(|error| format!(" ({error})")).unwrap_or_default()
    )]
    NoSystem(#[source] Option<rustls_native_certs::Error>),
    /// There is no TLS to be had.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Why a PEM file names no authorities.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    /// It is damaged, or another kind of file.
    #[error("is not PEM: {0}")]
    NotPem(#[from] PemError),
    /// A certificate of it is no authority's.
    #[error("has a certificate that cannot be used (block {block}): {source}")]
    Unusable {
        /// Which section of the file, from 1.
        block: usize,
        /// Why.
        source: rustls::Error,
    },
    /// It holds something else.
    #[error("holds no certificate; it must be a PEM file with a BEGIN CERTIFICATE line")]
    Empty,
}

/// What the last load read.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    /// Read once per process: the system's authorities change with its packages.
    system: Option<Arc<ClientConfig>>,
    files: HashMap<PathBuf, (Bytes, Arc<ClientConfig>)>,
}

impl Authorities {
    /// Reads the authorities that the config's `https://` upstreams need; returns every problem with its key
    /// path.
    pub(crate) fn load(&mut self, config: &Config, contents: &Files) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, upstream) in upstreams(config).filter(|(_, upstream)| is_tls(upstream)) {
            let names = upstream.targets.iter().filter_map(|target| server_name(target, upstream));
            let odd: BTreeSet<&str> = names.filter(|name| ServerName::try_from(*name).is_err()).collect();
            problems
                .extend(odd.iter().map(|name| {
                    Problem::new(&at, format!("{name:?} is not a valid name for a certificate"))
                }));
            let read = match &upstream.ca {
                Some(path) => self.read_file(path, contents).map_err(|why| (format!("{at}.ca"), why)),
                None => self.read_system().map_err(|why| (at, why)),
            };
            problems.extend(read.err().map(|(at, why)| Problem::new(at, why.to_string())));
        }
        let used: BTreeSet<&Path> = files(config).collect();
        self.files.retain(|path, _| used.contains(path.as_path()));
        problems
    }

    /// The TLS config for the upstream; `None` if it has no `https://` endpoint, or its authorities could not
    /// be loaded.
    #[must_use]
    pub(crate) fn of(&self, upstream: &Upstream) -> Option<&Arc<ClientConfig>> {
        if !is_tls(upstream) {
            return None;
        }
        match &upstream.ca {
            Some(path) => self.files.get(path).map(|(_, config)| config),
            None => self.system.as_ref(),
        }
    }

    fn read_file(&mut self, path: &Path, contents: &Files) -> Result<(), AuthoritiesError> {
        let seen = contents.0.iter().find(|seen| seen.path == path);
        let content =
            seen.map_or_else(|| FileContent::at(path, MAX_PEM).content, |seen| seen.content.clone());
        let bytes = content.map_err(|source| AuthoritiesError::Unread { path: path.to_owned(), source })?;
        if self.files.get(path).is_some_and(|(known, _)| *known == bytes) {
            return Ok(());
        }
        let config = of_pem(path, &bytes)?;
        self.files.insert(path.to_owned(), (bytes, config));
        Ok(())
    }

    fn read_system(&mut self) -> Result<(), AuthoritiesError> {
        if self.system.is_none() {
            self.system = Some(of_system()?);
        }
        Ok(())
    }
}

/// The authority files that the config names.
pub(crate) fn files(config: &Config) -> impl Iterator<Item = &Path> {
    upstreams(config).filter_map(|(_, upstream)| upstream.ca.as_deref())
}

/// Every upstream with its key path.
fn upstreams(config: &Config) -> impl Iterator<Item = (String, &Upstream)> {
    let of_routes = config.routes.iter().enumerate();
    let of_routes =
        of_routes.filter_map(|(at, r)| Some((format!("routes[{at}].upstream"), r.upstream.as_ref()?)));
    std::iter::once(("upstream".to_owned(), &config.upstream)).chain(of_routes)
}

fn is_tls(upstream: &Upstream) -> bool {
    upstream.targets.iter().any(|target| matches!(target, Target::Https { .. }))
}

/// What the system trusts, for a connection of a command.
///
/// # Errors
/// It trusts nobody.
pub(crate) fn of_system() -> Result<Arc<ClientConfig>, AuthoritiesError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system certificate that cannot be parsed is skipped: the operator cannot mend it here.
    let (good, _) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        return Err(AuthoritiesError::NoSystem(found.errors.into_iter().next()));
    }
    Ok(client_config(roots)?)
}

/// The authorities of a file, for a connection of a command.
///
/// # Errors
/// It names none.
pub(crate) fn of_pem(path: &Path, pem: &[u8]) -> Result<Arc<ClientConfig>, AuthoritiesError> {
    let roots = roots(pem).map_err(|source| AuthoritiesError::Roots { path: path.to_owned(), source })?;
    Ok(client_config(roots)?)
}

/// The certificates of a PEM file.
fn roots(pem: &[u8]) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    for (at, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
        let (kind, der) = section.map_err(PemError::from)?;
        if kind == SectionKind::Certificate {
            let added = roots.add(CertificateDer::from(der));
            added.map_err(|source| RootsError::Unusable { block: at + 1, source })?;
        }
    }
    if roots.is_empty() {
        return Err(RootsError::Empty);
    }
    Ok(roots)
}

fn client_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_damaged_file_does_not_repeat_its_content() {
        let begin = "-----BEGIN CERTIFICATE-----";
        for (text, message) in [
            ("-----BEGIN secret\n", "is not PEM: a line -----BEGIN does not end with -----"),
            (
                &format!("{begin}\nsecret\n"),
                "is not PEM: a section has no line -----END; the file may be cut off",
            ),
            (
                &format!("{begin}\nse!cret\n-----END CERTIFICATE-----\n"),
                "is not PEM: a section is not base64",
            ),
        ] {
            let error = roots(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(!format!("{error:?}").contains("cret"), "{error:?}");
        }
    }
}
