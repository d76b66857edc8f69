//! Text of somebody else's, written so that whoever reads it sees every character of it.
//!
//! A line end adds a line to a file, an escape moves a terminal, and a bidi mark turns round what follows it. Invariant: the
//! result is one line of printable characters, and a text that is one already stays as it is.

use std::fmt::Write as _;

/// The text with `\u{202e}` and the like instead of what cannot be seen, or changes how the rest is seen.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().flat_map(shown).collect()
}

/// A JSON text that says the same, with JSON's own escapes instead of such characters: they stand in its strings alone,
/// where any character may be escaped. Line ends and tabs between its values stay.
#[must_use]
pub(crate) fn visible_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            // No string has it as it is, so it stands between two values, as a blank does.
            '\r' => out.push(' '),
            c if is_hidden(c) => push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// A character as an escape of JSON: `\u202e`, or two of them where one has too few digits.
pub(crate) fn push_escaped(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// Whether a character cannot be seen, or changes how others are seen.
#[must_use]
pub(crate) fn is_hidden(c: char) -> bool {
    !(c.is_ascii_graphic() || shown(c).eq([c]))
}

fn shown(c: char) -> impl Iterator<Item = char> {
    let is_plain = matches!(c, '"' | '\'' | '\\');
    is_plain.then_some(c).into_iter().chain(c.escape_debug().filter(move |_| !is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, wanted) in [
            ("https://vendor.example/\u{e4}?a=\"b\\c'", "https://vendor.example/\u{e4}?a=\"b\\c'"),
            ("a\n# reviewed: 2026-11-27\r\t\0", "a\\n# reviewed: 2026-11-27\\r\\t\\0"),
            (
                "\u{202e}a\u{200b}\u{2028}\u{feff}\u{1b}\u{85}",
                "\\u{202e}a\\u{200b}\\u{2028}\\u{feff}\\u{1b}\\u{85}",
            ),
            ("\u{e0041}\u{ad}\u{2066}", "\\u{e0041}\\u{ad}\\u{2066}"),
        ] {
            assert_eq!(visible(text), wanted);
            assert_eq!(text.contains(is_hidden), text != wanted, "{wanted}");
        }
    }

    #[test]
    fn in_json_it_is_written_out_as_json_writes_it() {
        let text = "\u{202e}\u{200e}a\u{2028}\u{feff}\u{7f}\u{85}\u{9b}\u{e0041}\u{301}\u{e4}\u{1f600}\"\\/\t\r\n\u{1b}\0";
        let value = serde_json::json!({ "a": [text, 1], text: "\u{202e}" });
        for json in [serde_json::to_string_pretty(&value).unwrap(), value.to_string()] {
            let shown = visible_json(&json);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value, "{shown}");
            assert!(!shown.contains(|c: char| is_hidden(c) && c != '\n'), "{shown}");
            assert!(
                shown.contains("\\u202e\\u200ea\\u2028\\ufeff\\u007f\\u0085\\u009b\\udb40\\udc41"),
                "{shown}"
            );
        }
        assert_eq!(visible_json("{\r\n\t}"), "{ \n\t}");
    }
}
