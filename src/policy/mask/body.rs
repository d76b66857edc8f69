//! A body as it may be shown, by its kind: JSON, a form, or its length alone.
//!
//! Invariant: a body whose kind is not understood, that is cut or compressed, is told by length and kind in masked mode,
//! and a form in parts in any mode.

use crate::policy::mask::head::value;
use crate::policy::mask::json::Layout;
use crate::policy::mask::mode::{LeftOut, Mask};

/// The longest media type that is told.
const MOST_KIND: usize = 60;

/// A body as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownBody {
    /// Its text; `None` where only length and kind are told.
    pub text: Option<String>,
    /// Its kind: the media type, and the coding if there is one.
    pub kind: String,
    /// The names of what was left out of it.
    pub left_out: LeftOut,
}

/// What is known of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'b> {
    /// The head that it came with, as HTTP/1 writes it.
    pub head: &'b [u8],
    /// Its bytes.
    pub body: &'b [u8],
    /// Whether bytes are missing.
    pub cut: bool,
}

impl Mask {
    /// A body as it may be shown.
    #[must_use]
    pub(crate) fn body(&self, given: Given<'_>, layout: Layout) -> ShownBody {
        let kind = kind(given.head);
        let coded = value(given.head, "content-encoding")
            .is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity"));
        let read = if given.cut || coded || given.body.is_empty() {
            None
        } else {
            self.read(&kind, given.body, layout)
        };
        let (text, left_out) =
            read.map_or((None, LeftOut::default()), |(text, left_out)| (Some(text), left_out));
        let coding = value(given.head, "content-encoding").unwrap_or_default();
        let told = if coded { format!("{kind}, {}", String::from_utf8_lossy(coding)) } else { kind };
        let mut told = Self { full: false, ..*self }.text(&told);
        told.truncate(told.char_indices().nth(MOST_KIND).map_or(told.len(), |(end, _)| end));
        ShownBody { text, kind: told, left_out }
    }

    fn read(&self, kind: &str, body: &[u8], layout: Layout) -> Option<(String, LeftOut)> {
        let is_json = kind.ends_with("/json") || kind.ends_with("+json");
        let may_be_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
        if is_json || (kind.is_empty() && may_be_json) {
            return self.json(body, layout).ok();
        }
        if kind == "application/x-www-form-urlencoded" {
            return self.pairs(body).ok();
        }
        // The fields of such a form are not told apart here, and one of them may be a secret.
        if kind.starts_with("multipart/") {
            return None;
        }
        // Whatever it is called, its fields have names.
        if self.full
            && may_be_json
            && let Ok(shown) = self.json(body, layout)
        {
            return Some(shown);
        }
        // A page of an error is worth reading, and nobody can say what is in it.
        let text = std::str::from_utf8(body).ok().filter(|_| self.full)?;
        Some((self.text(text), LeftOut::default()))
    }
}

/// The media type in lower case, without parameters.
fn kind(head: &[u8]) -> String {
    let value = value(head, "content-type").unwrap_or_default();
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    String::from_utf8_lossy(value[..end].trim_ascii()).to_ascii_lowercase()
}
