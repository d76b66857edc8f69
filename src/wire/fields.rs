//! Header fields: the lines of one head, as ranges over one buffer.
//!
//! What a field means does not belong here. Invariant: the lines keep their order, and each is a name and a value
//! without surrounding blanks.

use std::borrow::Cow;

use crate::policy::bytes::is_word;

/// The capacity in lines, enough for most heads: a webhook has about ten. The lines are on the heap and not inline,
/// because a head is moved several times.
const USUAL: usize = 16;
/// The capacity for the gate's own replies, in lines and in bytes.
const FEW: usize = 4;
const FEW_BYTES: usize = 96;

/// A part of the buffer. Heads are far smaller than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }
}

/// One line.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    name: Span,
    value: Span,
}

/// The lines of a head.
#[derive(Clone, Debug)]
pub struct Fields {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// The buffer holds the lines exactly as HTTP/1 sends them, each with its CRLF, and nothing else.
    ready: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self { bytes: Vec::new(), lines: Vec::new(), ready: true }
    }
}

impl Fields {
    /// No lines; `bytes` is the buffer for the lines that will be added.
    #[must_use]
    pub fn over(bytes: Vec<u8>) -> Self {
        Self { bytes, lines: Vec::with_capacity(USUAL), ready: false }
    }

    /// A copy of a head, with the lines that a parser found in it.
    #[must_use]
    pub fn found<'b>(head: &'b [u8], lines: impl ExactSizeIterator<Item = (&'b [u8], &'b [u8])>) -> Self {
        // What is no slice of the head would be an empty range, or none: `get` checks each.
        let begin = head.as_ptr().addr();
        let span = |part: &[u8]| {
            let start = part.as_ptr().addr().wrapping_sub(begin);
            Span { start: short(start), end: short(start.wrapping_add(part.len())) }
        };
        let line = |(name, value)| Line { name: span(name), value: span(value) };
        Self { bytes: head.to_vec(), lines: lines.map(line).collect(), ready: false }
    }

    /// The same lines in another text of the same length.
    #[must_use]
    pub(crate) fn in_text(mut self, text: &[u8]) -> Self {
        self.bytes.clear();
        self.bytes.extend_from_slice(text);
        self
    }

    /// No lines, with capacity for `bytes` bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), lines: Vec::with_capacity(USUAL), ready: true }
    }

    /// Fields with these lines.
    #[must_use]
    pub fn of(lines: &[(&str, &str)]) -> Self {
        let mut fields =
            Self { bytes: Vec::with_capacity(FEW_BYTES), lines: Vec::with_capacity(FEW), ready: true };
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    /// Adds a line.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let name = self.append(name);
        self.bytes.extend_from_slice(b": ");
        let value = self.append(value);
        self.bytes.extend_from_slice(b"\r\n");
        self.lines.push(Line { name, value });
    }

    /// Appends bytes that are no line, such as a method, to the buffer. Only for fields that [`Self::over`] made.
    pub fn append(&mut self, part: &[u8]) -> Span {
        let start = short(self.bytes.len());
        self.bytes.extend_from_slice(part);
        Span { start, end: short(self.bytes.len()) }
    }

    /// The bytes of a range.
    #[inline]
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The range of a slice of the buffer; an empty range if `part` is no slice of it.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Span {
        span_within(&self.bytes, part)
    }

    /// The lines, each as name and value.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.get(line.name), self.get(line.value)))
    }

    /// The values of all lines of this name.
    #[inline]
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &[u8]> {
        let named =
            |line: &&Line| line.name.len() == name.len() && is_word(self.get(line.name), name.as_bytes());
        self.lines.iter().filter(named).map(|line| self.get(line.value))
    }

    /// Where each line begins in the buffer.
    pub(crate) fn starts(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().map(|line| line.name.start as usize)
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// The length of the buffer.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes [`Self::write`] writes.
    #[must_use]
    pub fn written_len(&self) -> usize {
        if self.ready {
            return self.bytes.len();
        }
        self.lines.iter().map(|line| line.name.len() + line.value.len() + ": \r\n".len()).sum()
    }

    /// Appends the lines to `out` in the syntax of HTTP/1.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.ready {
            out.extend_from_slice(&self.bytes);
            return;
        }
        for (name, value) in self.iter() {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends a value to a list. Several lines of one name mean the same as one line with all values (RFC 9110
/// section 5.3). There is usually only one, which is borrowed.
pub(crate) fn join<'b>(list: &mut Cow<'b, [u8]>, value: &'b [u8]) {
    if list.is_empty() {
        *list = Cow::Borrowed(value);
    } else {
        let list = list.to_mut();
        list.push(b',');
        list.extend_from_slice(value);
    }
}

/// The range of `part` in `whole`; an empty range if `part` is no slice of it.
#[inline]
#[must_use]
pub(crate) fn span_within(whole: &[u8], part: &[u8]) -> Span {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    let end = start.wrapping_add(part.len());
    if end > whole.len() || start > end {
        Span::default()
    } else {
        Span { start: short(start), end: short(end) }
    }
}

#[inline]
fn short(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_was_found_and_what_was_added() {
        let head = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
        let mut fields = Fields::found(&head, [(&head[16..20], &head[22..23])].into_iter());
        fields.push(b"Cookie", b"a=b");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"Host"[..], &b"h"[..]), (b"Cookie", b"a=b")]);
        assert_eq!(fields.values("cookie").collect::<Vec<_>>(), [b"a=b"]);
        let mut written = Vec::new();
        fields.write(&mut written);
        assert_eq!(written, b"Host: h\r\nCookie: a=b\r\n");
        assert_eq!(written.len(), fields.written_len());
    }

    #[test]
    fn lines_that_were_built_are_ready_to_be_sent() {
        let fields = Fields::of(&[("Host", "h"), ("Cookie", "a=b")]);
        let mut written = Vec::new();
        fields.write(&mut written);
        assert_eq!(written, b"Host: h\r\nCookie: a=b\r\n");
        assert_eq!((written.len(), fields.count()), (fields.written_len(), 2));
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"Host"[..], &b"h"[..]), (b"Cookie", b"a=b")]);
    }

    #[test]
    fn what_is_no_part_of_the_buffer_has_no_range() {
        let (one, other) = (b"abc".to_vec(), b"abc".to_vec());
        for part in [&other[..], &one] {
            assert_eq!(span_within(&one[..2], part), Span::default());
        }
        assert_eq!(span_within(&one, &one[1..]), Span { start: 1, end: 3 });
        assert_eq!(span_within(&one, &one[3..]), Span { start: 3, end: 3 });
    }
}
