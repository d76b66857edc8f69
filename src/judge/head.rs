//! The head of a request: method, target, version, fields. It is owned, so that it can be read until the request ends.
//!
//! What the head means is in [`super::facts`]. Invariant: the syntax of a [`Head`] is right; nothing else was checked.

use crate::policy::outcome::Reason;
use crate::wire::fields::{Fields, Span};

/// The largest number of header lines of a request.
pub const MAX_FIELDS: usize = 100;

/// The version of HTTP that a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2 {
        /// The stream did not end with its header: a body follows, announced or not.
        body: bool,
    },
}

impl Version {
    /// The name of the version in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 { .. } => "2",
        }
    }
}

/// A head with correct syntax.
#[derive(Debug)]
pub struct Head {
    fields: Fields,
    method: Span,
    target: Span,
    /// The version.
    pub version: Version,
}

impl Head {
    /// A head; `method` and `target` are ranges in the buffer of `fields`.
    ///
    /// # Errors
    /// The head has too many lines.
    pub fn new(fields: Fields, method: Span, target: Span, version: Version) -> Result<Self, Reason> {
        if fields.count() > MAX_FIELDS {
            return Err(Reason::HeadTooLarge);
        }
        Ok(Self { fields, method, target, version })
    }

    /// The same head in another text of the same length.
    #[must_use]
    pub(crate) fn in_text(self, text: &[u8]) -> Self {
        Self { fields: self.fields.in_text(text), ..self }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.fields.get(self.method)
    }

    /// The request target, unchanged.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.fields.get(self.target)
    }

    /// The header lines in their order, each as name and value (without surrounding blanks).
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter()
    }

    /// The whole head in the syntax of HTTP/1, whatever version it came in.
    #[must_use]
    pub(crate) fn to_http1(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes_len() + 16);
        for part in [self.method(), b" ", self.target(), b" HTTP/", self.version.word().as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
        self.fields.write(&mut out);
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The values of all lines of this name.
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.fields.values(name)
    }

    /// The range of a slice of the head; an empty range if `part` is no slice of it.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Span {
        self.fields.span_of(part)
    }

    /// The bytes of a range.
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        self.fields.get(span)
    }

    /// The length of the head in bytes: at most `limits.max_head`.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.fields.bytes_len()
    }
}
