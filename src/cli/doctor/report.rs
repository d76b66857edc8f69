//! What the doctor found: a verdict for each check, and the whole as JSON.
//!
//! No sockets and no files. Invariant: a finding that is no pass says what to do, or why it could not be asked.

use serde::Serialize;

use crate::cli::FAILED;
use crate::cli::doctor::checks::Check;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It is so.
    Pass,
    /// It costs something, or will.
    Warn,
    /// It is not so, and messages or protection are lost by it.
    Fail,
    /// It could not be asked.
    Skip,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// What was found for one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check.
    pub check: Check,
    /// What became of it.
    pub verdict: Verdict,
    /// What shows it.
    pub evidence: String,
    /// The line to change; empty where nothing is to be done.
    pub change: String,
}

impl Finding {
    /// It is so.
    pub(crate) fn pass(check: Check, evidence: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Pass, evidence: evidence.into(), change: String::new() }
    }

    /// It costs something, or will.
    pub(crate) fn warn(check: Check, evidence: impl Into<String>, change: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, evidence: evidence.into(), change: change.into() }
    }

    /// It is not so.
    pub(crate) fn fail(check: Check, evidence: impl Into<String>, change: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fail, evidence: evidence.into(), change: change.into() }
    }

    /// It could not be asked.
    pub(crate) fn skip(check: Check, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skip, evidence: why.into(), change: String::new() }
    }
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// What was looked at.
    pub subject: String,
    /// When, in RFC 3339.
    pub at: String,
    /// By check.
    pub findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Row<'a> {
    asks: &'a str,
    change: &'a str,
    check: &'a str,
    evidence: &'a str,
    verdict: Verdict,
}

#[derive(Serialize)]
struct Whole<'a> {
    at: &'a str,
    findings: Vec<Row<'a>>,
    subject: &'a str,
    version: &'a str,
}

impl Report {
    /// How many checks have this verdict.
    #[must_use]
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// The sum in one line.
    #[must_use]
    pub(crate) fn sum(&self) -> String {
        let part = |verdict: Verdict| {
            let count = self.count(verdict);
            (count > 0).then(|| format!("{count} {}", verdict.word()))
        };
        let parts = [Verdict::Fail, Verdict::Warn, Verdict::Pass, Verdict::Skip].into_iter().filter_map(part);
        format!("{} checks: {}", self.findings.len(), parts.collect::<Vec<_>>().join(", "))
    }

    /// The exit code: whether something fails.
    #[must_use]
    pub(crate) fn exit(&self) -> u8 {
        if self.count(Verdict::Fail) > 0 { FAILED } else { 0 }
    }

    /// The JSON text.
    ///
    /// # Errors
    /// It cannot be written as JSON; that does not happen for texts.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let findings = self.findings.iter().map(|finding| Row {
            asks: finding.check.asks(),
            change: &finding.change,
            check: finding.check.name(),
            evidence: &finding.evidence,
            verdict: finding.verdict,
        });
        let whole = Whole {
            at: &self.at,
            findings: findings.collect(),
            subject: &self.subject,
            version: env!("CARGO_PKG_VERSION"),
        };
        serde_json::to_string_pretty(&whole).map(|text| text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fail_makes_the_exit_code_one() {
        let report = |findings: Vec<Finding>| Report { subject: "x".into(), at: "t".into(), findings };
        let (pass, warn) = (Finding::pass(Check::TlsName, "a"), Finding::warn(Check::TlsLife, "b", "c"));
        assert_eq!(report(vec![pass.clone(), warn.clone()]).exit(), 0);
        let all = report(vec![pass, warn, Finding::fail(Check::TlsChain, "d", "e")]);
        assert_eq!((all.exit(), all.sum().as_str()), (1, "3 checks: 1 fail, 1 warn, 1 pass"));
        let json = all.to_json().unwrap();
        assert!(
            json.contains("\"check\": \"tls.chain\"") && json.contains("\"verdict\": \"fail\""),
            "{json}"
        );
    }
}
