//! A change that waits for an operator to accept it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use crate::policy::hold::Verdict;

/// What is done to load it all the same.
pub(crate) const HINT: &str = "run `nexmo-gate reload` to load it";

/// A change that was not loaded, because it looks like an accident and nobody has asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// What was changed.
    pub subject: Subject,
    /// What looks like an accident.
    pub verdict: Verdict,
    /// A number that the file's bytes have, to know the same hold again.
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
    /// A verdict on these bytes of a file.
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
