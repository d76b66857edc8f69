//! HTML made of fixed pieces with placeholders; every value is escaped.
//!
//! Invariant: only literals of this program reach a page unescaped, because a piece is a `&'static str`, and
//! [`Markup::put`] is the only way to add anything else.

use std::fmt::{self, Display, Write as _};

/// A part of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    /// Appends a fixed piece; each `{}` in it is replaced by the next value, escaped.
    pub(crate) fn put(&mut self, piece: &'static str, values: &[&dyn Display]) {
        let mut values = values.iter();
        for (place, part) in piece.split("{}").enumerate() {
            if place > 0 {
                let value = values.next();
                debug_assert!(value.is_some(), "a hole without a value in {piece}");
                // Writing to a String cannot fail.
                let _ = value.map(|value| write!(Escaping(&mut self.0), "{value}"));
            }
            self.0.push_str(part);
        }
        debug_assert!(values.next().is_none(), "a value without a hole in {piece}");
    }

    /// Appends a path that may be broken before each slash except a leading one, for narrow columns.
    pub(crate) fn put_path(&mut self, path: &dyn Display) {
        let path = path.to_string();
        let is_absolute = path.starts_with('/');
        for (place, part) in path.split('/').enumerate() {
            let piece = match place {
                0 => "{}",
                1 if is_absolute => "/{}",
                _ => "<wbr>/{}",
            };
            self.put(piece, &[&part]);
        }
    }

    /// Appends another part.
    pub(crate) fn append(&mut self, part: &Self) {
        self.0.push_str(&part.0);
    }

    /// The HTML text.
    #[must_use]
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Escapes for text and for quoted attributes.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Characters that could change the direction of the text around them, or be invisible.
                '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => self.0.push('\u{fffd}'),
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
                    self.0.push('\u{fffd}');
                }
                char => self.0.push(char),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_text_or_attributes() {
        let mut markup = Markup::default();
        let hostile = "<script>alert('1')</script>\" onload=x & {} \u{202e}\u{0}\u{9b}";
        markup.put("<p title=\"{}\">{}</p>", &[&hostile, &hostile]);
        let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=x &amp; {} \u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(markup.into_text(), format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn a_path_may_be_broken_before_slashes_only() {
        let mut markup = Markup::default();
        markup.put_path(&"/a/<b>/c");
        markup.put_path(&" a/b");
        assert_eq!(markup.into_text(), "/a<wbr>/&lt;b&gt;<wbr>/c a<wbr>/b");
    }
}
