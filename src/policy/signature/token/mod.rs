//! The three parts of a token (JWS compact serialisation, RFC 7515), and where a request has it.
//!
//! Only HS256 is read: a token that names its own algorithm must not choose how it is judged. Invariant: what is read
//! here is one text; no other text has the same parts. What a token says is in [`claims`].

pub(crate) mod claims;

use crate::policy::signature::fault::{Fault, MAX_TOKEN, Part};
use crate::policy::signature::text::base64;
use crate::policy::signature::text::json::{self, MAX_DEPTH, Value};

/// The header that the provider's tokens have: it is known without being read.
const USUAL_HEADER: &[u8] = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// A token whose header is good. Nothing of it is believed yet.
pub(crate) struct Token<'h> {
    /// The text that is signed: the first two parts as they are written.
    pub signed: &'h [u8],
    /// The second part as it is written.
    pub claims: &'h [u8],
    /// The third part.
    pub mac: [u8; 32],
}

impl<'h> Token<'h> {
    /// Reads a token.
    ///
    /// # Errors
    /// It is no token, or one of another algorithm.
    pub(crate) fn read(text: &'h [u8]) -> Result<Self, Fault> {
        if text.len() > MAX_TOKEN {
            return Err(Fault::TooLong);
        }
        let mut dots = memchr::memchr_iter(b'.', text);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Fault::Parts);
        };
        header(&text[..first])?;
        let mac = base64::url_array(&text[second + 1..]).map_err(|_| Fault::Encoding(Part::Signature))?;
        Ok(Self { signed: &text[..second], claims: &text[first + 1..second], mac })
    }
}

/// Judges the first part.
fn header(part: &[u8]) -> Result<(), Fault> {
    if part == USUAL_HEADER {
        return Ok(());
    }
    let text = base64::url(part).map_err(|_| Fault::Encoding(Part::Header))?;
    let (mut is_hs256, mut is_extended) = (false, false);
    json::object(&text, MAX_DEPTH, |name, value| match &**name {
        "alg" => is_hs256 = matches!(value, Value::Text(alg) if alg.decoded() == "HS256"),
        // An extension that must be understood (RFC 7515 section 4.1.11), and a payload that is not encoded (RFC 7797).
        "crit" | "b64" => is_extended = true,
        _ => {}
    })
    .map_err(|malformed| Fault::Json(Part::Header, malformed))?;
    match (is_hs256, is_extended) {
        (false, _) => Err(Fault::Algorithm),
        (true, true) => Err(Fault::Extension),
        (true, false) => Ok(()),
    }
}

/// What follows the word `Bearer` (RFC 6750; schemes are the same in any case).
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && rest.first() == Some(&b' ');
    is_bearer.then(|| rest.trim_ascii())
}
