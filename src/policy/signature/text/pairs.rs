//! The parameters of a request, in the order in which they came: of a query, a form, or a JSON object.
//!
//! Keys and values are bytes, decoded. Of JSON a number is the text that was sent, because readers write numbers
//! differently. Invariant: each key is there once; a request that has one twice is not read, because the signer
//! and the application may have taken different ones.

use std::borrow::Cow;

use thiserror::Error;

use crate::policy::signature::text::json::{self, Value};
use crate::policy::signature::text::percent;

/// The parameters that a request may have.
pub(crate) const MAX_PAIRS: usize = 256;

/// Why parameters are not read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    /// A `%` stands without two hexadecimal digits.
    #[error("a parameter has a % without two hexadecimal digits")]
    Percent,
    /// A key is there twice.
    #[error("a parameter is there twice")]
    Duplicate,
    /// There are more than are read.
    #[error("there are more than {MAX_PAIRS} parameters")]
    TooMany,
    /// A value of JSON is an object or an array.
    #[error("a parameter is an object or an array")]
    Nested,
    /// A parameter is not UTF-8.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// The body is no JSON object.
    #[error("the body {0}")]
    Json(json::Malformed),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair<'m> {
    /// Its key.
    pub key: Cow<'m, [u8]>,
    /// Its value; `None` is the `null` of JSON.
    pub value: Option<Cow<'m, [u8]>>,
}

/// The parameters of a query or a form.
///
/// # Errors
/// A parameter cannot be decoded, one is there twice, or there are too many.
pub(crate) fn form(text: &[u8]) -> Result<Vec<Pair<'_>>, Unreadable> {
    let mut pairs = Vec::with_capacity(16);
    let mut begin = 0;
    for end in memchr::memchr_iter(b'&', text).chain([text.len()]) {
        let part = &text[begin..end];
        begin = end + 1;
        if part.is_empty() {
            continue;
        }
        if pairs.len() == MAX_PAIRS {
            return Err(Unreadable::TooMany);
        }
        let end = memchr::memchr(b'=', part).unwrap_or(part.len());
        let (key, value) = (&part[..end], part.get(end + 1..).unwrap_or_default());
        let decoded = |text| percent::decoded(text).map_err(|_| Unreadable::Percent);
        pairs.push(Pair { key: decoded(key)?, value: Some(decoded(value)?) });
    }
    if has_duplicates(&pairs) { Err(Unreadable::Duplicate) } else { Ok(pairs) }
}

/// The parameters that are the members of a JSON object.
///
/// # Errors
/// It is no such object, or one of its values is an object or an array.
pub(crate) fn json(text: &[u8]) -> Result<Vec<Pair<'_>>, Unreadable> {
    let mut pairs = Vec::with_capacity(16);
    // One level: what is nested is refused where it begins, not after all of it was read.
    let read = json::object(text, 1, |name, value| {
        let value = match value {
            Value::Text(text) => Some(bytes(text.decoded())),
            Value::Number(raw) | Value::Boolean(raw) => Some(Cow::Borrowed(raw.as_bytes())),
            Value::Null | Value::Nested => None,
        };
        pairs.push(Pair { key: bytes(name.clone()), value });
    });
    match read {
        Ok(()) => Ok(pairs),
        Err(json::Malformed::Depth) => Err(Unreadable::Nested),
        Err(json::Malformed::Duplicate) => Err(Unreadable::Duplicate),
        Err(json::Malformed::Members) => Err(Unreadable::TooMany),
        Err(other) => Err(Unreadable::Json(other)),
    }
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Few keys are compared each with each: that costs less than to sort them.
fn has_duplicates(pairs: &[Pair<'_>]) -> bool {
    const FEW: usize = 16;
    if pairs.len() <= FEW {
        return pairs
            .iter()
            .enumerate()
            .any(|(place, one)| pairs[..place].iter().any(|other| other.key == one.key));
    }
    let mut keys: Vec<&[u8]> = pairs.iter().map(|pair| &*pair.key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|two| two[0] == two[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: Result<Vec<Pair<'_>>, Unreadable>) -> Result<String, Unreadable> {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pair = |pair: &Pair<'_>| {
            format!(
                "{}={};",
                show(&pair.key),
                pair.value.as_ref().map_or("null".to_owned(), |value| show(value))
            )
        };
        pairs.map(|pairs| pairs.iter().map(pair).collect())
    }

    #[test]
    fn parameters_are_read_in_their_order() {
        let text = b"&&b=1=2&a&=x&c+d=%26%3D&";
        assert_eq!(shown(form(text)), Ok("b=1=2;a=;=x;c d=&=;".to_owned()));
        assert_eq!(shown(form(b"")), Ok(String::new()));
        let text = br#"{"b":1.50,"a":"\u00e9","c":null,"d":true,"":""}"#;
        assert_eq!(shown(json(text)), Ok("b=1.50;a=é;c=null;d=true;=;".to_owned()));
    }

    #[test]
    fn what_readers_understand_differently_is_refused() {
        assert_eq!(form(b"a=1&b=2&%61=3"), Err(Unreadable::Duplicate));
        assert_eq!(form(b"a=%zz"), Err(Unreadable::Percent));
        assert_eq!(form(b"%=1"), Err(Unreadable::Percent));
        assert_eq!(json(br#"{"a":1,"\u0061":2}"#), Err(Unreadable::Duplicate));
        assert_eq!(json(br#"{"a":[]}"#), Err(Unreadable::Nested));
        assert_eq!(json(br#"{"a":{"b":1}}"#), Err(Unreadable::Nested));
        assert_eq!(json(b"[]"), Err(Unreadable::Json(json::Malformed::Syntax)));
        assert_eq!(json(b"\xff"), Err(Unreadable::Json(json::Malformed::NotUtf8)));
        let many = |count: usize| (0..count).map(|number| format!("k{number}=&")).collect::<String>();
        // Many keys are compared in another way than few.
        for count in [1, 2, 15, 16, 17, 40] {
            let text = many(count);
            assert_eq!(form(text.as_bytes()).map(|pairs| pairs.len()), Ok(count));
            assert_eq!(form(format!("{text}k0=").as_bytes()), Err(Unreadable::Duplicate), "{count}");
        }
        assert_eq!(form(many(MAX_PAIRS).as_bytes()).map(|pairs| pairs.len()), Ok(MAX_PAIRS));
        assert_eq!(form(many(MAX_PAIRS + 1).as_bytes()), Err(Unreadable::TooMany));
    }
}
