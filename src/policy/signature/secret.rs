//! The bytes of a secret.
//!
//! A secret is read from the content of a file, and what people put there by mistake is refused by name. Invariant: the
//! bytes are overwritten when the value is dropped, and are in no text that the value can be shown as.

use std::fmt;
use std::hint::black_box;

use ring::hmac::{HMAC_SHA256, Key};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::policy::signature::mac::{Mac, Method};
use crate::policy::signature::text::base64;

/// The longest file that is read.
pub(crate) const MAX_SECRET: usize = 4096;
/// A shorter secret can be found by trying.
const SHORT: usize = 16;

/// How the file of a secret is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The secret as it is.
    #[default]
    Text,
    /// In base64.
    Base64,
}

/// Why a file holds no secret.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NoSecret {
    /// It holds nothing.
    #[error("is empty")]
    Empty,
    /// It is longer than a secret.
    #[error("is longer than {MAX_SECRET} bytes")]
    TooLong,
    /// It is a file of a key pair.
    #[error("holds a PEM key: this is the application's private key, not the signature secret")]
    PrivateKey,
    /// It is written as a text editor or a shell would have it, and not alone.
    #[error("is in quotes; the file holds the secret and nothing else")]
    Quoted,
    /// It begins with a mark of its encoding.
    #[error("is not plain text: save it as UTF-8 without a byte order mark")]
    Marked,
    /// It is text, but not one line of it.
    #[error(
        "is not one line: a secret has no line ends, no other control characters, and no blanks around it"
    )]
    NotOneLine,
    /// It is a document.
    #[error("holds a document, HTML or JSON, and not a secret")]
    Document,
    /// It is not in the encoding that was asked for.
    #[error("{0}")]
    Base64(base64::Malformed),
}

/// A secret.
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    /// It as the key of HMAC-SHA256, which is made once: of judging a token it is a seventh of the instructions.
    sha256: Box<Key>,
    name: SecretName,
}

/// What tells a secret from all others, wherever it stands in the configuration. It is a MAC made with the secret, so it
/// tells nobody anything of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SecretName([u8; 16]);

impl SecretName {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Secret {
    /// Reads the content of a file. One newline at its end, which editors add, is not a part of the secret.
    ///
    /// # Errors
    /// It is empty, too long, a private key, a document, more than one line, or not in this encoding.
    pub fn read(content: &[u8], encoding: Encoding) -> Result<Self, NoSecret> {
        let line = content.strip_suffix(b"\n").unwrap_or(content);
        let line = line.strip_suffix(b"\r").filter(|_| line.len() < content.len()).unwrap_or(line);
        if line.is_empty() {
            return Err(NoSecret::Empty);
        }
        if line.len() > MAX_SECRET {
            return Err(NoSecret::TooLong);
        }
        if memchr::memmem::find(line, b"-----BEGIN ").is_some() {
            return Err(NoSecret::PrivateKey);
        }
        let bytes = match encoding {
            Encoding::Text => text(line)?.to_vec(),
            Encoding::Base64 => base64::standard(line).map_err(NoSecret::Base64)?,
        };
        Ok(Self::of(bytes))
    }

    fn of(bytes: Vec<u8>) -> Self {
        let bytes = Zeroizing::new(bytes);
        let sha256 = Box::new(Key::new(HMAC_SHA256, &bytes));
        let mac = Mac::by_key(&sha256, b"nexmo-gate: which secret this is");
        let name = SecretName(mac.bytes().first_chunk().copied().unwrap_or_default());
        Self { bytes, sha256, name }
    }

    /// Of a published vector, whose secrets may be any bytes.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self::of(bytes.to_vec())
    }

    /// The bytes, for a file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The MAC that it gives of a text.
    pub(crate) fn mac(&self, method: Method, text: &[u8]) -> Mac {
        match method {
            Method::Sha256 => Mac::by_key(&self.sha256, text),
            other => Mac::of(other, &self.bytes, text),
        }
    }

    /// What tells it from all others.
    pub(crate) fn name(&self) -> SecretName {
        self.name
    }

    /// Whether it is so short that it can be found by trying.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.bytes.len() < SHORT
    }
}

/// A key of `ring` does not overwrite itself.
impl Drop for Secret {
    fn drop(&mut self) {
        *self.sha256 = Key::new(HMAC_SHA256, &[]);
        // Without a reader, nothing would have to be written.
        black_box(&self.sha256);
    }
}

/// What a person may mean by a secret; a damaged file is none.
fn text(line: &[u8]) -> Result<&[u8], NoSecret> {
    const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    if MARKS.iter().any(|mark| line.starts_with(mark)) {
        return Err(NoSecret::Marked);
    }
    let blank_around = match std::str::from_utf8(line) {
        Ok(text) => text.trim().len() < text.len(),
        Err(_) => line.trim_ascii().len() < line.len(),
    };
    if blank_around || line.iter().any(u8::is_ascii_control) {
        return Err(NoSecret::NotOneLine);
    }
    match line {
        [b'"', .., b'"'] | [b'\'', .., b'\''] => Err(NoSecret::Quoted),
        [b'<', .., b'>'] | [b'{', .., b'}'] | [b'[', .., b']'] => Err(NoSecret::Document),
        _ => Ok(line),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Vec<u8>, NoSecret> {
        Secret::read(content, Encoding::Text).map(|secret| secret.bytes.to_vec())
    }

    #[test]
    fn one_newline_at_the_end_is_cut() {
        assert_eq!(read(b"abc\n"), Ok(b"abc".to_vec()));
        assert_eq!(read(b"abc\r\n"), Ok(b"abc".to_vec()));
        assert_eq!(read("a b\u{e9}\n".as_bytes()), Ok("a b\u{e9}".as_bytes().to_vec()));
    }

    #[test]
    fn what_is_no_secret_is_refused_by_name() {
        assert_eq!(read(b""), Err(NoSecret::Empty));
        assert_eq!(read(b"\n"), Err(NoSecret::Empty));
        assert_eq!(read(&[b'a'; MAX_SECRET + 1]), Err(NoSecret::TooLong));
        assert_eq!(read(&[b'a'; MAX_SECRET]).map(|bytes| bytes.len()), Ok(MAX_SECRET));
        assert_eq!(read(b"-----BEGIN PRIVATE KEY-----\nMIIE"), Err(NoSecret::PrivateKey));
        for damaged in [
            "   \n",
            "\0\0\0\0",
            "one\ntwo\n",
            "abc\n\n",
            "abc \n",
            " abc\r",
            "a\tb",
            "abc\u{a0}\n",
            "\n\nabc",
        ] {
            assert_eq!(read(damaged.as_bytes()), Err(NoSecret::NotOneLine), "{damaged:?}");
        }
        assert_eq!(read("\u{feff}abc\n".as_bytes()), Err(NoSecret::Marked));
        assert_eq!(read(b"\xff\xfea\0"), Err(NoSecret::Marked));
        for quoted in ["\"abc\"\n", "'abc'"] {
            assert_eq!(read(quoted.as_bytes()), Err(NoSecret::Quoted), "{quoted:?}");
        }
        for document in ["<html>gone</html>", "{\"secret\":\"abc\"}\n", "[\"abc\"]", "[]\n"] {
            assert_eq!(read(document.as_bytes()), Err(NoSecret::Document), "{document:?}");
        }
        let encoded =
            |content: &[u8]| Secret::read(content, Encoding::Base64).map(|secret| secret.bytes.to_vec());
        assert_eq!(encoded(b"c2VjcmV0\n"), Ok(b"secret".to_vec()));
        assert_eq!(encoded(b"secret!"), Err(NoSecret::Base64(base64::Malformed)));
        assert_eq!(encoded(b"=="), Err(NoSecret::Base64(base64::Malformed)));
    }

    #[test]
    fn a_secret_is_in_no_text() {
        let secret = Secret::read(b"s3cr3t-and-long-enough", Encoding::Text).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret");
        assert!(!secret.is_short());
        assert!(Secret::read(b"fifteen bytes!!", Encoding::Text).unwrap().is_short());
    }
}
