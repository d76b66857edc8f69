//! The body or query that a token is bound to by its `payload_hash`.
//!
//! Of a body the hash is that of the bytes as they came; it is never written anew. Of a query the provider's documents
//! describe a JSON text, and do not say all of how it is written; the query as it came is tried too. Both bind the
//! query, and which one fits is told, so that experience answers what the documents leave open. Invariant: what is
//! called bound is covered by the hash; the hash of nothing is told apart.

use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::Finding;
use crate::policy::signature::mac::{same, sha256};
use crate::policy::signature::rules::Message;
use crate::policy::signature::text::pairs::{self, Pair, Unreadable};
use crate::policy::signature::vouch::Vouched;

/// What the hash of a token is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadForm {
    /// The body.
    Body,
    /// The query's parameters as compact JSON.
    QueryJson,
    /// The query as it came.
    RawQuery,
    /// Nothing: it does not bind the query.
    Nothing,
}

impl PayloadForm {
    /// Every form, in the order of declaration: `ALL[f as usize] == f`.
    pub const ALL: [Self; 4] = [Self::Body, Self::QueryJson, Self::RawQuery, Self::Nothing];

    /// Its name in the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::QueryJson => "query_json",
            Self::RawQuery => "raw_query",
            Self::Nothing => "nothing",
        }
    }

    /// What the signature is called in the log.
    #[must_use]
    pub fn finding(self) -> Finding {
        if self == Self::Nothing { Finding::ValidHead } else { Finding::Valid }
    }

    /// Whether a token with a hash of this covers all of the message, and not only a part of it or nothing at all.
    #[must_use]
    pub(crate) fn covers_all_of(self, message: &Message<'_>) -> bool {
        match self {
            Self::Body => !message.body.is_empty() && message.query.is_empty(),
            // These are of messages without a body.
            Self::QueryJson | Self::RawQuery => !message.query.is_empty(),
            Self::Nothing => false,
        }
    }
}

/// Judges the message that a token came with.
///
/// # Errors
/// The token has no hash, or that of another message.
pub fn bound(vouched: &Vouched, message: &Message<'_>) -> Result<PayloadForm, Fault> {
    let hash = vouched.payload_hash()?;
    let is_of = |text: &[u8]| same(&sha256(text), &hash);
    if !message.is_get() {
        return match (is_of(message.body), message.body, message.query) {
            (false, ..) => Err(Fault::Payload),
            // The message is in the query, and the hash is of nothing.
            (true, [], [_, ..]) => Ok(PayloadForm::Nothing),
            (true, ..) => Ok(PayloadForm::Body),
        };
    }
    // A GET has no body that a hash of its query could cover.
    if !message.body.is_empty() {
        return Err(Fault::Payload);
    }
    if query_json(message.query).is_ok_and(|text| is_of(&text)) {
        return Ok(PayloadForm::QueryJson);
    }
    if is_of(message.query) {
        return Ok(PayloadForm::RawQuery);
    }
    if is_of(b"") { Ok(PayloadForm::Nothing) } else { Err(Fault::Payload) }
}

/// The JSON text of a query, as `JSON.stringify` of JavaScript writes an object of its parameters: no blanks, and in
/// the order of the query, but that keys which are whole numbers come first and in the order of numbers.
///
/// # Errors
/// A parameter is there twice or is no text: what the object then is depends on who makes it.
pub fn query_json(query: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut pairs = pairs::form(query)?;
    pairs.sort_by_key(|pair| whole_number(&pair.key).map_or(u64::MAX, u64::from));
    let mut out = Vec::with_capacity(query.len() + 8 * pairs.len() + 2);
    out.push(b'{');
    for (place, Pair { key, value }) in pairs.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        string(&mut out, key)?;
        out.push(b':');
        string(&mut out, value.as_deref().unwrap_or_default())?;
    }
    out.push(b'}');
    Ok(out)
}

/// A key that JavaScript takes for an index (ECMA-262, "array index"): the decimal digits of a number below 2^32 - 1.
fn whole_number(key: &[u8]) -> Option<u32> {
    let is_written_so = key == b"0" || (!key.starts_with(b"0") && key.iter().all(u8::is_ascii_digit));
    let number = is_written_so.then(|| std::str::from_utf8(key).ok()?.parse::<u32>().ok())?;
    number.filter(|number| *number < u32::MAX)
}

/// A string of JSON, with the escapes of ECMA-262, `QuoteJSONString`.
fn string(out: &mut Vec<u8>, text: &[u8]) -> Result<(), Unreadable> {
    std::str::from_utf8(text).map_err(|_| Unreadable::NotUtf8)?;
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            0x08 => out.extend_from_slice(br"\b"),
            b'\t' => out.extend_from_slice(br"\t"),
            b'\n' => out.extend_from_slice(br"\n"),
            0x0c => out.extend_from_slice(br"\f"),
            b'\r' => out.extend_from_slice(br"\r"),
            0..0x20 => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            other => out.push(*other),
        }
    }
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(query: &str) -> Result<String, Unreadable> {
        query_json(query.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    /// The right-hand sides are what `JSON.stringify(Object.fromEntries(new URLSearchParams(query)))` of node 20 gives.
    #[test]
    fn a_query_is_written_as_javascript_writes_it() {
        let rows = [
            ("", "{}"),
            ("a=b", r#"{"a":"b"}"#),
            ("b=1&a=2", r#"{"b":"1","a":"2"}"#),
            ("to=447700900000&from=%2B1+2", r#"{"to":"447700900000","from":"+1 2"}"#),
            (
                "a=%22%5C%2F%08%0C%0A%0D%09%00%1F%7F",
                "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\"}",
            ),
            ("a=%F0%9F%98%80%E2%80%A8", "{\"a\":\"😀\u{2028}\"}"),
            (
                "b=&2=x&10=y&01=z&4294967295=v&4294967294=w&a",
                r#"{"2":"x","10":"y","4294967294":"w","b":"","01":"z","4294967295":"v","a":""}"#,
            ),
            ("__proto__=x&=y", r#"{"__proto__":"x","":"y"}"#),
        ];
        for (query, wanted) in rows {
            assert_eq!(written(query).as_deref(), Ok(wanted), "{query}");
        }
    }

    #[test]
    fn what_is_no_such_object_is_not_written() {
        assert_eq!(written("a=1&b=2&a=1"), Err(Unreadable::Duplicate));
        assert_eq!(written("a=%ff"), Err(Unreadable::NotUtf8));
        assert_eq!(written("a=%f"), Err(Unreadable::Percent));
    }
}
