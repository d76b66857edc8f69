//! A certificate with its chain and its key, read from a pair of files and checked.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::config::{CertificateFiles, Problem};
use crate::files::file::Files;
use crate::policy::provider::advice::Advice;
use crate::state::tls::chain;
use crate::state::tls::error::{ChainError, KeyError, NoSection, PemError};
use crate::state::tls::provider::PROVIDER;
use crate::telemetry::timestamp::unix_seconds;

/// A certificate that expires in fewer days than this is warned about, unless it lives shortly.
const WARN_DAYS: i64 = 14;
/// A certificate that lives shortly is warned about in this part of its life: authorities advise to renew when a third
/// is left, so one that was not renewed then is late. With 14 days a certificate of six days would always be.
const WARN_PART: i64 = 3;
const DAY: i64 = 86_400;

/// A certificate that can be presented to senders.
#[derive(Debug)]
pub struct Certificate {
    /// The files that it was read from.
    pub files: CertificateFiles,
    /// The chain, the certificate first, and the key.
    pub key: Arc<CertifiedKey>,
    /// The host names that it is valid for, in lower case; `*.` at the front stands for any one label.
    pub names: Vec<String>,
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// The first second of its validity, since 1970.
    pub not_before: i64,
    /// The last second of its validity, since 1970.
    pub not_after: i64,
    /// The day of `not_after`.
    pub until: String,
    /// Whether this is the last good version, because the files cannot be used now.
    pub last_good: bool,
}

/// Reads and checks a pair. Returns the certificate, and its flaws that deserve a warning.
///
/// # Errors
/// What makes the pair unusable, each with the key of its file.
pub(crate) fn read(
    files: &CertificateFiles,
    contents: &Files,
    advice: &Advice,
) -> Result<(Certificate, Vec<String>), Vec<Problem>> {
    let of_certificate =
        |flaw: ChainError| problem(files, "certificate", &files.certificate, &flaw.to_string());
    let of_key = |flaw: KeyError| problem(files, "key", &files.key, &flaw.to_string());
    let chain = contents.content(&files.certificate).map_err(ChainError::from).and_then(chain_of);
    let key = contents.content(&files.key).map_err(KeyError::from).and_then(key_of);
    let (chain, key) = (chain.map_err(of_certificate), key.map_err(of_key));
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
    };
    belongs(&chain, &key, files).map_err(|problem| vec![problem])?;
    let key = Arc::new(CertifiedKey::new(chain, key));
    let parsed = parsed(&key.cert).map_err(|flaw| vec![of_certificate(flaw)])?;
    let mut flaws = chain::flaws(&parsed, advice);
    // The chain is not empty: `chain_of` refuses that.
    let Some(leaf) = parsed.first() else { return Err(Vec::new()) };
    let names = names(leaf);
    if names.is_empty() {
        flaws.push(
            "names no host (it has no subjectAltName with a DNS name); senders do not accept it".to_owned(),
        );
    }
    let validity = leaf.validity();
    let certificate = Certificate {
        files: files.clone(),
        names,
        serial: leaf.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect(),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        until: validity.not_after.to_datetime().date().to_string(),
        last_good: false,
        key: Arc::clone(&key),
    };
    Ok((certificate, flaws))
}

fn problem(files: &CertificateFiles, key: &str, path: &Path, flaw: &str) -> Problem {
    Problem::new(format!("{}.{key}", files.at), format!("{}: {flaw}", path.display()))
}

/// The certificates of a PEM file, in order; at least one.
///
/// # Errors
/// There are none, or the file is damaged.
pub(crate) fn chain_of(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(PemError::from)?;
    if chain.is_empty() {
        return Err(ChainError::Empty(no_section(bytes, "-----BEGIN CERTIFICATE-----")));
    }
    Ok(chain)
}

fn key_of(bytes: &[u8]) -> Result<Arc<dyn SigningKey>, KeyError> {
    let encrypted = memchr::memmem::find(bytes, b"ENCRYPTED").is_some();
    let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        _ if encrypted => KeyError::Encrypted,
        pem::Error::NoItemsFound => KeyError::Empty(no_section(bytes, "-----BEGIN PRIVATE KEY-----")),
        error => PemError::from(error).into(),
    })?;
    Ok(PROVIDER.key_provider.load_private_key(key)?)
}

/// The error for a file without the PEM section, with a hint if the file looks like DER.
fn no_section(bytes: &[u8], wanted: &'static str) -> NoSection {
    // A DER file begins with a SEQUENCE of two length bytes.
    NoSection { wanted, is_der: bytes.starts_with(&[0x30, 0x82]) }
}

/// Checks that the first certificate belongs to the key.
fn belongs(
    chain: &[CertificateDer<'static>],
    key: &Arc<dyn SigningKey>,
    files: &CertificateFiles,
) -> Result<(), Problem> {
    let matches =
        |one: &CertificateDer<'static>| CertifiedKey::new(vec![one.clone()], Arc::clone(key)).keys_match();
    let Some(first) = chain.first() else { return Ok(()) };
    match matches(first) {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(Error::InconsistentKeys(_)) => {
            Err(misplaced(chain.iter().position(|one| matches(one).is_ok()), files))
        }
        Err(error) => {
            Err(problem(files, "certificate", &files.certificate, &format!("cannot be used: {error}")))
        }
    }
}

/// The problem of a key that belongs to another certificate of the chain, or to none.
fn misplaced(place: Option<usize>, files: &CertificateFiles) -> Problem {
    if let Some(place) = place {
        let flaw = format!(
            "is out of order: certificate {} is the key's, and it must come first, then the one that signed it, and so on",
            place + 1
        );
        return problem(files, "certificate", &files.certificate, &flaw);
    }
    let flaw = format!("is not the key of {}: their public keys differ", files.certificate.display());
    problem(files, "key", &files.key, &flaw)
}

fn parsed<'a>(chain: &'a [CertificateDer<'static>]) -> Result<Vec<X509Certificate<'a>>, ChainError> {
    let one = |(place, der): (usize, &'a CertificateDer<'static>)| {
        X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|source| ChainError::Odd {
            place: place + 1,
            count: chain.len(),
            source,
        })
    };
    chain.iter().enumerate().map(one).collect()
}

fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    let hosts = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    hosts.collect()
}

fn seconds(now: SystemTime) -> i64 {
    let since = unix_seconds(now);
    i64::try_from(since).unwrap_or(i64::MAX)
}

impl Certificate {
    /// Why it is not valid at this moment, if it is not.
    #[must_use]
    pub fn untimely(&self, now: SystemTime) -> Option<String> {
        let now = seconds(now);
        if now > self.not_after {
            return Some(format!("expired on {}", self.until));
        }
        (now < self.not_before).then(|| {
            "is not valid yet; check the clock of this machine, and whether this is the right certificate"
                .to_owned()
        })
    }

    /// Whole days until it expires; `None` when it has expired.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> Option<i64> {
        let left = self.not_after.saturating_sub(seconds(now));
        (left >= 0).then_some(left / DAY)
    }

    /// It is warned about when fewer days than these are left.
    #[must_use]
    pub fn warn_days(&self) -> i64 {
        // Both ends belong to it (RFC 5280 section 4.1.2.5).
        let life = self.not_after.saturating_sub(self.not_before).saturating_add(1);
        // At least one: the last day deserves a warning whatever the life is.
        (life / WARN_PART / DAY).clamp(1, WARN_DAYS)
    }

    /// Whole days until it expires, if they are so few that they deserve a warning.
    #[must_use]
    pub fn last_days(&self, now: SystemTime) -> Option<i64> {
        self.days_left(now).filter(|days| *days < self.warn_days())
    }

    /// A copy of it, marked as the last good version.
    pub(crate) fn as_last_good(&self) -> Self {
        Self {
            files: self.files.clone(),
            key: Arc::clone(&self.key),
            names: self.names.clone(),
            serial: self.serial.clone(),
            until: self.until.clone(),
            last_good: true,
            ..*self
        }
    }
}
