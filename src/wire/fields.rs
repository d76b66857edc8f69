//! Header fields: the lines of one head, as ranges over one buffer.
//!
//! What a field means does not belong here. Invariant: every line is a name and a value without surrounding blanks,
//! in the order in which they came, and nothing of a line is copied twice.

use std::borrow::Cow;

/// Lines that most heads have: webhooks have about ten. They are not kept inline: a head is moved about more than once.
const USUAL: usize = 16;
/// What a reply of the gate's own has.
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
    /// The buffer holds the lines and nothing else, as they are sent: each with its CRLF.
    ready: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self { bytes: Vec::new(), lines: Vec::new(), ready: true }
    }
}

impl Fields {
    /// No lines yet; `bytes` is what they will be ranges of.
    #[must_use]
    pub fn over(bytes: Vec<u8>) -> Self {
        Self { bytes, lines: Vec::with_capacity(USUAL), ready: false }
    }

    /// A copy of a head, and the lines that were found in it.
    #[must_use]
    pub fn found<'b>(head: &'b [u8], lines: impl ExactSizeIterator<Item = (&'b [u8], &'b [u8])>) -> Self {
        let line = |(name, value)| Line { name: span_within(head, name), value: span_within(head, value) };
        Self { bytes: head.to_vec(), lines: lines.map(line).collect(), ready: false }
    }

    /// The same lines in another text of the same length.
    #[must_use]
    pub(crate) fn in_text(mut self, text: &[u8]) -> Self {
        self.bytes.clear();
        self.bytes.extend_from_slice(text);
        self
    }

    /// No lines yet, with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), lines: Vec::with_capacity(USUAL), ready: true }
    }

    /// These lines.
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

    /// Appends to the buffer of [`Self::over`] what is no line.
    pub fn append(&mut self, part: &[u8]) -> Span {
        let start = short(self.bytes.len());
        self.bytes.extend_from_slice(part);
        Span { start, end: short(self.bytes.len()) }
    }

    /// What a range holds.
    #[inline]
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The range of a part of the buffer; for what is no part of it a range that holds nothing.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Span {
        span_within(&self.bytes, part)
    }

    /// The lines, as name and value.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.get(line.name), self.get(line.value)))
    }

    /// The values of all lines of this name.
    #[inline]
    pub fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &[u8]> {
        let named = |line: &&Line| {
            line.name.len() == name.len() && self.get(line.name).eq_ignore_ascii_case(name.as_bytes())
        };
        self.lines.iter().filter(named).map(|line| self.get(line.value))
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that the lines take as HTTP/1 writes them.
    #[must_use]
    pub fn written_len(&self) -> usize {
        if self.ready {
            return self.bytes.len();
        }
        self.lines.iter().map(|line| line.name.len() + line.value.len() + ": \r\n".len()).sum()
    }

    /// Writes the lines as HTTP/1 has them.
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

/// Adds a value to a list: the values of several lines are those of one (RFC 9110 section 5.3); seldom is there more
/// than one.
pub(crate) fn join<'b>(list: &mut Cow<'b, [u8]>, value: &'b [u8]) {
    if list.is_empty() {
        *list = Cow::Borrowed(value);
    } else {
        let list = list.to_mut();
        list.push(b',');
        list.extend_from_slice(value);
    }
}

/// The range of `part` in `whole`, of which it is a slice; for what is no part of it a range that holds nothing.
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
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
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
        assert_eq!(fields.values("COOKIE").collect::<Vec<_>>(), [b"a=b"]);
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
