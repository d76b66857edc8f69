//! Header fields: the lines of one head, as ranges over one buffer.
//!
//! What a field means does not belong here. Invariant: every line is a name and a value without surrounding blanks,
//! in the order in which they came, and nothing of a line is copied twice.

use std::borrow::Cow;

use smallvec::SmallVec;

/// Lines that take no memory of their own: webhooks have about ten.
const USUAL: usize = 16;

/// A part of the buffer. Heads are far smaller than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// One line.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    name: Span,
    value: Span,
}

/// The lines of a head.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    lines: SmallVec<[Line; USUAL]>,
}

impl Fields {
    /// No lines yet; `bytes` is what they will be ranges of.
    #[must_use]
    pub fn over(bytes: Vec<u8>) -> Self {
        Self { bytes, lines: SmallVec::new() }
    }

    /// A line of these.
    #[must_use]
    pub fn of(lines: &[(&str, &str)]) -> Self {
        let mut fields = Self::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    /// Adds a line that is part of the buffer already.
    pub fn add(&mut self, name: Span, value: Span) {
        self.lines.push(Line { name, value });
    }

    /// Adds a line.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let line = Line { name: self.append(name), value: self.append(value) };
        self.lines.push(line);
    }

    /// Appends to the buffer what is no line.
    pub fn append(&mut self, part: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        Span { start: short(start), end: short(self.bytes.len()) }
    }

    /// What a range holds.
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The range of a part of the buffer; `None` for what is no part of it.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Option<Span> {
        span_within(&self.bytes, part)
    }

    /// The lines, as name and value.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.get(line.name), self.get(line.value)))
    }

    /// The values of all lines of this name.
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Bytes of memory that they hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.len() + self.lines.len().saturating_sub(USUAL) * size_of::<Line>()
    }

    /// Bytes that the lines take when they are written one after the other.
    #[must_use]
    pub fn written_len(&self) -> usize {
        self.bytes.len() + self.lines.len() * ": \r\n".len()
    }
}

/// The values of several lines as those of one (RFC 9110 section 5.3); seldom is there more than one.
#[must_use]
pub fn joined<'b>(mut values: impl Iterator<Item = &'b [u8]>) -> Cow<'b, [u8]> {
    let mut all = Cow::Borrowed(values.next().unwrap_or_default());
    for value in values {
        if all.is_empty() {
            all = Cow::Borrowed(value);
        } else {
            let list = all.to_mut();
            list.push(b',');
            list.extend_from_slice(value);
        }
    }
    all
}

/// The range of `part` in `whole`, of which it is a slice; `None` for what is no part of it.
#[must_use]
pub fn span_within(whole: &[u8], part: &[u8]) -> Option<Span> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len()).filter(|end| *end <= whole.len())?;
    Some(Span { start: short(start), end: short(end) })
}

fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_was_added_whether_they_were_there_or_not() {
        let head = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
        let mut fields = Fields::over(head);
        let (name, value) = (fields.bytes[16..20].to_vec(), 22..23);
        let spans = (span_within(&fields.bytes, &fields.bytes[16..20]), Span { start: 22, end: 23 });
        assert_eq!((name.as_slice(), value.len()), (&b"Host"[..], 1));
        fields.add(spans.0.unwrap(), spans.1);
        fields.push(b"Cookie", b"a=b");
        let lines: Vec<_> = fields.iter().collect();
        assert_eq!(lines, [(&b"Host"[..], &b"h"[..]), (b"Cookie", b"a=b")]);
        assert_eq!(fields.values("COOKIE").collect::<Vec<_>>(), [b"a=b"]);
    }

    #[test]
    fn what_is_no_part_of_the_buffer_has_no_range() {
        let (one, other) = (b"abc".to_vec(), b"abc".to_vec());
        assert_eq!(span_within(&one, &other), None);
        assert_eq!(span_within(&one[..2], &one), None);
        assert_eq!(span_within(&one, &one[1..]), Some(Span { start: 1, end: 3 }));
        assert_eq!(span_within(&one, &one[3..]), Some(Span { start: 3, end: 3 }));
    }
}
