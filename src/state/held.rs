//! A change that waits for an operator to accept it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use crate::policy::hold::Verdict;

/// What the operator can do to load it.
pub(crate) const HINT: &str = "run `nexmo-gate reload` to load it";

/// A change that was not loaded, because it looks like an accident and no operator has asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// What was changed.
    pub subject: Subject,
    /// What looks like an accident.
    pub verdict: Verdict,
    /// A hash of the file's bytes, to recognise the same hold.
    bytes: u64,
}

/// What can be held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The configuration file.
    Config(PathBuf),
    /// A list, by its name.
    List(String),
}

impl Held {
    /// A hold of these bytes for this reason.
    pub(crate) fn new(subject: Subject, verdict: Verdict, bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self { subject, verdict, bytes: hasher.finish() }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.verdict)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(path) => write!(f, "{}", path.display()),
            Self::List(name) => write!(f, "list={name}"),
        }
    }
}
