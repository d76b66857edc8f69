//! What a token says about itself.
//!
//! Invariant: each claim is read as one type; a claim of another type is a fault, never a default.

use std::borrow::Cow;
use std::ops::Range;

use crate::policy::signature::fault::{Fault, Part};
use crate::policy::signature::text::json::{self, MAX_DEPTH, Malformed, Value};
use crate::policy::signature::text::{base64, has_control};

/// The claims of a token. Texts are ranges of `texts`.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// All claims as JSON, and behind it those texts that are written with escapes there.
    pub texts: String,
    /// Who made it.
    pub iss: Option<Range<usize>>,
    /// The account.
    pub api_key: Option<Range<usize>>,
    /// The application.
    pub application_id: Option<Range<usize>>,
    /// Its own name.
    pub jti: Option<Range<usize>>,
    /// The hash of the body or query, in hexadecimal digits.
    pub payload_hash: Option<Range<usize>>,
    /// When it was made, in Unix seconds.
    pub iat: u64,
    /// When it ends.
    pub exp: Option<u64>,
    /// When it begins.
    pub nbf: Option<u64>,
}

impl Claims {
    /// Reads the second part of a token.
    ///
    /// # Errors
    /// It is not one JSON object, `iat` is missing, or a claim is not of its type.
    pub(crate) fn read(part: &[u8]) -> Result<Self, Fault> {
        let bytes = base64::url(part).map_err(|_| Fault::Encoding(Part::Claims))?;
        let not_utf8 = |_| Fault::Json(Part::Claims, Malformed::NotUtf8);
        let mut texts = String::from_utf8(bytes).map_err(not_utf8)?;
        let mut reading = Reading { len: texts.len(), ..Reading::default() };
        let mut fault = None;
        json::object_in(&texts, MAX_DEPTH, |name, value| {
            if let Err(first) = reading.member(name, value) {
                fault.get_or_insert(first);
            }
        })
        .map_err(|malformed| Fault::Json(Part::Claims, malformed))?;
        let Reading { mut claims, unescaped, iat, .. } = reading;
        if let Some(fault) = fault {
            return Err(fault);
        }
        claims.iat = iat.ok_or(Fault::Claim("iat"))?;
        texts.push_str(&unescaped);
        claims.texts = texts;
        Ok(claims)
    }

    /// The text of a claim.
    pub(crate) fn text(&self, claim: Option<&Range<usize>>) -> Option<&str> {
        self.texts.get(claim?.clone())
    }
}

/// Claims that are being read.
#[derive(Default)]
struct Reading {
    claims: Claims,
    iat: Option<u64>,
    /// The length of the JSON text.
    len: usize,
    /// What will stand behind it.
    unescaped: String,
}

impl Reading {
    fn member(&mut self, name: &str, value: Value<'_>) -> Result<(), Fault> {
        match name {
            // A claim without a value is as good as none, where it may be missing.
            "application_id" | "jti" | "exp" | "nbf" if matches!(value, Value::Null) => {}
            "iss" => self.claims.iss = Some(self.text("iss", value)?),
            "api_key" => self.claims.api_key = Some(self.text("api_key", value)?),
            "application_id" => self.claims.application_id = Some(self.text("application_id", value)?),
            "jti" => self.claims.jti = Some(self.text("jti", value)?),
            "payload_hash" => self.claims.payload_hash = Some(self.text("payload_hash", value)?),
            "iat" => self.iat = Some(seconds("iat", value)?),
            "exp" => self.claims.exp = Some(seconds("exp", value)?),
            "nbf" => self.claims.nbf = Some(seconds("nbf", value)?),
            _ => {}
        }
        Ok(())
    }

    /// Where a text stands, or where it will stand behind the JSON text.
    fn text(&mut self, name: &'static str, value: Value<'_>) -> Result<Range<usize>, Fault> {
        let Value::Text(text) = value else { return Err(Fault::Claim(name)) };
        let decoded = text.decoded();
        // Logs and people read them, and no name of anything has a line end.
        if !text.printable && has_control(&decoded) {
            return Err(Fault::Claim(name));
        }
        match decoded {
            Cow::Borrowed(plain) => Ok(text.at..text.at + plain.len()),
            Cow::Owned(decoded) => {
                let begin = self.len + self.unescaped.len();
                self.unescaped.push_str(&decoded);
                Ok(begin..begin + decoded.len())
            }
        }
    }
}

/// A whole number of seconds, without sign, fraction and exponent.
fn seconds(name: &'static str, value: Value<'_>) -> Result<u64, Fault> {
    let number = |raw: &str| raw.bytes().all(|byte| byte.is_ascii_digit()).then(|| raw.parse().ok())?;
    let seconds = if let Value::Number(raw) = value { number(raw) } else { None };
    seconds.ok_or(Fault::Claim(name))
}
