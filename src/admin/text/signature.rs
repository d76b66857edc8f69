//! What became of a signature, in words: as the lines of an explanation, and as the report of the command `signature`.

use std::fmt::Write as _;

use crate::admin::api::signature::{SignatureReport, SignatureVerdict, StepResult};
use crate::policy::demand::Need;
use crate::policy::signature::payload::PayloadForm;

/// The report of the command.
#[must_use]
pub(crate) fn report(report: &SignatureReport) -> String {
    let mut out = String::new();
    let verdict = &report.signature;
    let mut line = |name: &str, text: &str| {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "{name:<12} {text}");
    };
    line("request", &format!("{} {}, a body of {} bytes", report.method, report.path, report.body_bytes));
    match (&report.route, &report.webhook) {
        (Some(route), Some(webhook)) => {
            let need = verdict.need.as_deref().unwrap_or(Need::Off.word());
            line("route", &format!("{route} ({webhook}), signature: {need}"));
        }
        _ => line("route", "none: judged by all secrets"),
    }
    for note in &report.notes {
        line("note", note);
    }
    line("judged for", &report.at);
    line("scheme", verdict.scheme.as_deref().unwrap_or("none was found"));
    out.push('\n');
    steps(&mut out, verdict);
    out.push('\n');
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<12} {text}");
    };
    for (name, value) in said(verdict) {
        line(name, &value);
    }
    line("verdict", &conclusion(report));
    out
}

/// The steps, and under the one that fails what is wrong.
fn steps(out: &mut String, verdict: &SignatureVerdict) {
    for step in &verdict.steps {
        let word = match step.result {
            StepResult::Good => "good",
            StepResult::Failed => "FAILED",
            StepResult::NotJudged => "not judged",
        };
        let _ = writeln!(out, "{word:<12} {}", step.question);
        if let (StepResult::Failed, Some(fault)) = (step.result, &verdict.fault) {
            let _ = writeln!(out, "{:<12} {fault}", "");
        }
    }
}

/// What a signature says that was made with one of the secrets.
fn said(verdict: &SignatureVerdict) -> Vec<(&'static str, String)> {
    let text = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let covers = verdict.payload_form.as_deref().map(|word| ("covers", covers(word)));
    let values = [
        text("account", &verdict.account),
        text("application", &verdict.application),
        text("token id", &verdict.token_id),
        verdict.age_s.map(|age| ("age", age_of(age))),
        covers,
        text("secret", &verdict.secret),
    ];
    values.into_iter().flatten().collect()
}

fn age_of(seconds: i64) -> String {
    if seconds < 0 {
        return format!("{} s in the future", seconds.unsigned_abs());
    }
    format!("{seconds} s")
}

fn covers(form: &str) -> String {
    let meaning = match PayloadForm::ALL.into_iter().find(|one| one.word() == form) {
        Some(PayloadForm::Body) => "the body, byte for byte",
        Some(PayloadForm::QueryJson) => "the query's parameters as compact JSON",
        Some(PayloadForm::RawQuery) => "the query as it came",
        Some(PayloadForm::Nothing) => "the head alone: the token's hash is that of nothing",
        None => return form.to_owned(),
    };
    format!("{meaning} ({form})")
}

fn conclusion(report: &SignatureReport) -> String {
    let finding = report.signature.finding.as_deref().unwrap_or("not settled");
    match (&report.signature.reason, report.good) {
        (Some(reason), _) => {
            format!("NOT GOOD: {finding}; the route requires a signature, so it is denied for {reason}")
        }
        (None, true) => format!("GOOD: {finding}"),
        (None, false) => format!("NOT GOOD: {finding}"),
    }
}

/// The lines of an explanation.
pub(crate) fn of_request(out: &mut String, verdict: &SignatureVerdict) {
    let need = verdict.need.as_deref().unwrap_or(Need::Off.word());
    let scheme = verdict.scheme.as_ref().map(|scheme| format!(" ({scheme})")).unwrap_or_default();
    let what = match &verdict.finding {
        Some(finding) => format!("{finding}{scheme}"),
        None if verdict.steps.is_empty() => "not judged: give the whole request (--request)".to_owned(),
        None if verdict.scheme.is_some() => {
            format!("good as far as the head shows{scheme}; its body is not given")
        }
        None => "not settled: its body is not given".to_owned(),
    };
    let _ = writeln!(out, "signed   {what}; signature: {need}");
    if let Some(failed) = verdict.steps.iter().find(|step| step.result == StepResult::Failed) {
        let fault = verdict.fault.as_deref().unwrap_or_default();
        let _ = writeln!(out, "         the step that fails: {}: {fault}", failed.question);
    }
    let said: Vec<String> = said(verdict).iter().map(|(name, value)| format!("{name} {value}")).collect();
    if !said.is_empty() {
        let _ = writeln!(out, "         {}", said.join(", "));
    }
}
