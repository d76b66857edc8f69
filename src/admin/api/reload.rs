//! The answer to `POST /reload`: the result of a reload.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config;

/// The result of a reload that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReport {
    /// What changed.
    pub changes: Vec<String>,
    /// The generation in use after it.
    pub generation: u64,
    /// What waits for an operator to accept it.
    pub held: Vec<String>,
    /// Changed keys that take effect at the next start.
    pub needs_restart: Vec<String>,
    /// Everything that is wrong with the files.
    pub problems: Vec<Problem>,
    /// Whether a new snapshot was published.
    pub published: bool,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
}

/// A problem or a warning: its place and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// A key path, or a file and a line of it; may be empty.
    pub at: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl From<&config::Problem> for Problem {
    fn from(problem: &config::Problem) -> Self {
        Self { at: problem.at.clone(), message: problem.message.clone() }
    }
}

/// Prints it as the gate does, escaped: if another program answered, its text cannot control the terminal.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        config::Problem::new(self.at.as_str(), self.message.as_str()).fmt(f)
    }
}
