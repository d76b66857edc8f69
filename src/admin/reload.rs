//! A reload that was asked for, and how it went, as JSON.

use serde_json::{Value, json};

use crate::config::Problem;
use crate::state::report::{Cause, Report};

/// Why a reload from here happens: a person, or a person's tool, asked.
pub const CAUSE: Cause = Cause::Asked;

/// The answer to `POST /reload`.
#[must_use]
pub fn value(report: &Report) -> Value {
    json!({
        "generation": report.generation,
        "published": report.published,
        "changes": report.changes,
        "held": report.held,
        "needs_restart": report.needs_restart,
        "problems": problems(&report.problems),
        "warnings": problems(&report.warnings),
    })
}

/// Problems as JSON: where, and what.
#[must_use]
pub fn problems(problems: &[Problem]) -> Value {
    problems.iter().map(|p| json!({ "at": p.at, "message": p.message })).collect()
}
