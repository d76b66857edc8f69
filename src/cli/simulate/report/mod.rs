//! What came of a run: for people, for programs, and for a CI.
//!
//! | file | noun |
//! | --- | --- |
//! | [`text`] | lines for people |
//! | [`json`] | the document of `--json` |
//! | [`junit`] | the file of `--junit` |

pub(super) mod json;
pub(super) mod junit;
pub(super) mod text;

use std::time::Duration;

use crate::cli::simulate::course::Course;
use crate::cli::simulate::message::Message;

/// A message and what became of it.
#[derive(Debug)]
pub(super) struct Done {
    /// The message.
    pub message: Message,
    /// What became of it.
    pub course: Course,
}

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    /// Where it went, without a query.
    pub to: String,
    /// Its messages, in their order.
    pub done: Vec<Done>,
    /// Those that were not sent, because the user stopped it or nobody reads what comes of it.
    pub unsent: Vec<Message>,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// How many messages are as they must be.
    pub(super) fn good(&self) -> usize {
        self.done.iter().filter(|done| done.course.good).count()
    }

    /// How many were begun, and not followed to their end.
    pub(super) fn stopped(&self) -> usize {
        self.done.iter().filter(|done| done.course.stopped).count()
    }

    /// Whether something was not tried to its end.
    pub(super) fn is_cut(&self) -> bool {
        self.stopped() + self.unsent.len() > 0
    }
}

impl Done {
    /// Everything that the application must mend, each thing once.
    pub(super) fn problems(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        let of_tries = self.course.tries.iter().flat_map(|tried| &tried.verdict.problems);
        for problem in of_tries.chain(&self.course.problems) {
            if !all.contains(&problem.as_str()) {
                all.push(problem);
            }
        }
        all
    }
}
