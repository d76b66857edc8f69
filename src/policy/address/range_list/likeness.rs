//! A text in the letters that an address has, where it only looks like one.
//!
//! `８.８.８.８` and `8.8.8.0 / 24` are addresses to a reader and none to a program. Nothing is read as an address because of
//! this: it says what to ask about, and what was probably meant.

use std::borrow::Cow;

use crate::policy::visible::is_hidden;

/// What a text looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Likeness<'t> {
    /// The text in ASCII as far as it looks so, without blanks inside an address.
    pub text: Cow<'t, str>,
    /// Whether each digit of it is known to be the one that was written.
    pub is_sure: bool,
}

impl<'t> Likeness<'t> {
    /// The likeness of a text.
    #[must_use]
    pub(crate) fn of(text: &'t str) -> Self {
        let (plain, is_sure) = if text.is_ascii() { (Cow::Borrowed(text), true) } else { in_ascii(text) };
        let text = if plain.contains(char::is_whitespace) {
            joined(&plain).map_or(plain, Cow::Owned)
        } else {
            plain
        };
        Self { text, is_sure }
    }
}

/// Where the ten digits of a script begin.
const ZEROS: [char; 12] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{e50}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1fbf0}',
];

fn in_ascii(text: &str) -> (Cow<'_, str>, bool) {
    let mut is_sure = true;
    let letters = text.chars().filter(|c| !is_hidden(*c) || c.is_whitespace()).map(|c| match c {
        // The full-width forms stand in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3002}' | '\u{ff61}' | '\u{2024}' | '\u{fe52}' => '.',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{2236}' | '\u{a789}' | '\u{fe55}' | '\u{fe13}' => ':',
        c if c.is_numeric() && !c.is_ascii() => digit(c).unwrap_or_else(|| {
            is_sure = false;
            '0'
        }),
        c => c,
    });
    let letters: String = letters.collect();
    (letters.into(), is_sure)
}

fn digit(c: char) -> Option<char> {
    let distance =
        ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|by| *by < 10))?;
    char::from_digit(distance, 10)
}

/// The text without the blanks around a dot between digits, and around a slash that ends an address; `None` if it has none.
fn joined(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_changed = false;
    while let Some(at) = rest.find(['.', '/']) {
        let (before, from) = rest.split_at(at);
        let after = from.get(1..).unwrap_or_default();
        let (left, right) = (before.trim_end(), after.trim_start());
        let is_left = |c: char| {
            if from.starts_with('.') { c.is_ascii_digit() } else { c.is_ascii_hexdigit() || c == ':' }
        };
        let has_left = if left.is_empty() { out.ends_with(is_left) } else { left.ends_with(is_left) };
        if has_left && right.starts_with(|c: char| c.is_ascii_digit()) {
            is_changed |= left.len() < before.len() || right.len() < after.len();
            out.push_str(left);
            out.push_str(from.get(..1).unwrap_or_default());
            rest = right;
        } else {
            out.push_str(before);
            out.push_str(from.get(..1).unwrap_or_default());
            rest = after;
        }
    }
    out.push_str(rest);
    is_changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_ascii_is_told_in_ascii() {
        for (text, wanted, is_sure) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("\u{ff18}.\u{ff18}\u{ff0e}8\u{3002}8\u{ff0f}\u{ff13}\u{ff12}", "8.8.8.8/32", true),
            ("\u{661}.\u{6f2}.\u{969}.\u{1d7d2}", "1.2.3.4", true),
            ("8.8.8\u{200b}.\u{feff}8", "8.8.8.8", true),
            ("8.8.8.\u{2467}", "8.8.8.0", false),
            ("8.8.8.0 / 24", "8.8.8.0/24", true),
            ("8.8.8.0/ 24", "8.8.8.0/24", true),
            ("8. 8 .8\u{a0}. 0", "8.8.8.0", true),
            ("2001:db8:: /32", "2001:db8::/32", true),
            ("see 1. Then . 2", "see 1. Then . 2", true),
            (" 192.0.2.1 ", " 192.0.2.1 ", true),
        ] {
            assert_eq!(Likeness::of(text), Likeness { text: wanted.into(), is_sure }, "{text}");
        }
    }
}
