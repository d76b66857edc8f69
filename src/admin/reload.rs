//! A reload that was asked for, and how it went, as the answer to `POST /reload`.

use crate::admin::api::reload::ReloadReport;
use crate::state::report::{Cause, Report};

/// Why a reload from here happens: a person, or a person's tool, asked.
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
