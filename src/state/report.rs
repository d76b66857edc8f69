//! The result of a reload, and its lines in the log.

use std::fmt;
use std::time::SystemTime;

use tracing::{error, info, warn};

use crate::config::Problem;
use crate::state::snapshot::Snapshot;

/// How many problems one log line has; the report has them all.
const LOGGED_PROBLEMS: usize = 20;

/// Why a reload happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Files were noticed to have changed.
    Changed,
    /// SIGHUP.
    Signal,
    /// `POST /reload` or `nexmo-gate reload`.
    Asked,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Signal => "signal",
            Self::Asked => "asked",
        })
    }
}

/// The result of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The generation in use after it.
    pub generation: u64,
    /// When it ended.
    pub at: SystemTime,
    /// Why it happened.
    pub cause: Cause,
    /// Whether a new snapshot was published.
    pub published: bool,
    /// What is different now, e.g. `list=sms added=2 removed=1`, `routes changed`.
    pub changes: Vec<String>,
    /// Everything that is wrong with the files. A snapshot with last good lists may have been published all
    /// the same.
    pub problems: Vec<Problem>,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
    /// What waits for an operator to accept it, e.g. `list=sms would lose 7 of 9 prefixes`.
    pub held: Vec<String>,
    /// Changed keys that take effect at the next start, e.g. `listen: needs a restart`.
    pub needs_restart: Vec<String>,
}

impl Report {
    /// A report without changes or problems.
    pub(crate) fn new(cause: Cause, generation: u64) -> Self {
        Self {
            generation,
            at: SystemTime::now(),
            cause,
            published: false,
            changes: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            held: Vec::new(),
            needs_restart: Vec::new(),
        }
    }
}

/// Logs the result of a reload.
pub(crate) fn log(report: &Report, snapshot: &Snapshot) {
    let Report { generation, cause, .. } = report;
    if report.published {
        let (lists, prefixes) = (snapshot.lists.len(), snapshot.prefixes());
        info!(generation, %cause, changes = report.changes.join("; "), lists, prefixes, "reloaded");
    } else if report.problems.is_empty() && report.held.is_empty() {
        info!(generation, %cause, "reload: nothing changed");
    }
    if !report.problems.is_empty() {
        let count = report.problems.len();
        let first = joined(report.problems.iter().take(LOGGED_PROBLEMS));
        let problems = match count.saturating_sub(LOGGED_PROBLEMS) {
            0 => first,
            more => format!("{first}; and {more} more"),
        };
        error!(generation, %cause, problems, count, "reload failed");
    }
    log_warnings(&report.warnings);
    if !report.needs_restart.is_empty() {
        let keys: Vec<&str> = report
            .needs_restart
            .iter()
            .map(|entry| entry.split_once(':').map_or(&**entry, |(key, _)| key))
            .collect();
        warn!(keys = keys.join(", "), "needs a restart");
    }
}

/// Logs the warnings of a load as one event.
pub(crate) fn log_warnings(warnings: &[Problem]) {
    if !warnings.is_empty() {
        warn!(
            warnings = joined(warnings.iter().take(LOGGED_PROBLEMS)),
            count = warnings.len(),
            "reload: warnings"
        );
    }
}

fn joined<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    problems.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
