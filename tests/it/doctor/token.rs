//! The token: who gets one, and what it opens.

use serde_json::Value;

use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Answer, Gate, PROXY, STRANGER, Setup, Upstream, get, request};

/// Letters that are no gate's token.
const NO_TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

fn path(token: &str) -> String {
    format!("/webhooks/.well-known/nexmo-gate/{token}")
}

fn token_of(gate: &Gate) -> String {
    let reply = gate.admin("POST", "/doctor");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer: Value = serde_json::from_str(&reply.text()).expect("JSON");
    assert_eq!(answer["seconds"], 600, "{answer}");
    let token = answer["token"].as_str().expect("a token").to_owned();
    assert!(token.len() * 4 >= 128 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    token
}

fn seen(gate: &Gate, from: &str, bytes: &[u8]) -> Value {
    let reply = gate.ask(from, bytes);
    assert_eq!((reply.status, reply.header("x-nexmo-gate-doctor").as_deref()), (200, Some("1")));
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
            let seen = seen(&gate, from, &get(&path(&token)));
            assert_eq!((&seen["client"], &seen["peer"]), (&from.into(), &from.into()), "{seen}");
            assert_eq!(seen["named_by"], "connection", "{seen}");
        }
        let odd = format!("{}/a//..%2fb?x=1", path(&token));
        let lines =
            [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Proto", "https"), ("Authorization", "x")];
        let seen = seen(&gate, PROXY, &request("POST", &odd, &lines, b"hello"));
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
        assert!(!format!("{log}{:?}", finished.events).contains(&token), "the token is in a log");
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
        assert_eq!(reply.header("x-nexmo-gate-doctor").as_deref(), Some("1"), "{status}");
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
        assert!([&first, &second, NO_TOKEN].iter().all(|token| !log.contains(*token)), "{log}");
    }
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
