//! Text in the percent-encoding of queries and forms (WHATWG URL, `application/x-www-form-urlencoded`).
//!
//! A `+` is a blank, and `%` begins two hexadecimal digits. Readers differ about a `%` without them, so such a text
//! is not read. Invariant: a text without `%` and `+` is the text itself, and is not copied.

use std::borrow::Cow;

use thiserror::Error;

/// A `%` stands without two hexadecimal digits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("has a % without two hexadecimal digits")]
pub(crate) struct Malformed;

/// The bytes that a part of a query or form stands for.
///
/// # Errors
/// A `%` has no digits.
pub(crate) fn decoded(text: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let Some(first) = encoded(text) else { return Ok(Cow::Borrowed(text)) };
    let mut out = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    out.extend_from_slice(plain);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = after.split_first_chunk::<2>().ok_or(Malformed)?;
                rest = after;
                digit(digits[0])? << 4 | digit(digits[1])?
            }
            other => *other,
        });
    }
    Ok(Cow::Owned(out))
}

/// Where the first byte stands that does not stand for itself. Most keys and values are so short that to walk along
/// them is quicker than to prepare a search.
fn encoded(text: &[u8]) -> Option<usize> {
    const SHORT: usize = 24;
    if text.len() > SHORT {
        return memchr::memchr2(b'%', b'+', text);
    }
    text.iter().position(|byte| matches!(byte, b'%' | b'+'))
}

fn digit(byte: u8) -> Result<u8, Malformed> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_or_refused() {
        let read = |text: &'static str| decoded(text.as_bytes());
        assert_eq!(read("plain-text_~"), Ok(Cow::Borrowed(&b"plain-text_~"[..])));
        assert_eq!(read("a+b%20c%2b%C3%A9%00").as_deref(), Ok("a b c+é\0".as_bytes()));
        for text in ["%", "a%", "%4", "%4g", "%g4", "%%41", "a%2"] {
            assert_eq!(read(text), Err(Malformed), "{text}");
        }
        assert!(matches!(read("plain"), Ok(Cow::Borrowed(_))));
        // A short text is searched in another way than a long one.
        for len in 0..64 {
            let plain = "a".repeat(len);
            assert_eq!(
                decoded(format!("{plain}+b").as_bytes()).as_deref(),
                Ok(format!("{plain} b").as_bytes())
            );
        }
    }
}
