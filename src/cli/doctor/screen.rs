//! What the doctor found, as text for a terminal: one line for each check, and below what is no pass the line to change.

use std::fmt::Write as _;

use crate::cli::doctor::report::{Finding, Report, Verdict};

/// The widest evidence on the line of a check; a longer one goes on below it.
const WIDTH: usize = 78;
/// Where evidence begins.
const INDENT: &str = "                           ";

/// The report as text.
#[must_use]
pub(crate) fn text(report: &Report) -> String {
    let mut out = format!("nexmo-gate doctor: {}\n", report.subject);
    for finding in &report.findings {
        put(&mut out, finding);
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}", report.sum());
    out
}

fn put(out: &mut String, finding: &Finding) {
    let word = match finding.verdict {
        Verdict::Fail => "FAIL",
        verdict => verdict.word(),
    };
    let mut lines = folded(&finding.evidence).into_iter();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(out, "  {word}  {:<18} {first}", finding.check.name());
    for line in lines {
        let _ = writeln!(out, "{INDENT}{line}");
    }
    if !finding.change.is_empty() {
        // Where it is not known what stands in front, there is a part for each program.
        for part in finding.change.split(" | ") {
            for (place, line) in folded(part).into_iter().enumerate() {
                let mark = if place == 0 { "-> " } else { "   " };
                let _ = writeln!(out, "{INDENT}{mark}{line}");
            }
        }
    }
}

/// A text in lines of some width, broken between words.
fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let width = lines[last].chars().count();
        if width > 0 && width + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            if width > 0 {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checks::Check;

    #[test]
    fn what_is_no_pass_has_its_change_below_it() {
        let findings = vec![
            Finding::pass(Check::ClientAddress, "the gate sees 192.0.2.1"),
            Finding::fail(Check::TlsName, "for other.example", "use a certificate for hooks.example"),
        ];
        let report = Report { subject: "https://hooks.example".into(), at: String::new(), findings };
        assert_eq!(
            text(&report),
            "nexmo-gate doctor: https://hooks.example\n  pass  client.address     the gate sees 192.0.2.1\n  \
             FAIL  tls.name           for other.example\n                           -> use a certificate for \
             hooks.example\n2 checks: 1 fail, 1 pass\n"
        );
    }

    #[test]
    fn a_long_text_is_folded_between_words() {
        let lines = folded(&"word ".repeat(60));
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert_eq!(folded(""), [""]);
    }
}
