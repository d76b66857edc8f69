//! What the running gate says of itself.

use crate::admin::api::status::Status;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;

/// Judges it; `is_read` says whether the files can be read now.
#[must_use]
pub(crate) fn judge(status: &Status, is_read: bool) -> Vec<Finding> {
    vec![running(status), files(status, is_read), mode(status)]
}

fn running(status: &Status) -> Finding {
    let evidence = format!("nexmo-gate {}, {}, up {} s", status.version, status.phase, status.uptime_s);
    if status.phase == "ready" {
        return Finding::pass(Check::GateRunning, evidence);
    }
    Finding::warn(Check::GateRunning, evidence, "wait until it has started or ended: nexmo-gate health")
}

fn files(status: &Status, is_read: bool) -> Finding {
    let check = Check::GateFiles;
    if !is_read {
        return Finding::skip(check, "the files cannot be read: see config.read");
    }
    let generation = status.generation;
    let Some(last) = &status.last_reload else {
        return Finding::pass(check, format!("generation {generation}, since the start"));
    };
    if let Some(problem) = last.problems.first() {
        let evidence = format!("the last load had a problem: {problem}");
        return Finding::fail(check, evidence, "nexmo-gate reload, and mend what it shows");
    }
    if let Some(held) = last.held.first() {
        let evidence = format!("a change is held: {held}");
        return Finding::warn(check, evidence, "nexmo-gate reload, if the change is meant");
    }
    if let Some(key) = last.needs_restart.first() {
        return Finding::warn(check, format!("not in use yet: {key}"), "systemctl restart nexmo-gate");
    }
    Finding::pass(check, format!("generation {generation} of {}", last.at))
}

fn mode(status: &Status) -> Finding {
    if status.mode == "observe" {
        return Finding::warn(
            Check::GateMode,
            "mode: observe: no request is denied",
            "mode: enforce, when the log has shown your real webhooks admitted",
        );
    }
    Finding::pass(Check::GateMode, format!("mode: {}, deny: {}", status.mode, status.deny))
}
