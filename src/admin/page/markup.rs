//! HTML as it is written: fixed pieces with holes, and what goes into the holes is always escaped.
//!
//! Invariant: no text that is not a literal of this program reaches a page unescaped, because a piece
//! is a `&'static str` and [`Markup::put`] is the only way for anything else.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// A part of a page.
#[derive(Clone, Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// Appends a fixed piece, each `{}` of it replaced by the next value, escaped.
    pub fn put(&mut self, piece: &'static str, values: &[&dyn Display]) {
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

    /// Appends a path that a narrow column may break before each slash but a leading one.
    pub fn put_path(&mut self, path: &dyn Display) {
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

    /// Appends what was made elsewhere.
    pub fn append(&mut self, part: &Self) {
        self.0.push_str(&part.0);
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Escapes for text and for quoted attributes alike.
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
                // What could turn the direction of the text around it, or hide in it.
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

/// A number with a comma at every third digit.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub u128);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// A count of the program's own.
#[must_use]
pub fn grouped(count: u64) -> Grouped {
    Grouped(u128::from(count))
}

/// A noun in its number: `1 prefix`, `2 prefixes`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(count as u128), if count == 1 { one } else { many })
}

/// How long ago, in one unit: for people, who look at the rough size of it.
#[must_use]
pub fn ago(past: Duration) -> String {
    match past.as_secs() {
        0..5 => "just now".to_owned(),
        seconds @ 5..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} d ago", seconds / 86_400),
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

    #[test]
    fn numbers_and_times_are_told_for_people() {
        for (number, told) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number).to_string(), told);
        }
        assert_eq!(
            (counted(1, "prefix", "prefixes"), counted(0, "prefix", "prefixes")),
            ("1 prefix".to_owned(), "0 prefixes".to_owned())
        );
        let cases =
            [(4, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7199, "1 h ago"), (86_400, "1 d ago")];
        for (seconds, told) in cases {
            assert_eq!(ago(Duration::from_secs(seconds)), told);
        }
    }
}
