//! The token: who gets one, and what it opens.

use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::Value;

use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Answer, Gate, PROXY, STRANGER, Setup, Upstream, get, request};

/// Letters that are no gate's token.
const NO_TOKEN: &str = "0123456789abcdef0123456789abcdef01234567.0123456789abcdef0123456789abcdef01234567";
const NONCE: &str = "00112233445566778899aabbccddeeff";

/// The path of a question: the secret of the token is no part of it.
fn path(token: &str) -> String {
    let (id, _) = token.split_once('.').expect("an id and a secret");
    format!("/webhooks/.well-known/nexmo-gate/{id}/{NONCE}")
}

/// The proof that this secret makes.
pub fn proof(secret: &str, nonce: &str, status: u16, body: &[u8]) -> String {
    let letters = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let said = format!("{nonce}.{status}.{}", letters(digest(&SHA256, body).as_ref()));
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    let tag = sign(&key, format!("nexmo-gate doctor 1\n{said}").as_bytes());
    format!("{said}.{}", letters(tag.as_ref()))
}

/// Whether an answer proves, by the secret of this token, that the gate said this status and this body.
fn is_proven(token: &str, found: &str, status: u16, body: &[u8]) -> bool {
    let (_, secret) = token.split_once('.').expect("an id and a secret");
    found == proof(secret, NONCE, status, body)
}

fn token_of(gate: &Gate) -> String {
    let reply = gate.admin("POST", "/doctor");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer: Value = serde_json::from_str(&reply.text()).expect("JSON");
    assert_eq!(answer["seconds"], 600, "{answer}");
    let token = answer["token"].as_str().expect("a token").to_owned();
    let (id, secret) = token.split_once('.').expect("an id and a secret");
    for half in [id, secret] {
        assert!(half.len() * 4 >= 128 && half.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    }
    token
}

fn seen(gate: &Gate, from: &str, token: &str, bytes: &[u8]) -> Value {
    let reply = gate.ask(from, bytes);
    let proof = reply.header("x-nexmo-gate-doctor").expect("a proof");
    assert!(reply.status == 200 && is_proven(token, &proof, 200, reply.text().as_bytes()), "{proof}");
    serde_json::from_str(&reply.text()).expect("JSON")
}

fn app(_: &Arrival) -> Answer {
    Answer::status(200)
}

#[test]
fn a_token_shows_what_the_gate_saw_and_reaches_no_application() {
    for mode in ["enforce", "observe"] {
        let upstream = Upstream::start(app);
        let gate = Setup::new(upstream.url()).behind_proxy().key("mode", mode).start();
        let token = token_of(&gate);
        for from in [STRANGER, ADMITTED] {
            let seen = seen(&gate, from, &token, &get(&path(&token)));
            assert_eq!((&seen["client"], &seen["peer"]), (&from.into(), &from.into()), "{seen}");
            assert_eq!(seen["named_by"], "connection", "{seen}");
        }
        let odd = format!("{}/a//..%2fb?x=1", path(&token));
        let lines =
            [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Proto", "https"), ("Authorization", "x")];
        let seen = seen(&gate, PROXY, &token, &request("POST", &odd, &lines, b"hello"));
        for (key, wanted) in [
            ("authorization", Value::from(true)),
            ("body_bytes", 5.into()),
            ("client", "198.51.100.9".into()),
            ("forwarding", vec!["x-forwarded-for", "x-forwarded-proto"].into()),
            ("method", "POST".into()),
            ("named_by", "x-forwarded-for".into()),
            ("peer", PROXY.into()),
            ("scheme", "https".into()),
            ("target", odd.as_str().into()),
            ("via", vec![PROXY].into()),
        ] {
            assert_eq!(seen[key], wanted, "{key} in {seen}");
        }
        let sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(seen["body_sha256"], sha);
        let events = gate.events(3);
        for event in &events {
            let words = (&event["outcome"], &event["reason"], &event["note"], &event["path"]);
            let place = "/webhooks/.well-known/nexmo-gate/";
            assert_eq!(
                words,
                (&"served".into(), &"doctor".into(), &"doctor".into(), &place.into()),
                "{event}"
            );
        }
        assert_eq!(upstream.arrivals().len(), 0, "nothing of it is for the application");
        let log = gate.log();
        let finished = gate.finish();
        let written = format!("{log}{:?}", finished.events);
        let (id, secret) = token.split_once('.').expect("an id and a secret");
        assert!([id, secret, NONCE].iter().all(|part| !written.contains(part)), "the token is in a log");
    }
}

#[test]
fn the_gate_answers_with_the_status_that_was_asked_for() {
    let upstream = Upstream::start(app);
    let gate = Setup::new(upstream.url()).start();
    let token = token_of(&gate);
    for (status, retry_after) in [(200, None), (204, None), (403, None), (502, None), (503, Some("5"))] {
        let reply = gate.ask(STRANGER, &get(&format!("{}/status/{status}", path(&token))));
        assert_eq!((reply.status, reply.header("retry-after").as_deref()), (status, retry_after));
        let proof = reply.header("x-nexmo-gate-doctor").expect("a proof");
        assert!(is_proven(&token, &proof, status, reply.text().as_bytes()), "{status}: {proof}");
    }
    assert_eq!(gate.ask(STRANGER, &get(&format!("{}/status/302", path(&token)))).status, 200);
}

#[test]
fn without_its_token_a_gate_treats_the_path_as_any_other() {
    let upstream = Upstream::start(app);
    let gate = Setup::new(upstream.url()).start();
    let ask = |from: &str, token: &str| gate.ask(from, &get(&path(token))).status;
    assert_eq!((ask(STRANGER, NO_TOKEN), ask(ADMITTED, NO_TOKEN)), (403, 200), "none is out");
    let first = token_of(&gate);
    assert_eq!((ask(STRANGER, NO_TOKEN), ask(ADMITTED, NO_TOKEN)), (403, 200), "another one is out");
    let second = token_of(&gate);
    assert_eq!((ask(STRANGER, &first), ask(STRANGER, &second)), (200, 200), "both count");
    let other = Setup::new(upstream.url()).start();
    assert_eq!(other.ask(STRANGER, &get(&path(&second))).status, 403, "at the gate that gave it");
    assert_eq!(upstream.arrivals().len(), 2);
    // Not even of another gate, which may count there.
    for finished in [gate.finish(), other.finish()] {
        let log = format!("{:?}", finished.events);
        assert!(log.contains("/webhooks/.well-known/nexmo-gate/"), "{log}");
        let ids = [&first, &second, NO_TOKEN].map(|token| &token[..40]);
        assert!(ids.iter().all(|id| !log.contains(id)), "{log}");
    }
}

#[test]
fn a_question_needs_a_nonce_and_is_counted() {
    let upstream = Upstream::start(app);
    let gate = Setup::new(upstream.url()).start();
    let token = token_of(&gate);
    let whole = path(&token);
    let (place, _) = whole.rsplit_once('/').expect("a nonce");
    for wrong in [
        place.to_owned(),
        format!("{place}/"),
        format!("{place}/{}", NONCE.to_uppercase()),
        format!("{whole}0"),
    ] {
        assert_eq!(gate.ask(STRANGER, &get(&wrong)).status, 403, "{wrong}");
    }
    let times = |rest: &str| seen(&gate, STRANGER, &token, &get(&format!("{whole}{rest}")))["times"].clone();
    assert_eq!(["", "/a", "?b"].map(times), [1, 2, 3].map(Value::from));
}

#[test]
fn a_token_counts_at_another_gate_once_it_was_shared() {
    let upstream = Upstream::start(app);
    let (gate, other) = (Setup::new(upstream.url()).start(), Setup::new(upstream.url()).start());
    let token = token_of(&gate);
    assert_eq!(other.ask(STRANGER, &get(&path(&token))).status, 403);
    let share = |token: &str| {
        let admin = other.admin_addr().to_string();
        crate::harness::gate::setup::binary()
            .args(["doctor", "--share", token, "--admin", &admin])
            .output()
            .expect("the doctor")
    };
    let output = share(&token);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = [&gate, &other].map(|gate| seen(gate, STRANGER, &token, &get(&path(&token)))["gate"].clone());
    assert!(names[0] != names[1] && names[0] != "", "{names:?}");
    assert_eq!(share(&token[1..]).status.code(), Some(2));
    assert_eq!(other.admin("POST", "/doctor?token=x.y").status, 400);
    let log = format!("{}{:?}", other.log(), other.finish().events);
    assert!(!log.contains(&token[..40]) && !log.contains(&token[41..]), "{log}");
}

#[test]
fn a_page_in_a_browser_and_the_metrics_address_give_no_token() {
    let upstream = Upstream::start(app);
    let gate = Setup::new(upstream.url()).start();
    let ask = |method: &str, lines: &[(&str, &str)]| {
        let host = [("Host", gate.admin_addr().to_string())];
        let host: Vec<(&str, &str)> = host.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let lines = if lines.iter().any(|(name, _)| *name == "Host") {
            lines.to_vec()
        } else {
            [&host, lines].concat()
        };
        let head: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let bytes =
            format!("{method} /doctor HTTP/1.1\r\n{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
        crate::harness::sender::ask("127.0.0.1", gate.admin_addr(), bytes.as_bytes())
    };
    for (method, lines, wanted) in [
        ("POST", &[][..], 200),
        ("POST", &[("Origin", "http://evil.example")], 403),
        ("POST", &[("Sec-Fetch-Site", "cross-site")], 403),
        ("POST", &[("Host", "evil.example")], 403),
        ("GET", &[], 405),
    ] {
        let reply = ask(method, lines);
        assert_eq!(reply.status, wanted, "{method} {lines:?}");
        assert_eq!(reply.text().contains("token\":"), wanted == 200, "{method} {lines:?}");
    }
}
