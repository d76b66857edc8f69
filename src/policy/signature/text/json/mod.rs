//! One JSON object (RFC 8259), strictly and within bounds, in one pass and without a copy.
//!
//! The claims of a token and the parameters of a message are small objects of which some members are of interest.
//! What is of no interest must still be JSON: a text that readers understand differently is not read at all. So a
//! name stands once in an object, on every level, however it is escaped; and an escape never makes half a
//! character. Invariant: the callback hears every member of the outermost object once, in order, and no text
//! makes the reader go deeper than its bound.

use std::borrow::Cow;

use thiserror::Error;

/// The deepest nesting of claims; the outermost object is the first level.
pub(crate) const MAX_DEPTH: usize = 32;
/// The members that an object may have.
pub(crate) const MAX_MEMBERS: usize = 256;

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
    escaped: bool,
}

/// The value of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'t> {
    /// A string.
    Text(Text<'t>),
    /// A number, as it is written.
    Number(&'t str),
    /// `true` or `false`, as it is written.
    Boolean(&'t str),
    /// `null`.
    Null,
    /// An object or an array.
    Nested,
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

/// Reads an object, nested at most `depth` levels, and hands over its members.
///
/// # Errors
/// The text is anything else.
pub(crate) fn object<'t>(
    text: &'t [u8],
    depth: usize,
    mut each: impl FnMut(Text<'t>, Value<'t>),
) -> Result<(), Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed::NotUtf8)?;
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    reader.take(b'{')?;
    reader.members(depth, &mut each)?;
    reader.blanks();
    if reader.at == text.len() { Ok(()) } else { Err(Malformed::Syntax) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.takes(byte) { Ok(()) } else { Err(Malformed::Syntax) }
    }

    /// What was read since.
    fn since(&self, begin: usize) -> &'t str {
        self.text.get(begin..self.at).unwrap_or_default()
    }

    /// The members of an object behind its brace, and the closing one.
    fn members(&mut self, depth: usize, each: &mut dyn FnMut(Text<'t>, Value<'t>)) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
        self.blanks();
        if self.takes(b'}') {
            return Ok(());
        }
        let mut names: Vec<Cow<'t, str>> = Vec::with_capacity(8);
        loop {
            self.blanks();
            self.take(b'"')?;
            let name = self.string()?;
            let decoded = name.decoded();
            if names.contains(&decoded) {
                return Err(Malformed::Duplicate);
            }
            if names.len() == MAX_MEMBERS {
                return Err(Malformed::Members);
            }
            names.push(decoded);
            self.blanks();
            self.take(b':')?;
            let value = self.value(depth)?;
            each(name, value);
            self.blanks();
            if self.takes(b'}') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    /// The values of an array behind its bracket, and the closing one.
    fn values(&mut self, depth: usize) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
        self.blanks();
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.blanks();
            if self.takes(b']') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'t>, Malformed> {
        self.blanks();
        let begin = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Value::Text)
            }
            Some(b'{') => {
                self.at += 1;
                self.members(depth, &mut |_, _| ())?;
                Ok(Value::Nested)
            }
            Some(b'[') => {
                self.at += 1;
                self.values(depth)?;
                Ok(Value::Nested)
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Value::Number(self.since(begin)))
            }
            _ => self.word(),
        }
    }

    /// A string behind its first quotation mark.
    fn string(&mut self) -> Result<Text<'t>, Malformed> {
        let begin = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = Text { at: begin, raw: self.since(begin), escaped };
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    escaped = true;
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    let (_, len) = character(rest).ok_or(Malformed::Syntax)?;
                    self.at += len;
                }
                Some(byte) if byte >= b' ' => self.at += 1,
                _ => return Err(Malformed::Syntax),
            }
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
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

    fn word(&mut self) -> Result<Value<'t>, Malformed> {
        let begin = self.at;
        let rest = self.text.get(begin..).unwrap_or_default();
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
        let word = word.ok_or(Malformed::Syntax)?;
        self.at += word.len();
        Ok(if word == "null" { Value::Null } else { Value::Boolean(self.since(begin)) })
    }
}

#[cfg(test)]
mod tests;
