//! The answer to `POST /reload`: how a reload went.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config;

/// How a reload went that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReport {
    /// What is different now.
    pub changes: Vec<String>,
    /// The generation that serves after it.
    pub generation: u64,
    /// What waits for an operator to accept it.
    pub held: Vec<String>,
    /// Changed keys that take effect at the next start.
    pub needs_restart: Vec<String>,
    /// Everything that is wrong with the files.
    pub problems: Vec<Problem>,
    /// Whether a new snapshot was published.
    pub published: bool,
    /// What is odd but works.
    pub warnings: Vec<Problem>,
}

/// Something wrong or odd: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// A key path, or a file and a line of it; may be empty.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl From<&config::Problem> for Problem {
    fn from(problem: &config::Problem) -> Self {
        Self { at: problem.at.clone(), message: problem.message.clone() }
    }
}

/// As the gate itself prints it. Another program may have answered: a terminal obeys nothing of it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        config::Problem::new(self.at.as_str(), self.message.as_str()).fmt(f)
    }
}
