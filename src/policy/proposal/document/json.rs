//! The tree of a JSON text (RFC 8259), strictly: a name stands once in an object, and the depth is bounded.
//!
//! The tokens are those of signatures. Unlike there every value counts, whatever it is in.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::policy::signature::text::json::MAX_DEPTH;
use crate::policy::signature::text::json::scan::{Malformed, Reader};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json<'t> {
    /// A string.
    Text(Cow<'t, str>),
    /// A number, as it is written.
    Number(&'t str),
    /// `true`, `false` or `null`.
    Word,
    /// An array.
    Array(Vec<Json<'t>>),
    /// An object, in the order of the text.
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

/// Reads one value and nothing after it.
///
/// # Errors
/// The line where the reader stopped, and why.
pub(super) fn read(text: &str) -> Result<Json<'_>, (usize, Malformed)> {
    let mut reader = Reader::new(text);
    let whole = value(&mut reader, MAX_DEPTH).and_then(|json| {
        reader.blanks();
        if reader.at == text.len() { Ok(json) } else { Err(Malformed::Syntax) }
    });
    whole.map_err(|why| {
        let before = text.as_bytes().get(..reader.at).unwrap_or_default();
        (1 + memchr::memchr_iter(b'\n', before).count(), why)
    })
}

fn value<'t>(reader: &mut Reader<'t>, depth: usize) -> Result<Json<'t>, Malformed> {
    reader.blanks();
    let begin = reader.at;
    match reader.peek() {
        Some(b'"') => {
            reader.at += 1;
            Ok(Json::Text(reader.string()?.decoded()))
        }
        Some(b'{') => {
            reader.at += 1;
            object(reader, depth)
        }
        Some(b'[') => {
            reader.at += 1;
            array(reader, depth)
        }
        Some(b'-' | b'0'..=b'9') => {
            reader.number()?;
            Ok(Json::Number(reader.since(begin)))
        }
        _ => reader.word().map(|_| Json::Word),
    }
}

fn object<'t>(reader: &mut Reader<'t>, depth: usize) -> Result<Json<'t>, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
    let (mut members, mut names) = (Vec::new(), HashSet::new());
    reader.blanks();
    if reader.takes(b'}') {
        return Ok(Json::Object(members));
    }
    loop {
        reader.blanks();
        reader.take(b'"')?;
        let name = reader.string()?.decoded();
        if !names.insert(name.clone()) {
            return Err(Malformed::Duplicate);
        }
        reader.blanks();
        reader.take(b':')?;
        members.push((name, value(reader, depth)?));
        reader.blanks();
        if reader.takes(b'}') {
            return Ok(Json::Object(members));
        }
        reader.take(b',')?;
    }
}

fn array<'t>(reader: &mut Reader<'t>, depth: usize) -> Result<Json<'t>, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
    let mut values = Vec::new();
    reader.blanks();
    if reader.takes(b']') {
        return Ok(Json::Array(values));
    }
    loop {
        values.push(value(reader, depth)?);
        reader.blanks();
        if reader.takes(b']') {
            return Ok(Json::Array(values));
        }
        reader.take(b',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_what_another_reader_finds() {
        let text = r#"{"a": ["\u0031.2", -1.5e3, null], "b": {"c": true, "d": {}}, "e": []}"#;
        let text_of = |text: &'static str| Json::Text(Cow::Borrowed(text));
        let wanted = Json::Object(vec![
            ("a".into(), Json::Array(vec![text_of("1.2"), Json::Number("-1.5e3"), Json::Word])),
            (
                "b".into(),
                Json::Object(vec![("c".into(), Json::Word), ("d".into(), Json::Object(Vec::new()))]),
            ),
            ("e".into(), Json::Array(Vec::new())),
        ]);
        assert_eq!(read(text), Ok(wanted));
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, line, why) in [
            ("{\n\"a\": 1,\n\"a\": 2}", 3, Malformed::Duplicate),
            ("{\"a\": 1,\n}", 2, Malformed::Syntax),
            ("[1]\n\n[2]", 3, Malformed::Syntax),
            ("[1", 1, Malformed::Syntax),
            (&"[".repeat(33), 1, Malformed::Depth),
        ] {
            assert_eq!(read(text), Err((line, why)), "{text}");
        }
        assert!(read(&format!("{}{}", "[".repeat(32), "]".repeat(32))).is_ok());
    }
}
