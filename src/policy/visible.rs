//! Text of somebody else's, written so that whoever reads it sees every character of it.
//!
//! A line end adds a line to a file, an escape moves a terminal, and a bidi mark turns round what follows it. Invariant: the
//! result is one line of printable characters, and a text that is one already stays as it is.

/// The text with `\u{202e}` and the like instead of what cannot be seen, or changes how the rest is seen.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().flat_map(shown).collect()
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
}
