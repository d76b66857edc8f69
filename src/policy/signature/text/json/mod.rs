//! One JSON object (RFC 8259), strictly and within bounds, in one pass and without a copy.
//!
//! The claims of a token and the parameters of a message are small objects of which some members are of interest.
//! What is of no interest must still be JSON: a text that readers understand differently is not read at all. So a
//! name stands once in an object, on every level, however it is escaped; and an escape never makes half a
//! character. The tokens are in [`scan`]. Invariant: the callback hears every member of the outermost object once, in
//! order, and no text makes the reader go deeper than its bound.

pub(crate) mod scan;

use std::borrow::Cow;

use smallvec::SmallVec;

pub use self::scan::Malformed;
use self::scan::Reader;
pub(crate) use self::scan::Text;

/// The deepest nesting of claims; the outermost object is the first level.
pub(crate) const MAX_DEPTH: usize = 32;
/// The members that an object may have.
pub(crate) const MAX_MEMBERS: usize = 256;

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

/// Reads an object, nested at most `depth` levels, and hands over its members: the string that each name stands for, and
/// the value.
///
/// # Errors
/// The text is anything else.
pub(crate) fn object<'t>(
    text: &'t [u8],
    depth: usize,
    each: impl FnMut(&Cow<'t, str>, Value<'t>),
) -> Result<(), Malformed> {
    object_in(std::str::from_utf8(text).map_err(|_| Malformed::NotUtf8)?, depth, each)
}

/// The same, of a text that is known to be UTF-8.
///
/// # Errors
/// As [`object`].
pub(crate) fn object_in<'t>(
    text: &'t str,
    depth: usize,
    mut each: impl FnMut(&Cow<'t, str>, Value<'t>),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(text);
    reader.blanks();
    reader.take(b'{')?;
    reader.members(depth, &mut each)?;
    reader.blanks();
    if reader.at == text.len() { Ok(()) } else { Err(Malformed::Syntax) }
}

impl<'t> Reader<'t> {
    /// The members of an object behind its brace, and the closing one.
    fn members(
        &mut self,
        depth: usize,
        each: &mut dyn FnMut(&Cow<'t, str>, Value<'t>),
    ) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
        self.blanks();
        if self.takes(b'}') {
            return Ok(());
        }
        let mut names: SmallVec<[Cow<'t, str>; 8]> = SmallVec::new();
        loop {
            self.blanks();
            self.take(b'"')?;
            let name = self.string()?.decoded();
            if names.contains(&name) {
                return Err(Malformed::Duplicate);
            }
            if names.len() == MAX_MEMBERS {
                return Err(Malformed::Members);
            }
            self.blanks();
            self.take(b':')?;
            let value = self.value(depth)?;
            each(&name, value);
            names.push(name);
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
            _ => {
                let word = self.word()?;
                Ok(if word == "null" { Value::Null } else { Value::Boolean(word) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
