//! A problem of a configuration, in words that name what the operator can change.

use std::fmt;

/// One problem: its place and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A key path (`routes[2].allow[0]`), a flag with its variable, `file:line`, or `line 3, column 5` of
    /// the config file; may be empty.
    pub at: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Problem {
    /// A problem at a place. Control characters in quoted text are escaped, so that it stays one line and
    /// cannot act on a terminal.
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: tame(at.into()), message: tame(message.into()) }
    }
}

/// The text with its control characters escaped.
fn tame(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.at, self.message)
        }
    }
}

/// Why a text is no duration and no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuantityError {
    /// Something else.
    #[error("found {shown}, wanted {wanted}")]
    Other {
        /// What stands there, as it may be shown.
        shown: String,
        /// What should.
        wanted: &'static str,
    },
    /// More than is counted.
    #[error("{0} is too large")]
    Large(String),
    /// A part of a unit.
    #[error("{shown} is not a whole number; write {whole}")]
    Fraction {
        /// What stands there, as it may be shown.
        shown: String,
        /// The same in a smaller unit.
        whole: String,
    },
    /// A bare number.
    #[error("{number} has no unit; write {write}")]
    NoUnit {
        /// The number.
        number: String,
        /// What was probably meant.
        write: String,
    },
    /// A unit that is two.
    #[error("{unit} is a power of 1000 to some programs and of 1024 to others; write {write}")]
    Ambiguous {
        /// The unit.
        unit: String,
        /// What was probably meant.
        write: String,
    },
    /// Another spelling of a unit.
    #[error("{shown} has an unknown unit; write {write}")]
    UnknownUnit {
        /// What stands there, as it may be shown.
        shown: String,
        /// What was probably meant.
        write: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_from_a_file_stays_in_one_line() {
        let problem = Problem::new("upstream\u{1b}[2J", "write https://a\nb\u{85}, not \u{e4}");
        assert_eq!(problem.to_string(), "upstream\\u{1b}[2J: write https://a\\nb\\u{85}, not \u{e4}");
    }
}
