//! A request's head: method, target, version, fields. Owned, so that it can be read until the request has ended.
//!
//! What it means is in [`super::facts`]. Invariant: its syntax is right; nothing else is known of it.

use crate::policy::outcome::Reason;
use crate::wire::fields::{Fields, Span};

/// Header lines that a request may have.
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
    /// The word in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 { .. } => "2",
        }
    }
}

/// A head whose syntax is right.
#[derive(Debug)]
pub struct Head {
    fields: Fields,
    method: Span,
    target: Span,
    /// The version.
    pub version: Version,
}

impl Head {
    /// A head whose method and target are ranges of the buffer of its fields.
    ///
    /// # Errors
    /// It has too many lines.
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

    /// The request target as it came.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.fields.get(self.target)
    }

    /// The header lines in their order: name, value without surrounding blanks.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter()
    }

    /// The values of all lines of this name.
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.fields.values(name)
    }

    /// The range of a part of it; one that holds nothing for what is no part.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Span {
        self.fields.span_of(part)
    }

    /// What a range holds.
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        self.fields.get(span)
    }

    /// Bytes of its text: at most `limits.max_head`.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.fields.bytes_len()
    }
}
