//! `explain` beside the gate that it explains: the same verdict, reason, status and note, on requests of all kinds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::gate::lines::{json, requests};
use crate::harness::numbers::Numbers;
use crate::harness::proxy_header::v1;
use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Answer, Gate, PROXY, STRANGER, Setup, Upstream};

/// Requests for each of the gates; `make test-long` asks a hundred thousand about all of them.
const FEW: usize = 300;
const MANY: usize = 8_000;

const METHODS: [&str; 7] = ["GET", "POST", "POST", "POST", "PUT", "OPTIONS", "BREW"];
const TARGETS: [&str; 18] = [
    "/webhooks/answer",
    "/webhooks/answer",
    "/webhooks/sms/in",
    "/webhooks/sms/in?api-key=1&text=a%20b",
    "/webhooks/verify",
    "/webhooks/answer/",
    "/Webhooks/answer",
    "/webhooks//answer",
    "/webhooks/./answer",
    "/webhooks/%2e%2e/answer",
    "/webhooks/answer;x=1",
    "/webhooks%2Fanswer",
    "/nowhere",
    "/",
    "*",
    "http://hooks.example/webhooks/answer",
    "http://other.example/webhooks/answer",
    "/gate",
];
const HOSTS: [&str; 7] = [
    "Host: hooks.example\r\n",
    "Host: hooks.example\r\n",
    "Host: api.example.com:443\r\n",
    "Host: a b\r\n",
    "Host: a\r\nHost: a\r\n",
    "Host:\r\n",
    "",
];
const LINES: [&str; 24] = [
    "X-Forwarded-For: 127.0.0.2\r\n",
    "X-Forwarded-For: 127.0.0.9\r\n",
    "X-Forwarded-For: 127.0.0.9, 127.0.0.2,, 127.0.0.3\r\n",
    "X-Forwarded-For: somebody\r\n",
    "X-Forwarded-For: 127.0.0.2:1234\r\n",
    "Forwarded: for=127.0.0.2;proto=https;host=a.example\r\n",
    "Forwarded: for=\"[2001:db8::1]\", for=127.0.0.2\r\n",
    "Forwarded: for=unknown\r\n",
    "X-Forwarded-Proto: HTTPS\r\n",
    "X-Forwarded-Proto: gopher\r\n",
    "X-Forwarded-Host: a b\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 0\r\nContent-Length: 0\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 99999999\r\n",
    "Content-Length: x\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Connection: close\r\n",
    "Connection: X-Forwarded-For\r\n",
    "Expect: a-miracle\r\n",
    "X Y: z\r\n",
    "Accept: */*\r\n",
    "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
];

fn request(numbers: &mut Numbers) -> Vec<u8> {
    let version = numbers.one(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]);
    let (method, target) = (numbers.one(&METHODS), numbers.one(&TARGETS));
    let mut text = format!("{method} {target} {version}\r\n{}", numbers.one(&HOSTS));
    for _ in 0..numbers.below(4) {
        text += numbers.one(&LINES);
    }
    text += "\r\n";
    let mut bytes = text.into_bytes();
    if numbers.below(8) == 0 {
        let place = numbers.below(bytes.len());
        bytes[place] = numbers.one(b"\0\t\r\n :/%;\x80\xffA");
    }
    bytes
}

const KEY: &str = "a1b2c3d4";
const SECRET: &str = "my-signature-secret-of-32-bytes!";

/// A request without a body that is signed in a way of its own, well or not; no two have the same name.
fn signed_request(numbers: &mut Numbers) -> Vec<u8> {
    let id = format!("{}-{}", numbers.below(1 << 30), numbers.below(1 << 30));
    let secret = numbers.one(&[SECRET, SECRET, SECRET, "another secret of its own, as long"]);
    let key = numbers.one(&[KEY, KEY, KEY, "somebody"]);
    let age = numbers.one(&[0, 0, 0, 100 * 3600]);
    let (method, target) =
        (numbers.one(&["GET", "POST"]), numbers.one(&["/webhooks/answer", "/webhooks/sms/in"]));
    let (mut query, mut lines) = (String::new(), String::new());
    if numbers.below(3) == 0 {
        let stamp = (now() - age).to_string();
        let pairs = [("api-key", key), ("nonce", &id), ("text", "a+b"), ("timestamp", &stamp)];
        query =
            format!("?{}", signed_form(secret, &pairs).replace("a+b", numbers.one(&["a%2Bb", "a%2Bb", "x"])));
    }
    if numbers.below(3) > 0 {
        let payload = numbers.one(&[&b""[..], b"", b"{}", b"another"]);
        let token = Token::new(key, secret, payload).claim("jti", id.as_str()).claim("iat", now() - age);
        let token = numbers.one(&[&token, &token, &token.clone().header("alg", "RS256")]).bearer();
        lines = format!("Authorization: {token}\r\n");
        if numbers.below(8) == 0 {
            lines.push_str(&lines.clone());
        }
    }
    for _ in 0..numbers.below(2) {
        lines += numbers.one(&LINES);
    }
    format!("{method} {target}{query} HTTP/1.1\r\nHost: hooks.example\r\n{lines}\r\n").into_bytes()
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// What the log must say of a request, as `explain` has it, and the reply; `None` for a health probe, which has no line.
fn explained(
    gate: &Gate,
    from: &str,
    proxy: Option<&str>,
    bytes: &[u8],
) -> Option<(Option<u16>, Vec<Value>)> {
    let proxy = proxy.map(|source| format!("&proxy={source}")).unwrap_or_default();
    let reply = gate.admin("GET", &format!("/explain?ip={from}{proxy}&request={}", encoded(bytes)));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let said = json(&reply.text());
    let row = &said["routes"][0];
    let forwarded = matches!(row["verdict"].as_str(), Some("admitted" | "would_deny"));
    if row["verdict"] == "served" {
        return None;
    }
    // Of a head that never ended nothing is known, and nobody hears a reply.
    if row["reason"] == "sender_gone" {
        return Some((
            None,
            vec![
                row["reason"].clone(),
                Value::Null,
                Value::Null,
                Value::Null,
                text(&Value::Null),
                text(&Value::Null),
            ],
        ));
    }
    let (status, reason) = if forwarded {
        (Some(200), Value::from("success"))
    } else {
        (row["status"].as_u64().map(|status| u16::try_from(status).expect("a status")), row["reason"].clone())
    };
    let would_deny = if row["verdict"] == "would_deny" { row["reason"].clone() } else { Value::Null };
    Some((
        status,
        vec![
            reason,
            status.into(),
            would_deny,
            row["note"].clone(),
            text(&said["method"]),
            text(&said["path"]),
        ],
    ))
}

fn logged(event: &Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        ["reason", "status", "would_deny", "note"].iter().map(|key| event[*key].clone()).collect();
    // Whoever runs `explain` is not advised to run it.
    if let Some(note) = all[3].as_str() {
        all[3] = note.replace("; nexmo-gate explain shows the chain", "").into();
    }
    all.extend(["method", "path"].map(|key| text(&event[key])));
    all
}

/// What was not read is null in the log.
fn text(value: &Value) -> Value {
    value.as_str().unwrap_or_default().into()
}

/// A range file with the stranger, which a reload takes from it before the gate is asked.
const BEFORE: &str = "127.0.0.2/32\n127.0.0.3/32\n";
const AFTER: &str = "# reviewed: 2020-01-01\n127.0.0.2/32\n";

/// The gates that are compared: whatever turns a verdict round.
fn setups(upstream: &Upstream) -> Vec<(Setup, Option<&'static str>)> {
    let base = || {
        let routes = [
            "{ path: /webhooks/answer, webhook: voice-answer, allow: [test] }",
            "{ path: /webhooks/sms/*, webhook: sms-inbound, allow: [test] }",
            "{ path: /webhooks/verify, host: api.example.com, webhook: verify, allow: [test] }",
        ];
        Setup::new(upstream.url()).without_tls().http1().routes(&routes).behind_proxy()
    };
    let signed_by = |need: &str, failure: &str, unlisted: &str| {
        let setup = base();
        setup.dir.write("secret", SECRET);
        let secrets = format!(
            "{{ secrets: [ {{ api_key: {KEY}, file: secret }} ], failure: {failure}, unlisted: {unlisted} }}"
        );
        let route = |path: &str, webhook: &str| {
            format!("{{ path: {path}, webhook: {webhook}, allow: [test], signature: {need} }}")
        };
        let routes = [route("/webhooks/answer", "voice-answer"), route("/webhooks/sms/*", "sms-inbound")];
        setup.routes(&[&routes[0], &routes[1]]).key("signatures", &secrets)
    };
    let signed = |need: &str, failure: &str| signed_by(need, failure, "retry");
    vec![
        (base().key("health_path", "/gate"), None),
        (base().key("mode", "observe").key("deny", "hide"), None),
        (base().key("forwarded_header", "forwarded").key("deny", "retry"), None),
        (base().proxy_protocol(), Some(ADMITTED)),
        (base().proxy_protocol(), Some(STRANGER)),
        (base().range("test", AFTER).key("deny", "retry_when_stale"), None),
        (base().range("test", BEFORE).key("deny", "retry_when_stale"), None),
        (base().range("test", BEFORE).key("mode", "observe"), None),
        (base().range("test", BEFORE).key("deny", "drop"), None),
        (base().range("test", BEFORE).key("deny", "drop").proxy_protocol(), Some(STRANGER)),
        (base().over_tls().key("health_path", "/gate"), None),
        (signed("require", "retry"), None),
        (signed("require", "forbid").key("mode", "observe"), None),
        (signed("note", "forbid").key("deny", "hide"), None),
        (signed("require", "forbid").key("deny", "retry"), None),
        (signed_by("require", "retry", "admit"), None),
        (signed_by("note", "retry", "admit").key("mode", "observe"), None),
        (signed_by("note", "retry", "deny").key("deny", "retry"), None),
    ]
}

fn compare(each: usize) {
    // What an answer webhook must say, so that no note is the application's.
    let upstream = Upstream::start(|_| {
        Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
            Some(200),
        )
    });
    let mut compared: u64 = 0;
    for (place, (setup, source)) in setups(&upstream).into_iter().enumerate() {
        let gate = setup.start();
        let list = gate.setup.path().join("ranges/test.txt");
        if std::fs::read_to_string(&list).is_ok_and(|text| text == BEFORE) {
            std::fs::write(&list, AFTER).expect("a list without the stranger");
            assert_eq!(gate.reload().0, 200);
        }
        let mut numbers = Numbers::from(7 + place as u64);
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let (mut asked, mut probes) = (0, 0);
        // A handshake for each costs the most.
        let each = if gate.setup.is_secured() { each / 4 } else { each };
        for _ in 0..each {
            let is_signed = gate.setup.path().join("secret").exists() && numbers.below(4) > 0;
            let bytes = if is_signed { signed_request(&mut numbers) } else { request(&mut numbers) };
            // One head and nothing behind it.
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if end.is_some_and(|end| end != bytes.len() - 4) {
                continue;
            }
            // Strangers may make few TLS handshakes.
            let senders = if gate.setup.is_secured() {
                [ADMITTED, ADMITTED, PROXY]
            } else {
                [ADMITTED, STRANGER, PROXY]
            };
            let from = if source.is_some() { PROXY } else { numbers.one(&senders) };
            let explained = explained(&gate, from, source, &bytes);
            let header = source.map(v1).unwrap_or_default();
            let mut sender = gate.connect(from);
            sender.send(&[header, bytes.clone()].concat());
            if end.is_none() {
                sender.half_close();
            }
            let reply = sender.try_reply().ok().map(|reply| reply.status);
            let Some((status, key)) = explained else {
                assert_eq!(reply, Some(200), "{}", String::from_utf8_lossy(&bytes));
                probes += 1;
                continue;
            };
            let shown = || format!("{from} {source:?}: {}", String::from_utf8_lossy(&bytes));
            assert_eq!(reply, status, "{} {key:?}", shown());
            *reasons.entry(key[0].as_str().expect("a reason").to_owned()).or_default() += 1;
            *wanted.entry(format!("{key:?}")).or_default() += 1;
            asked += 1;
        }
        compared += asked + probes;
        assert_eq!(gate.metric("health_probes_total"), probes, "a probe has no line");
        let finished = gate.finish();
        // A flood of denials is summed up in the log, and counted all the same.
        for event in finished.events.iter().filter(|event| event["suppressed"].is_null()) {
            let left = wanted.entry(format!("{:?}", logged(event))).or_default();
            *left -= 1;
            assert!(*left >= 0, "the log has {event}, and explain said {wanted:#?}");
        }
        assert_eq!(requests(&finished.events), asked, "one line each, or a summary");
        assert!(reasons.len() > 6 || source.is_some(), "{reasons:?}");
    }
    assert!(compared > each as u64 * 3, "{compared}");
}

#[test]
fn explain_says_what_the_gate_does() {
    compare(FEW);
}

#[test]
#[ignore = "minutes: make test-long"]
fn explain_says_what_the_gate_does_a_hundred_thousand_times() {
    compare(MANY);
}
