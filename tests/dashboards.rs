//! The dashboard and the alerts of deploy/ name only metrics, labels and values that the gate has, and leave no metric
//! out: a renamed metric, or a new one that nobody looks at, fails here.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use nexmo_gate::exports::metrics::{Change, Proposals, Waiting};
use nexmo_gate::exports::range_list::parse;
use nexmo_gate::exports::signature::{Counted, Finding, PayloadForm, Scheme};
use nexmo_gate::exports::{Gauges, Loader, Outcome, Overrides, Reason, metrics};
use serde_json::Value;

const PREFIX: &str = "nexmo_gate_";
/// Labels that Prometheus adds to every sample.
const ADDED: [&str; 2] = ["instance", "job"];

fn text(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every series name of a gate to which everything happened, with its labels and their values.
type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn known() -> Known {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = rcgen::generate_simple_self_signed(vec!["hooks.example".to_owned()]).expect("a certificate");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("cert.pem", &pair.cert.pem());
    write("key.pem", &pair.signing_key.serialize_pem());
    std::fs::create_dir(folder.path().join("ranges")).expect("a folder");
    write("ranges/sms.txt", "# reviewed: 2026-11-21\n192.0.2.0/28\n");
    write("secret", "a secret of the account");
    write(
        "config.yaml",
        "listen: [{ address: \"127.0.0.1:0\", tls: { certificate: cert.pem, key: key.pem } }]\n\
         upstream: \"http://127.0.0.1:3000\"\nsignatures: { secrets: [{ api_key: a1b2c3d, file: secret }] }\nroutes: [{ path: /sms, webhook: sms-inbound, allow: [sms] }]\n",
    );
    let loaded = Loader::new(Some(folder.path().join("config.yaml")), Overrides::default()).begin();
    let snapshot = loaded.snapshot.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    for reason in Reason::ALL {
        snapshot.routes[0].counters.count(*reason, Some(200));
    }
    for finding in Finding::ALL {
        let form = PayloadForm::ALL.get(finding as usize).copied();
        for scheme in [Some(Scheme::Token), Some(Scheme::Parameter), None] {
            let counted = Counted { scheme, finding, age: Some(1), form };
            snapshot.routes[0].counters.signatures.count(&counted);
        }
    }
    let proposed = parse(b"192.0.2.0/29\n").expect("a list");
    let change = Change::between(Some(&snapshot.lists["sms"].ranges), &proposed).expect("a change");
    let list = "sms".to_owned();
    let waiting = vec![Waiting { list, at: 1, by: "ada".to_owned(), source: "vendor".to_owned(), change }];
    let proposals = Proposals { waiting, ..Proposals::default() };
    let page = metrics::render(&snapshot, None, &proposals, &Gauges::default(), SystemTime::now());
    let mut known = Known::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let known = known.entry(name.to_owned()).or_default();
        for pair in labels.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty()) {
            let (label, value) = pair.split_once("=\"").expect("a label");
            known.entry(label.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
        }
    }
    assert!(known.len() >= 30, "{known:?}");
    known
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Label, operator, value.
type Matcher = (String, String, String);

/// The series that an expression names, each with its matchers.
fn selectors(expression: &str) -> Vec<(String, Vec<Matcher>)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices(PREFIX) {
        let rest = &expression[at..];
        let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let mut matchers = Vec::new();
        let mut rest = rest.strip_prefix('{').unwrap_or("");
        // Values hold no quote, but they may hold a brace or a comma.
        while let Some((before, after)) = rest.split_once('"') {
            let before = before.trim_start_matches([',', ' ']);
            if before.starts_with('}') {
                break;
            }
            let (value, after) = after.split_once('"').expect("a closing quote");
            let label_end = before.find(|char| !is_word(char)).expect("an operator");
            let (label, operator) = before.split_at(label_end);
            matchers.push((label.to_owned(), operator.to_owned(), value.to_owned()));
            rest = after;
            if rest.starts_with('}') {
                break;
            }
        }
        found.push((name.to_owned(), matchers));
    }
    found
}

/// The labels by which an expression aggregates.
fn groupings(expression: &str) -> BTreeSet<String> {
    let lists = expression.split(" by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(',').map(|label| label.trim().to_owned())).collect()
}

/// `{{ $labels.x }}` and `{{x}}`, as `x`.
fn mentioned(template: &str) -> BTreeSet<String> {
    let holes = template.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim);
    let labels = holes.map(|hole| hole.strip_prefix("$labels.").unwrap_or(hole));
    labels.filter(|label| !label.starts_with('$')).map(str::to_owned).collect()
}

/// Holds one expression, and the templates that are filled from its result, against what there is.
fn check(known: &Known, what: &str, expression: &str, templates: &[&str]) -> BTreeSet<String> {
    let mut labels: BTreeSet<String> = ADDED.iter().map(|label| (*label).to_owned()).collect();
    let mut names = BTreeSet::new();
    for (name, matchers) in selectors(expression) {
        let series = known.get(&name).unwrap_or_else(|| panic!("{what}: there is no {name}"));
        for (label, operator, value) in matchers {
            if ADDED.contains(&label.as_str()) {
                continue;
            }
            let values = series.get(&label).unwrap_or_else(|| panic!("{what}: {name} has no {label}"));
            // Which routes, lists and so on there are is the operator's affair.
            let words: BTreeSet<&str> = match label.as_str() {
                "outcome" | "reason" | "phase" | "kind" | "scheme" | "result" | "form" => {
                    value.split('|').collect()
                }
                _ => BTreeSet::new(),
            };
            for word in words {
                assert!(values.contains(word), "{what}: {label}{operator}{value:?}: there are {values:?}");
            }
        }
        labels.extend(series.keys().cloned());
        names.insert(name);
    }
    let groups = groupings(expression);
    assert!(groups.is_subset(&labels), "{what}: by {groups:?}: there are {labels:?}");
    let result = if groups.is_empty() { &labels } else { &groups };
    for template in templates {
        let mentioned = mentioned(template);
        assert!(mentioned.is_subset(result), "{what}: {mentioned:?} in {template:?}: there are {result:?}");
    }
    names
}

/// The family of a series: what a histogram is made of counts as one.
fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let known = known();
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/nexmo-gate.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut named = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut shown = 0;
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            shown += 1;
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let expression = target["expr"].as_str().expect("an expression");
            assert!(expression.contains("instance=~\"$instance\""), "{title}: {expression}");
            let legend = target["legendFormat"].as_str().expect("a legend");
            named.extend(check(&known, title, expression, &[legend]));
        }
    }
    assert!(shown > 30, "{shown} expressions");
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if let Some(query) = variable["query"]["query"].as_str() {
            named.extend(check(&known, "a variable", query, &[]));
        }
    }
    let families: BTreeSet<&str> = named.iter().map(|name| family(name)).collect();
    let all: BTreeSet<&str> = known.keys().map(|name| family(name)).collect();
    let missing: Vec<_> = all.difference(&families).copied().collect();
    // The days that are left say the same, and the alerts what they are compared with.
    let elsewhere = [
        "nexmo_gate_certificate_not_after_timestamp_seconds",
        "nexmo_gate_certificate_warn_days",
        "nexmo_gate_list_review_days",
    ];
    assert_eq!(missing, elsewhere);
    overlaps(panels);
}

/// No panel lies on another one, and none beside the page.
fn overlaps(panels: &[Value]) {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let of = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        assert!(of("x") + of("w") <= 24, "{}", panel["title"]);
        for cell in
            (of("y")..of("y") + of("h")).flat_map(|y| (of("x")..of("x") + of("w")).map(move |x| (x, y)))
        {
            assert!(taken.insert(cell), "{} lies on another panel at {cell:?}", panel["title"]);
        }
    }
}

#[test]
fn the_alerts_name_what_there_is() {
    let known = known();
    let file: serde_yaml::Value =
        serde_yaml::from_str(&text("deploy/prometheus/nexmo-gate.rules.yaml")).expect("YAML");
    // The program warns from the same days on.
    let rules = text("deploy/prometheus/nexmo-gate.rules.yaml");
    assert!(rules.contains("list_reviewed_age_seconds > nexmo_gate_list_review_days * 86400\n"));
    assert!(rules.contains("certificate_days_left < nexmo_gate_certificate_warn_days\n"));
    let mut alerts = BTreeSet::new();
    let mut named = BTreeSet::new();
    for rule in file["groups"]
        .as_sequence()
        .expect("groups")
        .iter()
        .flat_map(|group| group["rules"].as_sequence().expect("rules"))
    {
        let alert = rule["alert"].as_str().expect("a name");
        assert!(alerts.insert(alert), "{alert} stands twice");
        assert!(["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap_or("")), "{alert}");
        assert!(rule["for"].as_str().is_some(), "{alert}");
        let annotation =
            |name: &str| rule["annotations"][name].as_str().unwrap_or_else(|| panic!("{alert}: {name}"));
        let templates = [annotation("summary"), annotation("description")];
        named.extend(check(&known, alert, rule["expr"].as_str().expect("an expression"), &templates));
    }
    assert!(alerts.len() >= 15 && named.len() >= 12, "{alerts:?} {named:?}");
    let tests: serde_yaml::Value =
        serde_yaml::from_str(&text("deploy/prometheus/nexmo-gate.test.yaml")).expect("YAML");
    assert_eq!(tests["rule_files"][0], "nexmo-gate.rules.yaml");
    let cases = tests["tests"].as_sequence().expect("tests");
    for case in cases {
        for input in case["input_series"].as_sequence().expect("series") {
            check(&known, "a test of the alerts", input["series"].as_str().expect("a series"), &[]);
        }
        for expected in case["alert_rule_test"].as_sequence().expect("alerts") {
            let alert = expected["alertname"].as_str().expect("a name");
            assert!(alerts.contains(alert), "{alert} is tested and does not exist");
        }
    }
}

/// Both tests above rest on this: what is wrong is found.
#[test]
fn a_wrong_name_is_found() {
    let known = known();
    let good = "sum by (reason) (rate(nexmo_gate_requests_total{outcome=~\"denied|refused\",route!~\"[^/]*/[*]{1,2}\"}[5m]))";
    assert_eq!(check(&known, "good", good, &["{{ $labels.reason }} {{ $value | humanize }}"]).len(), 1);
    assert_eq!(Outcome::ALL.len(), known["nexmo_gate_requests_total"]["outcome"].len());
    let wrong = [
        ("nexmo_gate_request_total", ""),
        ("nexmo_gate_requests_total{outcom=\"denied\"}", ""),
        ("nexmo_gate_requests_total{outcome=\"denied\",reason=\"unlisted\"}", ""),
        ("nexmo_gate_requests_total{outcome=~\"denied|deny\"}", ""),
        ("sum by (list) (nexmo_gate_requests_total)", ""),
        ("sum by (reason) (nexmo_gate_requests_total)", "{{ $labels.route }}"),
        ("nexmo_gate_generation", "{{list}}"),
    ];
    for (expression, template) in wrong {
        let known = known.clone();
        let found = std::panic::catch_unwind(|| check(&known, "wrong", expression, &[template]));
        assert!(found.is_err(), "{expression} {template}");
    }
}
