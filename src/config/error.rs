//! What is wrong with a configuration, in words that name what the operator can change.

use std::fmt;

/// One problem: where, and what about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A key path (`routes[2].allow[0]`), a flag with its variable, `file:line`, or `line 3, column 5` of
    /// the config file; may be empty.
    pub at: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into() }
    }
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
