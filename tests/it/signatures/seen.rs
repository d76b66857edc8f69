//! What people see of signatures: metrics, `status` for programs and for people, and the status page.

use serde_json::{Value, json};

use super::answers::{BODY, KEY, SECRET, setup, with_token};
use crate::admin::status_page::page;
use crate::harness::gate::setup::binary;
use crate::harness::signer::Token;
use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Upstream};

const NEW: &str = "the-new-secret-of-the-account-123";

/// Two secrets of one account, the new one in the second place.
fn rotating(upstream: &Upstream) -> Setup {
    let setup = setup(upstream, "retry");
    setup.dir.write("secrets/new", NEW);
    let secrets = format!(
        "{{ secrets: [ {{ api_key: {KEY}, file: secrets/account, until: 2099-12-31 }}, {{ api_key: {KEY}, file: secrets/new }} ] }}"
    );
    setup.key("signatures", &secrets)
}

fn ask(gate: &Gate, target: &str, secret: &str) -> u16 {
    gate.ask(ADMITTED, &with_token(target, Some(&Token::new(KEY, secret, BODY).bearer()), BODY)).status
}

fn hits(status: &Value) -> Vec<u64> {
    let secrets = status["secrets"].as_array().expect("secrets");
    secrets.iter().map(|one| one["hits"].as_u64().expect("a count")).collect()
}

fn has_line(text: &str, line: &str) {
    assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
}

#[test]
fn findings_and_uses_of_secrets_stand_in_metrics_status_and_page() {
    let upstream = Upstream::echo();
    let gate = rotating(&upstream).start();
    for (target, secret, status) in [
        ("/require", NEW, 200),
        ("/require", SECRET, 200),
        ("/require", "somebody's own secret, long enough", 503),
        ("/note", NEW, 200),
        ("/note", NEW, 200),
        ("/off", NEW, 200),
    ] {
        assert_eq!(ask(&gate, target, secret), status, "{target}");
    }
    gate.events(6);
    let metrics = gate.admin("GET", "/metrics").text();
    let route = "route=\"/require\",webhook=\"messages-status\"";
    for line in [
        format!("signatures_total{{{route},scheme=\"jwt\",result=\"valid\"}} 2"),
        format!("signatures_total{{{route},scheme=\"jwt\",result=\"bad\"}} 1"),
        format!("signatures_total{{{route},scheme=\"none\",result=\"unsigned\"}} 0"),
        format!("signature_age_seconds_count{{{route}}} 2"),
        "signature_payloads_total{route=\"/require\",form=\"body\"} 2".to_owned(),
        "signature_repeats_total{route=\"/note\",webhook=\"messages-status\"} 1".to_owned(),
        format!("signature_secret_hits_total{{owner=\"{KEY}\",slot=\"0\"}} 1"),
        format!("signature_secret_hits_total{{owner=\"{KEY}\",slot=\"1\"}} 3"),
    ] {
        has_line(&metrics, &format!("nexmo_gate_{line}"));
    }
    assert!(!metrics.contains("signatures_total{route=\"/off\""), "{metrics}");

    let status = gate.status();
    let routes = status["routes"].as_array().expect("routes");
    assert_eq!(routes[0]["signature"], Value::Null);
    let wanted = json!({
        "faults_in_a_row": 1, "findings": { "bad": 1, "valid": 2 }, "need": "require", "payloads": { "body": 2 }, "repeats": 0
    });
    assert_eq!(routes[2]["signature"], wanted);
    assert_eq!(hits(&status), [1, 3]);
    assert!(status["secrets"][1]["last_used"].is_string(), "{status}");
    assert_eq!(status["secrets"][0]["until"], "2099-12-31");

    let admin = gate.admin_addr().to_string();
    let said = binary().args(["status", "--admin", &admin]).output().expect("the command");
    let said = String::from_utf8(said.stdout).expect("text");
    has_line(
        &said,
        "  /require                         require              bad 1, valid 2  not good in a row: 1",
    );
    let page = page(&gate);
    assert!(
        page.contains(
            "<code>/require</code> <span class=\"pill plain\">require</span><small>valid 2, bad 1</small>"
        ),
        "{page}"
    );
    for (shown, what) in [(&said, "the command"), (&page, "the page"), (&metrics, "the metrics")] {
        for secret in [SECRET, NEW] {
            assert!(!shown.contains(secret), "{what}");
        }
    }
}

#[test]
fn uses_of_a_secret_go_on_over_a_reload_and_end_with_the_secret() {
    let upstream = Upstream::echo();
    let gate = rotating(&upstream).start();
    assert_eq!(ask(&gate, "/require", NEW), 200);
    gate.events(1);
    // Something else changes.
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/32\n");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(hits(&gate.status()), [0, 1]);
    gate.setup.dir.write("secrets/new", "and one more secret of the account");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(hits(&gate.status()), [0, 0]);
    assert_eq!(ask(&gate, "/require", NEW), 503);
    assert_eq!(hits(&gate.status()), [0, 0], "a signature that no secret made is nobody's");
}

/// Strangers need no secret to fail, so they prove nothing about one.
#[test]
fn unsigned_requests_that_only_observe_lets_pass_raise_no_alarm() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").key("mode", "observe").without_tls().http1().start();
    let at_start = gate.log();
    let about_mode: Vec<&str> = at_start.lines().filter(|line| line.contains("observe")).collect();
    let said = "mode: observe: no request is denied; limits still apply, and malformed requests are rejected";
    assert!(about_mode.len() == 1 && about_mode[0].contains(said), "{about_mode:?}");

    let send = |from: &str, count: usize| {
        for _ in 0..count {
            assert_eq!(gate.ask(from, &with_token("/require", None, BODY)).status, 200);
        }
    };
    let in_a_row = || gate.status()["routes"][2]["signature"]["faults_in_a_row"].clone();
    let words = "requests of this route had no signature: does the account sign its webhooks?";
    send(STRANGER, 22);
    gate.events(22);
    assert_eq!(in_a_row(), 0);
    assert!(!page(&gate).contains("requires signatures"), "{}", page(&gate));
    let before = gate.log();
    assert!(!before.contains(words) && !before.contains("no good signature"), "{before}");

    send(ADMITTED, 20);
    gate.events(42);
    assert_eq!(in_a_row(), 20);
    gate.wait_message(0, |message, _| message == format!("the last 20 {words}"));
    assert!(page(&gate).contains(&format!("the last 20 {words}")), "{}", page(&gate));
    assert!(!gate.log().contains("no good signature"), "{}", gate.log());
}
