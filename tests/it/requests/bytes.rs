//! Byte for byte: what the sender wrote is what the application reads, and the other way round.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Setup, Upstream, get, post, request};

/// The route of every sample, as in the shipped configuration.
const ROUTES: [&str; 12] = [
    "{ path: /webhooks/answer, webhook: voice-answer, allow: [test] }",
    "{ path: /webhooks/event, webhook: voice-event, allow: [test] }",
    "{ path: /webhooks/fallback, webhook: voice-fallback, allow: [test] }",
    "{ path: /webhooks/inbound-sms, webhook: sms-inbound, allow: [test] }",
    "{ path: /webhooks/delivery-receipt, webhook: sms-delivery-receipt, allow: [test] }",
    "{ path: /webhooks/short-code/*, webhook: short-code, allow: [test] }",
    "{ path: /webhooks/inbound-message, webhook: messages-inbound, allow: [test] }",
    "{ path: /webhooks/message-status, webhook: messages-status, allow: [test] }",
    "{ path: /webhooks/number-insight, webhook: number-insight, allow: [test] }",
    "{ path: /webhooks/rtc, webhook: rtc-event, allow: [test] }",
    "{ path: /webhooks/verify, webhook: verify, allow: [test] }",
    "{ path: /webhooks/video, webhook: video, allow: [test] }",
];

#[test]
fn every_sample_webhook_arrives_byte_for_byte() {
    every_sample_arrives(|setup| setup);
}

/// On the transport that `over` sets up.
pub fn every_sample_arrives(over: impl FnOnce(Setup) -> Setup) {
    let file: Value =
        serde_json::from_str(include_str!("../../fixtures/webhooks.json")).expect("the fixture");
    let samples: BTreeMap<String, Value> = serde_json::from_value(file["samples"].clone()).expect("samples");
    assert_eq!(samples.len(), 30);
    let upstream = Upstream::echo();
    let gate = over(Setup::new(upstream.url())).routes(&ROUTES).start();
    for (name, sample) in &samples {
        let text = |key: &str| sample[key].as_str().expect("a string").to_owned();
        let headers: Vec<(String, String)> = sample["headers"]
            .as_object()
            .expect("headers")
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().expect("a string").to_owned()))
            .collect();
        let mut sent: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        sent.extend([("X-Case", name.as_str()), ("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]);
        let (method, target, body) = (text("method"), text("target"), text("body"));
        let reply = gate.ask(ADMITTED, &request(&method, &target, &sent, body.as_bytes()));
        assert_eq!(reply.status, 200, "{name}");
        assert_eq!(reply.body, target.as_bytes(), "{name}: the application's answer");

        let arrivals = upstream.of_case(name);
        assert_eq!(arrivals.len(), 1, "{name}: arrives once");
        let arrival = &arrivals[0];
        assert_eq!(arrival.head.start(), format!("{method} {target} HTTP/1.1").into_bytes(), "{name}");
        assert_eq!(arrival.body, body.as_bytes(), "{name}");
        for (key, value) in &sent {
            assert_eq!(arrival.head.one(&key.to_ascii_lowercase()).as_deref(), Some(*value), "{name}: {key}");
        }
        assert_eq!(arrival.head.one("host").as_deref(), Some("hooks.example"), "{name}");
        assert_eq!(
            arrival.head.one("x-nexmo-gate-webhook"),
            sample["webhook"].as_str().map(str::to_owned),
            "{name}"
        );
    }
    assert_eq!(gate.finish().events.iter().filter(|event| event["delivered"] == true).count(), 30);
}

#[test]
fn binary_bodies_arrive_unchanged() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let all_bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let exactly_the_limit = vec![b'm'; 1024 * 1024];
    let rows: [(&str, &[u8]); 5] = [
        ("every-byte", &all_bytes),
        ("empty", b""),
        ("looks-like-http", b"\r\n\r\nGET /other HTTP/1.1\r\n\r\n0\r\n\r\n"),
        ("nul", b"\0\0\0"),
        ("one-mebibyte", &exactly_the_limit),
    ];
    for (case, body) in rows {
        let reply = gate.ask(ADMITTED, &request("POST", "/hook", &[("X-Case", case)], body));
        assert_eq!(reply.status, 200, "{case}");
        let arrivals = upstream.of_case(case);
        assert_eq!(arrivals.len(), 1, "{case}");
        assert!(arrivals[0].body == body, "{case}: body differs, {} bytes", arrivals[0].body.len());
    }
    assert_eq!(upstream.arrivals().len(), 5, "nothing else arrived");
    let events = gate.finish().events;
    assert_eq!(events.len(), 5);
    assert_eq!(events[4]["bytes_in"], 1024 * 1024, "{}", events[4]);
}

fn chunked_request(case: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes =
        format!("POST /hook HTTP/1.1\r\nHost: a\r\nX-Case: {case}\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in body.chunks(size) {
        bytes.extend(format!("{:x};name=value\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\nX-Trailer: dropped\r\n\r\n");
    bytes
}

#[test]
fn chunked_bodies_are_framed_anew_with_one_content_length() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let body: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for size in [1, 7, 4096, 20_000] {
        let case = format!("chunks-of-{size}");
        assert_eq!(gate.ask(ADMITTED, &chunked_request(&case, &body, size)).status, 200, "{case}");
        let arrivals = upstream.of_case(&case);
        assert_eq!(arrivals.len(), 1, "{case}");
        let head = &arrivals[0].head;
        assert_eq!(head.one("content-length").as_deref(), Some("10000"), "{case}");
        assert!(head.all("transfer-encoding").is_empty(), "{case}: {}", head.text());
        assert!(head.all("x-trailer").is_empty(), "{case}: {}", head.text());
        assert!(arrivals[0].body == body, "{case}");
    }
}

#[test]
fn a_body_over_the_limit_is_413_and_never_forwarded() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().key("limits", "{ max_body: 1KiB }").start();
    let body = vec![b'x'; 1025];
    for (case, bytes) in
        [("declared", request("POST", "/", &[], &body)), ("chunked", chunked_request("over", &body, 100))]
    {
        let mut sender = gate.connect(ADMITTED);
        sender.send(&bytes);
        assert_eq!(sender.reply().status, 413, "{case}");
    }
    let announced = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n";
    let status = gate.ask(ADMITTED, announced).status;
    assert!(matches!(status, 400 | 413), "a length beyond any integer: {status}");
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), 3);
    assert!(
        events.iter().all(|event| event["outcome"] == "rejected" && event["delivered"] == false),
        "{events:?}"
    );
}

#[test]
fn an_ncco_reaches_the_sender_byte_for_byte_with_its_content_type() {
    let ncco =
        "[{\"action\":\"talk\",\"text\":\"H\u{e9}llo \\u0001 \u{1F4DE}\"},\n {\"action\" : \"hangup\"}]\n";
    let upstream =
        Upstream::start(move |_| Answer::body(200, "application/json; charset=utf-8", ncco.as_bytes()));
    let gate = Setup::new(upstream.url()).routes(&ROUTES).start();
    let reply = gate.ask(ADMITTED, &get("/webhooks/answer?to=1&from=2"));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, ncco.as_bytes());
    assert_eq!(reply.header("content-type").as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!(reply.header("content-length"), Some(ncco.len().to_string()));
}

#[test]
fn a_chunked_answer_reaches_the_sender_whole() {
    let bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3\r\n[{\"\r\n5;x=y\r\na\":1}\r\n1\r\n]\r\n0\r\nX-T: v\r\n\r\n";
    let upstream = Upstream::start(move |_| Answer::raw(bytes, Some(200)));
    let gate = Setup::new(upstream.url()).start();
    let reply = gate.ask(ADMITTED, &post("/", "chunked"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "[{\"a\":1}]"));
}

#[test]
fn hop_by_hop_headers_end_at_the_gate() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let headers = [
        ("Connection", "keep-alive, X-Hop, x-other-hop"),
        ("X-Hop", "1"),
        ("X-Other-Hop", "2"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "X-T"),
        ("Upgrade", "websocket"),
        ("X-End-To-End", "stays"),
    ];
    assert_eq!(gate.ask(ADMITTED, &request("POST", "/hook", &headers, b"x")).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    for gone in ["x-hop", "x-other-hop", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"] {
        assert!(head.all(gone).is_empty(), "{gone} in {}", head.text());
    }
    assert!(!head.one("connection").unwrap_or_default().to_lowercase().contains("hop"), "{}", head.text());
    assert_eq!(head.one("x-end-to-end").as_deref(), Some("stays"));
}

#[test]
fn forged_headers_of_the_gate_are_replaced() {
    forged_headers_count_for_nothing(|setup| setup);
}

/// On the transport that `over` sets up.
pub fn forged_headers_count_for_nothing(over: impl FnOnce(Setup) -> Setup) {
    let upstream = Upstream::echo();
    let gate = over(Setup::new(upstream.url())).start();
    let forged = [
        ("X-Real-IP", "203.0.113.1"),
        ("x-real-ip", "203.0.113.2"),
        ("X-Forwarded-For", "203.0.113.3"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=203.0.113.4"),
        ("X-Request-Id", "forged-id"),
        ("X-Nexmo-Gate-List", "admin"),
        ("X-Nexmo-Gate-Webhook", "voice-answer"),
        ("X-Nexmo-Gate-Anything", "else"),
    ];
    assert_eq!(gate.ask(ADMITTED, &request("POST", "/hook", &forged, b"x")).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    let truth = [
        ("x-real-ip", "127.0.0.2"),
        ("x-forwarded-for", "127.0.0.2"),
        ("x-forwarded-proto", if gate.setup.is_secured() { "https" } else { "http" }),
        ("x-forwarded-host", "hooks.example"),
        ("x-nexmo-gate-list", "test"),
        ("x-nexmo-gate-webhook", "generic"),
        ("host", "hooks.example"),
    ];
    for (name, value) in truth {
        assert_eq!(head.one(name).as_deref(), Some(value), "{name}");
    }
    assert!(head.all("forwarded").is_empty(), "not chosen, so nobody's: {}", head.text());
    assert!(
        head.all("x-nexmo-gate-anything").is_empty(),
        "the whole name space is the gate's: {}",
        head.text()
    );
    let id = head.one("x-request-id").expect("X-Request-Id");
    assert_ne!(id, "forged-id");
    assert_eq!(gate.event()["request_id"], id.as_str());
}

#[test]
fn upstream_host_overrides_host_and_keeps_the_senders_in_x_forwarded_host() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], upstream_host: app.internal }"#])
        .start();
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    assert_eq!(head.one("host").as_deref(), Some("app.internal"));
    assert_eq!(head.one("x-forwarded-host").as_deref(), Some("hooks.example"));
}

#[test]
fn every_reply_has_one_date_and_the_applications_own_stays() {
    every_reply_is_dated(|setup| setup);
}

/// On the transport that `over` sets up.
pub fn every_reply_is_dated(over: impl FnOnce(Setup) -> Setup) {
    const OWN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let upstream = Upstream::start(|arrival| match arrival.target().as_str() {
        "/own" => {
            Answer::raw(format!("HTTP/1.1 200 OK\r\ndate: {OWN}\r\nContent-Length: 0\r\n\r\n"), Some(200))
        }
        "/none" => Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Some(200)),
        _ => Answer::broken([Act::Close]),
    });
    let gate = over(Setup::new(upstream.url())).start();
    assert_eq!(gate.ask(ADMITTED, &get("/own")).head.all("date"), [OWN]);
    for (from, path, status) in
        [(ADMITTED, "/none", 200), (ADMITTED, "/x", 503), (crate::harness::STRANGER, "/", 403)]
    {
        let reply = gate.ask(from, &get(path));
        assert_eq!(reply.status, status);
        let dates = reply.head.all("date");
        assert!(
            matches!(&dates[..], [date] if date.len() == OWN.len() && date.ends_with(" GMT")),
            "{dates:?}"
        );
    }
}

#[test]
fn answers_carry_no_hop_by_hop_header_and_no_server_header_of_the_gate() {
    let bytes = "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Up-Hop\r\nX-Up-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                 Upgrade: h2c\r\nTrailer: X-T\r\nX-App: yes\r\nContent-Length: 2\r\n\r\nok";
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/named" => Answer::raw("HTTP/1.1 200 OK\r\nServer: app/1\r\nContent-Length: 0\r\n\r\n", Some(200)),
        "/hops" => Answer::raw(bytes, Some(200)),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let reply = gate.ask(ADMITTED, &get("/hops"));
    for gone in ["x-up-hop", "keep-alive", "upgrade", "trailer", "server"] {
        assert!(reply.head.all(gone).is_empty(), "{gone} in {}", reply.head.text());
    }
    assert_eq!(reply.header("x-app").as_deref(), Some("yes"));
    assert_eq!(gate.ask(ADMITTED, &get("/named")).header("server").as_deref(), Some("app/1"));
    let denied = gate.ask(crate::harness::STRANGER, &get("/hops"));
    assert_eq!((denied.status, denied.header("server")), (403, None));
}
