//! A query or a form as it may be shown: the same pairs, with the values masked and without secrets.
//!
//! Masked pairs are written in letters that need no percent-encoding, because the digits of an encoding could stand before
//! those of the text. Invariant: what is written is a query, and no secret is in it.

use std::borrow::Cow;

use crate::policy::mask::mode::{LeftOut, Mask};
use crate::policy::mask::names::Says;
use crate::policy::mask::text::{MOST_ENCODED, layers, length};
use crate::policy::signature::text::percent::{self, Malformed};

impl Mask {
    /// A query or a form as it may be shown, and what was left out.
    ///
    /// # Errors
    /// It cannot be decoded.
    pub(crate) fn pairs(&self, text: &[u8]) -> Result<(String, LeftOut), Malformed> {
        let mut left_out = LeftOut::default();
        let mut shown: Vec<Cow<'_, str>> = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let end = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let name = decoded(&pair[..end])?;
            let value = decoded(pair.get(end + 1..).unwrap_or_default())?;
            let says = self.names.of(&name);
            // What repeats a query may have encoded it once more.
            let is_secret = |name: String| self.names.of(&name) == Says::Secret;
            if layers(&name).take(MOST_ENCODED).any(is_secret) {
                left_out.note(&name);
                continue;
            }
            let safe = self.text(&value);
            shown.push(if self.full {
                // As it was written, unless a token is in it.
                if safe == value {
                    String::from_utf8_lossy(pair)
                } else {
                    plain(&format!("{name}={safe}")).into()
                }
            } else {
                let value = if says == Says::Private && !value.is_empty() { length(&value) } else { safe };
                let equals = if end < pair.len() { "=" } else { "" };
                format!("{}{equals}{}", plain(&self.text(&name)), plain(&value)).into()
            });
        }
        Ok((shown.join("&"), left_out))
    }
}

fn decoded(text: &[u8]) -> Result<String, Malformed> {
    Ok(String::from_utf8_lossy(&percent::decoded(text)?).into_owned())
}

/// A text in characters that mean themselves in a query: a blank is a plus, and a character that would need an encoding a
/// line.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let each = |c: char| match c {
        ' ' => '+',
        c if c.is_ascii_alphanumeric() || "-._~*()/:,@!;$".contains(c) => c,
        _ => '_',
    };
    text.chars().map(each).collect()
}
