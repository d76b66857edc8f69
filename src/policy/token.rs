//! What a token is made of: names of headers and of parameters, unquoted values (RFC 9110 section 5.6.2).

/// Whether a byte may stand in a token.
#[inline]
#[must_use]
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
