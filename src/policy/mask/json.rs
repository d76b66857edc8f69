//! A JSON text as it may be shown: the same structure, with the values masked and without secrets.
//!
//! It is written anew from its tokens, so what is no JSON is not shown at all. Invariant: what is written is JSON, and every
//! string in it went through the mask.

use std::borrow::Cow;

use crate::policy::mask::digits::FEWEST;
use crate::policy::mask::mode::{LeftOut, Mask};
use crate::policy::mask::names::Says;
use crate::policy::mask::text::length;
use crate::policy::signature::text::json::MAX_DEPTH;
use crate::policy::signature::text::json::scan::{Malformed, Reader};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In one line.
    Line,
    /// Indented, for people.
    Indented,
}

impl Mask {
    /// A JSON text as it may be shown, and what was left out.
    ///
    /// # Errors
    /// It is no JSON, or is nested too deeply.
    pub(crate) fn json(&self, text: &[u8], layout: Layout) -> Result<(String, LeftOut), Malformed> {
        let text = std::str::from_utf8(text).map_err(|_| Malformed::NotUtf8)?;
        let mut writer = Writer {
            mask: *self,
            layout,
            out: String::with_capacity(text.len()),
            left_out: LeftOut::default(),
        };
        let mut reader = Reader::new(text);
        reader.blanks();
        writer.value(&mut reader, Says::Nothing, 0)?;
        reader.blanks();
        if reader.at == text.len() { Ok((writer.out, writer.left_out)) } else { Err(Malformed::Syntax) }
    }
}

struct Writer {
    mask: Mask,
    layout: Layout,
    out: String,
    left_out: LeftOut,
}

impl Writer {
    fn value(&mut self, reader: &mut Reader<'_>, says: Says, depth: usize) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::Depth);
        }
        let begin = reader.at;
        match reader.peek() {
            Some(b'{') => {
                reader.take(b'{')?;
                self.members(reader, says, depth)
            }
            Some(b'[') => {
                reader.take(b'[')?;
                self.elements(reader, says, depth)
            }
            Some(b'"') => {
                reader.take(b'"')?;
                let text = reader.string()?.decoded();
                let shown = self.shown(&text, says);
                self.string(&shown);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                reader.number()?;
                self.number(reader.since(begin), says);
                Ok(())
            }
            _ => {
                let word = reader.word()?;
                self.out.push_str(word);
                Ok(())
            }
        }
    }

    fn members(&mut self, reader: &mut Reader<'_>, says: Says, depth: usize) -> Result<(), Malformed> {
        self.out.push('{');
        reader.blanks();
        let mut written = false;
        if !reader.takes(b'}') {
            loop {
                reader.blanks();
                reader.take(b'"')?;
                let name = reader.string()?.decoded();
                reader.blanks();
                reader.take(b':')?;
                reader.blanks();
                written |= self.member(reader, &name, says, (written, depth))?;
                reader.blanks();
                if reader.takes(b'}') {
                    break;
                }
                reader.take(b',')?;
            }
        }
        self.close('}', written, depth);
        Ok(())
    }

    /// Writes a member, or leaves it out. True if it was written.
    fn member(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        outer: Says,
        (follows, depth): (bool, usize),
    ) -> Result<bool, Malformed> {
        let says = match (outer, self.mask.names.of(name)) {
            (_, Says::Secret) => {
                // It is read all the same, and what is written of it is cut off again.
                let before = self.out.len();
                self.value(reader, Says::Private, depth + 1)?;
                self.out.truncate(before);
                self.left_out.note(name);
                return Ok(false);
            }
            // Whatever is in a profile is of a person.
            (Says::Private, _) => Says::Private,
            (_, says) => says,
        };
        self.begin(follows, depth + 1);
        let shown = self.mask.text(name);
        self.string(&shown);
        self.out.push_str(if self.layout == Layout::Indented { ": " } else { ":" });
        self.value(reader, says, depth + 1)?;
        Ok(true)
    }

    fn elements(&mut self, reader: &mut Reader<'_>, says: Says, depth: usize) -> Result<(), Malformed> {
        self.out.push('[');
        reader.blanks();
        let mut written = false;
        if !reader.takes(b']') {
            loop {
                reader.blanks();
                self.begin(written, depth + 1);
                self.value(reader, says, depth + 1)?;
                written = true;
                reader.blanks();
                if reader.takes(b']') {
                    break;
                }
                reader.take(b',')?;
            }
        }
        self.close(']', written, depth);
        Ok(())
    }

    fn begin(&mut self, follows: bool, depth: usize) {
        if follows {
            self.out.push(',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: char, written: bool, depth: usize) {
        if written {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn shown<'t>(&mut self, text: &'t str, says: Says) -> Cow<'t, str> {
        // JSON in a string of JSON has names of its own. Each is shorter than the one around it.
        let is_inner = self.mask.full && text.trim_start().starts_with(['{', '[']);
        if let Some(Ok((inner, left_out))) = is_inner.then(|| self.mask.json(text.as_bytes(), Layout::Line))
            && left_out.has_any()
        {
            self.left_out.add(&left_out);
            return inner.into();
        }
        match says {
            Says::Private if !self.mask.full && !text.is_empty() => length(text).into(),
            _ => self.mask.text(text).into(),
        }
    }

    /// A number, which becomes a text where a part of it is masked.
    fn number(&mut self, number: &str, says: Says) {
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let has_exponent = number.contains(['e', 'E']);
        let shown = if has_exponent && digits >= FEWEST && !self.mask.full {
            length(number).into()
        } else {
            self.shown(number, says)
        };
        if shown == number { self.out.push_str(number) } else { self.string(&shown) }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                // Escaped, its digits would stand before those of the text.
                c if c.is_control() => self.out.push('\u{fffd}'),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
