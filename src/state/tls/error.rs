//! Why a file of certificates or of a key cannot be used.
//!
//! Invariant: no error holds what stands in a file, because that may be a key.

use rustls::pki_types::pem;
use x509_parser::error::X509Error;
use x509_parser::nom;

use crate::files::file::ReadError;

/// Why a file holds no chain of certificates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainError {
    /// There are no bytes.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// It is damaged.
    #[error("is not valid PEM: {0}")]
    Damaged(#[from] PemError),
    /// It holds something else.
    #[error("holds no certificate: {0}")]
    Empty(NoSection),
    /// One of them cannot be understood.
    #[error("certificate {place} of {count} cannot be read: {source}")]
    Odd {
        /// Which, from 1.
        place: usize,
        /// Of how many.
        count: usize,
        /// Why.
        source: nom::Err<X509Error>,
    },
}

/// Why a file holds no key that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// There are no bytes.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// It needs a password.
    #[error(
        "is encrypted, and the gate cannot ask for a password; store it unencrypted, readable by this program only"
    )]
    Encrypted,
    /// It holds something else.
    #[error("holds no private key: {0}")]
    Empty(NoSection),
    /// It is damaged.
    #[error("is not valid PEM: {0}")]
    Damaged(#[from] PemError),
    /// It is of a kind or a size that no handshake is made with.
    #[error("cannot be used ({0}); use RSA of 2048 bits or more, ECDSA or Ed25519")]
    Unusable(#[from] rustls::Error),
}

/// Why a file names nobody who may sign a sender's certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// There are no certificates.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// One of them is no authority's.
    #[error("certificate {place} of {count} cannot be an authority: {source}")]
    Unusable {
        /// Which, from 1.
        place: usize,
        /// Of how many.
        count: usize,
        /// Why.
        source: rustls::Error,
    },
}

/// What is wrong with a PEM file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// An end is missing.
    #[error("a section has no line -----END; the file may be cut off")]
    NoEnd,
    /// A beginning is damaged.
    #[error("a line -----BEGIN does not end with -----")]
    BadBegin,
    /// What is between them is damaged.
    #[error("a section is not base64")]
    NotBase64,
    /// Anything else.
    #[error("a section is damaged")]
    Other,
}

/// Drops the library's message, which repeats the content of the file.
impl From<pem::Error> for PemError {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::IllegalSectionStart { .. } => Self::BadBegin,
            pem::Error::Base64Decode(_) => Self::NotBase64,
            _ => Self::Other,
        }
    }
}

/// A file has no section of the kind that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no line {wanted}{}", if *.is_der { "; it looks like DER, which `openssl ... -inform der` turns into PEM" } else { "" })]
pub(crate) struct NoSection {
    /// How the section begins.
    pub wanted: &'static str,
    /// The usual reason: the file is of the binary form.
    pub is_der: bool,
}
