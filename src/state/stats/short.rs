//! The beginning of a text that a stranger chose, in a bounded place.

use std::fmt;

/// The first `N` bytes of a text at most, without an allocation.
#[derive(Clone, Copy)]
pub(crate) struct Short<const N: usize> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
}

impl<const N: usize> Short<N> {
    /// The beginning of `text`.
    #[must_use]
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut short = Self { bytes: [0; N], len: 0, cut: false };
        short.set(text);
        short
    }

    /// Replaces it by the beginning of `text`.
    pub(crate) fn set(&mut self, text: &[u8]) {
        self.len = text.len().min(N);
        self.bytes[..self.len].copy_from_slice(&text[..self.len]);
        self.cut = text.len() > N;
    }

    /// The bytes that are kept.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether the text was not cut.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        !self.cut
    }

    /// Whether it is what [`Self::new`] makes of `text`.
    #[must_use]
    pub(crate) fn begins(&self, text: &[u8]) -> bool {
        self.bytes() == &text[..text.len().min(N)] && self.cut == (text.len() > N)
    }
}

/// In visible ASCII; any other byte as `\xNN`, so that nothing in it can act on a terminal or a page.
impl<const N: usize> fmt::Display for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.bytes() {
            match byte {
                b'!'..=b'~' => write!(f, "{}", char::from(*byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str(if self.cut { "…" } else { "" })
    }
}

impl<const N: usize> fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}
