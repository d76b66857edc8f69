//! The tokens of JSON (RFC 8259), strictly: strings, numbers, words and what stands between them.
//!
//! What they make together is for the callers, which bound their depth. Invariant: an escape never makes half a character,
//! and what is read of a string is exactly what stands between its quotation marks.

use std::borrow::Cow;

use thiserror::Error;

/// Why a text is not read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It is not one JSON object.
    #[error("is not a JSON object")]
    Syntax,
    /// A name stands twice in an object.
    #[error("has a name twice")]
    Duplicate,
    /// It is nested deeper than is read.
    #[error("is nested too deeply")]
    Depth,
    /// An object has more members than are read.
    #[error("has too many members")]
    Members,
}

/// A string as it stands between its quotation marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'t> {
    /// Where it begins in the whole text.
    pub at: usize,
    /// As it is written.
    pub raw: &'t str,
    /// Every character that it stands for is known to be a printable one of ASCII.
    pub printable: bool,
    escaped: bool,
}

impl<'t> Text<'t> {
    /// The string that it stands for.
    pub(crate) fn decoded(self) -> Cow<'t, str> {
        if self.escaped { Cow::Owned(self.chars().collect()) } else { Cow::Borrowed(self.raw) }
    }

    fn chars(self) -> impl Iterator<Item = char> + use<'t> {
        let mut rest = self.raw;
        std::iter::from_fn(move || {
            let (character, len) = character(rest.as_bytes()).or_else(|| {
                let first = rest.chars().next()?;
                Some((first, first.len_utf8()))
            })?;
            rest = rest.get(len..)?;
            Some(character)
        })
    }
}

/// What a backslash at the front begins: the character, and the length of its escape.
fn character(text: &[u8]) -> Option<(char, usize)> {
    let character = match text {
        [b'\\', b'u', ..] => {
            let first = hex(text.get(2..6)?)?;
            // Two halves are one character; one half is none.
            if let Some(one) = char::from_u32(first) {
                return Some((one, 6));
            }
            let second = text.get(6..12)?.strip_prefix(br"\u")?;
            let (high, low) = (first.checked_sub(0xd800)?, hex(second)?.checked_sub(0xdc00)?);
            let is_pair = high < 0x400 && low < 0x400;
            return char::from_u32(0x1_0000 + (high << 10) + low).filter(|_| is_pair).map(|one| (one, 12));
        }
        [b'\\', b'"', ..] => '"',
        [b'\\', b'\\', ..] => '\\',
        [b'\\', b'/', ..] => '/',
        [b'\\', b'b', ..] => '\u{8}',
        [b'\\', b'f', ..] => '\u{c}',
        [b'\\', b'n', ..] => '\n',
        [b'\\', b'r', ..] => '\r',
        [b'\\', b't', ..] => '\t',
        _ => return None,
    };
    Some((character, 2))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// A one in each byte, and the highest bit of each.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes at the front stand for themselves in a string: all but quotation marks, backslashes and control
/// characters. Eight are looked at together, because most strings of a token are as long as a hash or a UUID.
fn plain_len(text: &[u8]) -> usize {
    // The highest bit of each byte that is zero, or is below a blank: exact up to the first such byte.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let byte_is = |word: u64, byte: u8| zero(word ^ (ONES * u64::from(byte)));
    let below_blank = |word: u64| word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    let mut len = 0;
    while let Some(eight) = text.get(len..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let found = byte_is(word, b'"') | byte_is(word, b'\\') | below_blank(word);
        if found != 0 {
            return len + found.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let is_plain = |byte: &&u8| **byte >= b' ' && !matches!(**byte, b'"' | b'\\');
    len + text[len..].iter().take_while(is_plain).count()
}

/// How many bytes stand before the first quotation mark. Names and values are short, and a search that is made for long
/// texts costs more.
fn quoted_len(text: &[u8]) -> Option<usize> {
    const MARKS: u64 = ONES * b'"' as u64;
    let (words, rest) = text.as_chunks::<8>();
    for (place, eight) in words.iter().enumerate() {
        // The highest bit of each byte that is a mark: exact up to the first one.
        let word = u64::from_le_bytes(*eight) ^ MARKS;
        let marks = word.wrapping_sub(ONES) & !word & HIGH;
        if marks != 0 {
            return Some(8 * place + marks.trailing_zeros() as usize / 8);
        }
    }
    let place = rest.iter().position(|byte| *byte == b'"')?;
    Some(8 * words.len() + place)
}

/// Reads a text from its front.
pub(crate) struct Reader<'t> {
    text: &'t str,
    /// How far it has read.
    pub at: usize,
    printable: bool,
    /// Every character is printable, and none is a backslash: a string ends with the next quotation mark. Tokens are written
    /// so, and reading them costs a third.
    simple: bool,
}

impl<'t> Reader<'t> {
    /// From the front of this text.
    pub(crate) fn new(text: &'t str) -> Self {
        // Without a branch, so that many bytes are looked at with one instruction.
        let (odd, backslashes) = text.bytes().fold((0, 0), |(odd, backslashes), byte| {
            (odd | u8::from(byte.wrapping_sub(b' ') > b'~' - b' '), backslashes | u8::from(byte == b'\\'))
        });
        let printable = odd == 0;
        Self { text, at: 0, printable, simple: printable && backslashes == 0 }
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads what may stand between tokens.
    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Whether this byte is next, which is then read.
    pub(crate) fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads this byte.
    ///
    /// # Errors
    /// Another one is next.
    pub(crate) fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.takes(byte) { Ok(()) } else { Err(Malformed::Syntax) }
    }

    /// What was read since.
    pub(crate) fn since(&self, begin: usize) -> &'t str {
        self.text.get(begin..self.at).unwrap_or_default()
    }

    /// A string behind its first quotation mark.
    pub(crate) fn string(&mut self) -> Result<Text<'t>, Malformed> {
        let (begin, printable) = (self.at, self.printable);
        if self.simple {
            let rest = self.text.as_bytes().get(begin..).unwrap_or_default();
            let len = quoted_len(rest).ok_or(Malformed::Syntax)?;
            self.at += len;
            let text = Text { at: begin, raw: self.since(begin), printable, escaped: false };
            self.at += 1;
            return Ok(text);
        }
        let mut escaped = false;
        loop {
            self.at += plain_len(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    let text =
                        Text { at: begin, raw: self.since(begin), printable: printable && !escaped, escaped };
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    escaped = true;
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    let (_, len) = character(rest).ok_or(Malformed::Syntax)?;
                    self.at += len;
                }
                _ => return Err(Malformed::Syntax),
            }
        }
    }

    /// A number.
    pub(crate) fn number(&mut self) -> Result<(), Malformed> {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let begin = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err(Malformed::Syntax) }
    }

    /// `true`, `false` or `null`, as it is written.
    pub(crate) fn word(&mut self) -> Result<&'t str, Malformed> {
        let begin = self.at;
        let rest = self.text.get(begin..).unwrap_or_default();
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
        let word = word.ok_or(Malformed::Syntax)?;
        self.at += word.len();
        Ok(self.since(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_is_not_taken_for_what_it_stands_for() {
        for (text, printable) in
            [("abc\"", true), ("a c~\"", true), (r#"a\n""#, false), ("a\u{e9}\"", false), ("\u{7f}\"", false)]
        {
            let mut reader = Reader::new(text);
            assert_eq!(reader.string().map(|text| text.printable), Ok(printable), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_stands_for_itself_ends_where_a_walk_along_the_bytes_ends(
            text in prop::collection::vec(prop_oneof![4 => Just(b'a'), 1 => any::<u8>(), 1 => 0x1eu8..0x24], 0..40)
        ) {
            let is_odd = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
            let end = text.iter().position(is_odd).unwrap_or(text.len());
            prop_assert_eq!(plain_len(&text), end);
            prop_assert_eq!(quoted_len(&text), text.iter().position(|byte| *byte == b'"'));
        }
    }
}
