//! What the doctor found, as one HTML file for whoever asks how the gate stands: no script, nothing to load.

use crate::admin::page::markup::Markup;
use crate::cli::doctor::report::{Finding, Report, Verdict};

/// A policy in the page itself: a mistake in escaping could neither run nor load anything.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>nexmo-gate doctor</title>\n<style>";
const STYLE: &str = include_str!("page.css");

/// The page.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let mut page = Markup::default();
    page.put(HEAD, &[]);
    page.put(STYLE, &[]);
    page.put(
        "</style>\n</head>\n<body>\n<header>\n<h1>nexmo-gate doctor</h1>\n<p>{}</p>\n<p>{}, nexmo-gate {}</p>\n\
         <p><strong>{}</strong></p>\n</header>\n<main>\n<table>\n<caption>What was asked, and what was found</caption>\n\
         <thead><tr><th scope=\"col\">verdict</th><th scope=\"col\">check</th><th scope=\"col\">found</th></tr></thead>\n\
         <tbody>\n",
        &[&report.subject, &report.at, &env!("CARGO_PKG_VERSION"), &report.sum()],
    );
    // What is to be done stands first.
    for wanted in [Verdict::Fail, Verdict::Warn, Verdict::Pass, Verdict::Skip] {
        for finding in report.findings.iter().filter(|finding| finding.verdict == wanted) {
            put(&mut page, finding);
        }
    }
    page.put("</tbody>\n</table>\n</main>\n</body>\n</html>\n", &[]);
    page.into_text()
}

fn put(page: &mut Markup, finding: &Finding) {
    let word = finding.verdict.word();
    page.put(
        "<tr class=\"{}\"><td><b>{}</b></td><th scope=\"row\"><code>{}</code><small>{}</small></th><td>{}",
        &[&word, &word, &finding.check.name(), &finding.check.asks(), &finding.evidence],
    );
    for part in finding.change.split(" | ").filter(|part| !part.is_empty()) {
        page.put("<p class=\"change\">Change: {}</p>", &[&part]);
    }
    page.put("</td></tr>\n", &[]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checks::Check;

    #[test]
    fn the_page_has_no_script_and_escapes_what_others_wrote() {
        let findings = vec![
            Finding::pass(Check::TlsName, "ok"),
            Finding::fail(Check::ProofAnswer, "said <script>alert(1)</script>", "a & b"),
        ];
        let page = render(&Report { subject: "\"x\"".into(), at: "t".into(), findings });
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
        let (fail, pass) = (page.find("proof.answer").unwrap(), page.find("tls.name").unwrap());
        assert!(fail < pass, "what fails stands first");
        assert!(page.contains("Change: a &amp; b") && !page.contains("http://") && !page.contains("src="));
    }
}
