//! The signatures of requests, and the secrets that made them.
//!
//! Only routes that judge signatures have series. Invariant: a secret is named by its owner and its place in the config,
//! and by nothing that is made from it.

use crate::admin::metrics::exposition::Page;
use crate::admin::metrics::of_route;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::finding::{Finding, Scheme};
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::state::stats::signatures::AGE_BOUNDS_S;

/// The scheme of a request that is not signed.
const UNSIGNED: &str = "none";

/// All families.
pub(super) fn write(page: &mut Page, snapshot: &Snapshot) {
    let routes: Vec<&LiveRoute> =
        snapshot.all_routes().filter(|route| snapshot.signature_rules(route).is_some()).collect();
    findings(page, &routes);
    ages(page, &routes);
    payloads(page, &routes);
    repeats(page, &routes);
    strangers(page, &routes);
    secrets(page, snapshot);
}

fn findings(page: &mut Page, routes: &[&LiveRoute]) {
    page.family(
        "signatures_total",
        "counter",
        "Signatures that were judged, by scheme and by what was found.",
    );
    for route in routes {
        let mut seen: Vec<(Option<Scheme>, Finding, u64)> = route.counters.signatures.by_finding().collect();
        // These exist from the start, because a rate cannot see a counter's step from absent to one.
        for (scheme, finding) in usual(route) {
            if seen.iter().all(|one| (one.0, one.1) != (scheme, finding)) {
                seen.push((scheme, finding, 0));
            }
        }
        for (scheme, finding, count) in seen {
            let labels = [
                ("route", route.label.as_str()),
                ("webhook", route.webhook.name()),
                ("scheme", scheme.map_or(UNSIGNED, Scheme::word)),
                ("result", finding.word()),
            ];
            page.sample("signatures_total", &labels, count);
        }
    }
}

/// What every route may find on its first day.
fn usual(route: &LiveRoute) -> Vec<(Option<Scheme>, Finding)> {
    let schemes: &[Scheme] = match route.webhook.spec().signed {
        Signed::Token => &[Scheme::Token],
        Signed::Parameter => &[Scheme::Token, Scheme::Parameter],
        Signed::Never => &[],
    };
    let found = [Finding::Valid, Finding::UnknownKey, Finding::Bad];
    let by_scheme = schemes.iter().flat_map(|scheme| found.map(|finding| (Some(*scheme), finding)));
    by_scheme.chain([(None, Finding::Unsigned)]).collect()
}

fn ages(page: &mut Page, routes: &[&LiveRoute]) {
    const NAME: &str = "signature_age_seconds";
    page.family(NAME, "histogram", "The age of good signatures: whether what is sent again is signed again.");
    for route in routes {
        let (cells, sum) = route.counters.signatures.ages();
        page.histogram(NAME, &of_route(route), AGE_BOUNDS_S.iter().map(u64::to_string), &cells, sum);
    }
}

fn payloads(page: &mut Page, routes: &[&LiveRoute]) {
    page.family("signature_payloads_total", "counter", "Good tokens, by what their payload_hash is of.");
    for route in routes {
        for (form, count) in route.counters.signatures.by_form() {
            let labels = [("route", route.label.as_str()), ("form", form.word())];
            page.sample("signature_payloads_total", &labels, count);
        }
    }
}

fn repeats(page: &mut Page, routes: &[&LiveRoute]) {
    let name = "signature_repeats_total";
    page.family(name, "counter", "Signed messages that came again after they had been delivered.");
    for route in routes {
        page.sample(name, &of_route(route), route.counters.signatures.repeats());
    }
}

fn strangers(page: &mut Page, routes: &[&LiveRoute]) {
    let name = "signed_strangers_total";
    page.family(
        name,
        "counter",
        "Requests with a good signature of clients that no list of the route holds.",
    );
    for route in routes {
        page.sample(name, &of_route(route), route.counters.signatures.strangers());
    }
}

fn secrets(page: &mut Page, snapshot: &Snapshot) {
    let sources = || snapshot.secrets.sources.iter().enumerate();
    let sample = |page: &mut Page, name: &str, (slot, owner): (usize, &str), value: u64| {
        page.sample(name, &[("owner", owner), ("slot", &slot.to_string())], value);
    };
    let used = "signature_secret_used_timestamp_seconds";
    page.family(used, "gauge", "When a secret last made a signature; 0 for never since the start.");
    for (slot, one) in sources() {
        sample(page, used, (slot, one.file.owner.word()), one.uses.last().unwrap_or(0));
    }
    let hits = "signature_secret_hits_total";
    page.family(hits, "counter", "Signatures that were made with a secret.");
    for (slot, one) in sources() {
        sample(page, hits, (slot, one.file.owner.word()), one.uses.hits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{SIGNED, Stage};
    use crate::policy::signature::payload::PayloadForm;
    use crate::state::stats::signatures::Counted;

    fn text(snapshot: &Snapshot) -> String {
        let mut page = Page::default();
        write(&mut page, snapshot);
        page.into_text()
    }

    #[test]
    fn signatures_are_told_for_the_routes_that_judge_them() {
        let snapshot = Stage::new(SIGNED).snapshot();
        let signatures = &snapshot.routes[0].counters.signatures;
        let good = Counted {
            scheme: Some(Scheme::Token),
            finding: Finding::Valid,
            age: Some(7),
            form: Some(PayloadForm::Body),
        };
        signatures.count(&good);
        signatures.count(&Counted { finding: Finding::Mismatch, age: None, form: None, ..good });
        signatures.count_repeat();
        snapshot.secrets.count_use(1, 1_800_000_000);
        let text = text(&snapshot);
        let answer = "route=\"/webhooks/answer\",webhook=\"voice-answer\"";
        for line in [
            &format!("signatures_total{{{answer},scheme=\"jwt\",result=\"valid\"}} 1"),
            &format!("signatures_total{{{answer},scheme=\"jwt\",result=\"mismatch\"}} 1"),
            &format!("signatures_total{{{answer},scheme=\"jwt\",result=\"bad\"}} 0"),
            &format!("signatures_total{{{answer},scheme=\"none\",result=\"unsigned\"}} 0"),
            "signatures_total{route=\"/webhooks/sms/*\",webhook=\"sms-inbound\",scheme=\"sig\",result=\"bad\"} 0",
            &format!("signature_age_seconds_bucket{{{answer},le=\"5\"}} 0"),
            &format!("signature_age_seconds_bucket{{{answer},le=\"30\"}} 1"),
            &format!("signature_age_seconds_sum{{{answer}}} 7"),
            &format!("signature_age_seconds_count{{{answer}}} 1"),
            &format!("signature_repeats_total{{{answer}}} 1"),
            "signature_payloads_total{route=\"/webhooks/answer\",form=\"body\"} 1",
            "signature_secret_used_timestamp_seconds{owner=\"a1b2c3d\",slot=\"0\"} 0",
            "signature_secret_used_timestamp_seconds{owner=\"a1b2c3d\",slot=\"1\"} 1800000000",
            "signature_secret_hits_total{owner=\"a1b2c3d\",slot=\"0\"} 0",
            "signature_secret_hits_total{owner=\"a1b2c3d\",slot=\"1\"} 1",
        ] {
            let is_there = text.lines().any(|seen| seen.strip_prefix("nexmo_gate_") == Some(line));
            assert!(is_there, "{line}\n{text}");
        }
        for silent in ["route=\"-\"", "/webhooks/off", "the secret of"] {
            assert!(!text.contains(silent), "{silent}\n{text}");
        }
    }
}
