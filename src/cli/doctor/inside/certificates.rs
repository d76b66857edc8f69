//! The certificates of the gate's own listeners.

use crate::admin::api::status::Status;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;
use crate::cli::loading::Read;

/// Judges them. What is wrong with a chain is a warning of reading it.
#[must_use]
pub(crate) fn judge(status: &Status, read: Option<&Read>) -> Vec<Finding> {
    let check = Check::TlsFiles;
    if status.certificates.is_empty() {
        return vec![Finding::skip(check, "no listener has TLS of its own")];
    }
    if let Some(one) = status.certificates.iter().find(|one| one.untimely.is_some() || one.last_good) {
        let why = one.untimely.as_deref().unwrap_or("cannot be used; an earlier one is in use");
        let change = "renew it, or mend its files, then nexmo-gate reload";
        return vec![Finding::fail(check, format!("{}: {why}", one.path), change)];
    }
    let warnings = read.map(|read| read.warnings.as_slice()).unwrap_or_default();
    if let Some(warning) = warnings.iter().find(|one| one.at.starts_with("listen") && one.at.contains("tls"))
    {
        return vec![Finding::warn(
            check,
            warning.to_string(),
            "certificate: the whole chain, renewed in time",
        )];
    }
    let days = status.certificates.iter().filter_map(|one| one.days_left).min().unwrap_or(0);
    vec![Finding::pass(check, format!("{} in use, {days} days left", status.certificates.len()))]
}
