//! The result of a requested reload, as the answer to `POST /reload`.

use crate::admin::api::reload::ReloadReport;
use crate::state::report::{Cause, Report};

/// The cause of a reload from here: a person or a tool asked for it.
pub(crate) const CAUSE: Cause = Cause::Asked;

impl From<&Report> for ReloadReport {
    fn from(report: &Report) -> Self {
        Self {
            changes: report.changes.clone(),
            generation: report.generation,
            held: report.held.clone(),
            needs_restart: report.needs_restart.clone(),
            problems: report.problems.iter().map(Into::into).collect(),
            published: report.published,
            warnings: report.warnings.iter().map(Into::into).collect(),
        }
    }
}
