//! Strings and lists of JSON. `policy` has no serde, and what is written here is as simple as this.

use std::fmt::Display;

use crate::policy::visible::{is_hidden, push_escaped};

/// A string with its quotes.
#[must_use]
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // What acts on a terminal is escaped here, because no printer of the text may do it in another way.
            c if is_hidden(c) => push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of strings in one line.
#[must_use]
pub(crate) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| string(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// A list of values that are JSON already, one a line. `indent` is that of the line in which the list begins.
#[must_use]
pub(crate) fn rows(values: impl IntoIterator<Item = String>, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    let rows: Vec<String> = values.into_iter().map(|value| format!("\n{inner}{value}")).collect();
    if rows.is_empty() { "[]".to_owned() } else { format!("[{}\n{outer}]", rows.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_a_parser_reads() {
        for text in ["", "plain", "a\"b\\c", "line\nend\u{1}\u{7f}", "\u{e4}\u{1f600}", "\u{202e}\u{e0041}"] {
            assert!(!string(text).contains(is_hidden));
            assert_eq!(serde_json::from_str::<String>(&string(text)).unwrap(), text);
        }
        assert_eq!(list(["a", "b"]), r#"["a", "b"]"#);
        assert_eq!(rows(["1".to_owned(), "2".to_owned()], 2), "[\n    1,\n    2\n  ]");
        assert_eq!(rows([], 2), "[]");
    }
}
