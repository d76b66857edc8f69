//! The methods by which a text and a secret give a MAC, and the comparison of two.
//!
//! SHA is computed by `ring`, which has no MD5. Invariant: the time of a comparison does not depend on where two MACs
//! differ.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use ring::digest::{SHA256, digest};
use ring::hmac::{Algorithm, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512, Key, sign};
use subtle::ConstantTimeEq as _;

/// The longest MAC: SHA-512.
const MAX: usize = 64;

/// How a message's parameters are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// MD5 of the text followed by the secret.
    #[default]
    Md5Hash,
    /// HMAC with MD5.
    Md5,
    /// HMAC with SHA-1.
    Sha1,
    /// HMAC with SHA-256; that of tokens too.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 5] = [Self::Md5Hash, Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name in the config, which is that of the provider's dashboard.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Md5Hash => "md5hash",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The bytes of its MACs.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Md5Hash | Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A MAC.
#[derive(Clone, Copy)]
pub(crate) struct Mac {
    bytes: [u8; MAX],
    len: usize,
}

impl Mac {
    /// The MAC of a text.
    pub(crate) fn of(method: Method, secret: &[u8], text: &[u8]) -> Self {
        match method {
            Method::Md5Hash => {
                let mut hash = Md5::new();
                hash.update(text);
                hash.update(secret);
                Self::from(&hash.finalize())
            }
            Method::Md5 => match Hmac::<Md5>::new_from_slice(secret) {
                Ok(mut mac) => {
                    mac.update(text);
                    Self::from(&mac.finalize().into_bytes())
                }
                // A key of HMAC may have any length. Nothing equals a MAC of no bytes.
                Err(_) => Self::from(&[]),
            },
            Method::Sha1 => Self::by_ring(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, text),
            Method::Sha256 => Self::by_ring(HMAC_SHA256, secret, text),
            Method::Sha512 => Self::by_ring(HMAC_SHA512, secret, text),
        }
    }

    fn by_ring(algorithm: Algorithm, secret: &[u8], text: &[u8]) -> Self {
        Self::by_key(&Key::new(algorithm, secret), text)
    }

    /// The MAC of a text, by a key that is ready.
    pub(crate) fn by_key(key: &Key, text: &[u8]) -> Self {
        Self::from(sign(key, text).as_ref())
    }

    fn from(bytes: &[u8]) -> Self {
        let mut all = [0; MAX];
        let len = bytes.len().min(MAX);
        all[..len].copy_from_slice(&bytes[..len]);
        Self { bytes: all, len }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether it is these bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && same(self.bytes(), bytes)
    }
}

/// Whether two texts are the same, in a time that depends on their lengths alone: eight bytes at a time, and every one.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((ones, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let words = ones.iter().zip(others);
    let words = words.fold(0, |all, (a, b)| all | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)));
    let different = rest.iter().zip(other_rest).fold(words, |all, (a, b)| all | u64::from(a ^ b));
    different.ct_eq(&0).into()
}

/// SHA-256 of a text.
pub(crate) fn sha256(text: &[u8]) -> [u8; 32] {
    digest(&SHA256, text).as_ref().try_into().unwrap_or_default()
}
