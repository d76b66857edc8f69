//! Who is admitted: by address alone, on every path, however the request is dressed.

use serde_json::Value;

use crate::harness::{ADMITTED, Reply, STRANGER, Setup, Upstream, get, post, request};

pub fn assert_denied(reply: &Reply, event: &Value, reason: &str) {
    assert_eq!(reply.status, 403, "{event}");
    assert_eq!(event["outcome"], "denied", "{event}");
    assert_eq!(event["reason"], reason, "{event}");
    assert_eq!(event["delivered"], false, "{event}");
    assert!(event["list"].is_null() && event["upstream_status"].is_null(), "{event}");
}

#[test]
fn a_stranger_is_denied_however_odd_its_request() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .http1_alone()
        .routes(&[
            "{ path: /hook, webhook: generic, allow: [test] }",
            "{ path: /voice, webhook: voice-answer, allow: [test] }",
        ])
        .start();
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70_000));
    let rows: &[&[u8]] = &[
        b"GET /hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        b"GET /voice HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /unknown/path HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /hook/../hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET //hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /ho\x80ok HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /hook HTTP/1.1\r\n\r\n",
        b"GET /hook HTTP/1.0\r\n\r\n",
        b"GET /hook HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example/hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /hook HTTP/1.1\nHost: a\n\n",
        b"GET /hook HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        b"GET /hook HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 0\r\n\r\n",
        b"TRACE /hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW /hook HTTP/1.1\r\nHost: a\r\n\r\n",
        b"complete nonsense\r\n\r\n",
        long.as_bytes(),
    ];
    assert_eq!(rows.len(), 26);
    for (number, bytes) in rows.iter().enumerate() {
        let mut sender = gate.connect(STRANGER);
        sender.send(bytes);
        let what = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let reply = sender.reply();
        assert!(reply.interim.is_empty(), "{what}: a stranger's body is not asked for");
        let events = gate.events(number + 1);
        assert_eq!(events.len(), number + 1, "{what}: one event");
        assert_eq!(reply.status, 403, "{what}");
        assert_eq!(events[number]["outcome"], "denied", "{what}: {}", events[number]);
        assert_eq!(events[number]["client_ip"], STRANGER, "{what}: {}", events[number]);
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(gate.finish().events.len(), rows.len());
}

#[test]
fn no_header_of_a_stranger_changes_the_verdict() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).without_tls().start();
    let names = [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "X-Original-Forwarded-For",
        "X-Nexmo-Gate-List",
        "Via",
        "Client-IP",
    ];
    let mut rows = 0;
    for name in names {
        for value in [ADMITTED, "127.0.0.2, 127.0.0.2", "for=127.0.0.2", "test", "127.0.0.1"] {
            for copies in [1, 3] {
                let headers = vec![(name, value); copies];
                let reply = gate.ask(STRANGER, &request("POST", "/hook", &headers, b"x"));
                assert_eq!(reply.status, 403, "{name}: {value}, {copies} times");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 12 * 5 * 2);
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), rows);
    assert!(
        events.iter().all(|event| event["client_ip"] == STRANGER && event["peer_ip"] == STRANGER),
        "{:?}",
        events[0]
    );
}

#[test]
fn the_longest_route_wins_and_a_prefix_ends_at_a_segment() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .routes(&[
            r#"{ path: "/a/*", webhook: generic, allow: [test] }"#,
            r#"{ path: "/a/b", webhook: voice-answer, allow: [test] }"#,
            r#"{ path: "/a/b/*", webhook: voice-event, allow: [test] }"#,
            r#"{ path: "/exact", webhook: rtc-event, allow: [test] }"#,
        ])
        .start();
    let rows = [
        ("/a/x", Some("generic")),
        ("/a/", Some("generic")),
        ("/a/bc", Some("generic")),
        ("/a/b", Some("voice-answer")),
        ("/a/b?x=/a/c", Some("voice-answer")),
        ("/a/b/", Some("voice-event")),
        ("/a/b/c/d", Some("voice-event")),
        ("/exact", Some("rtc-event")),
        ("/exact/", None),
        ("/exactly", None),
        ("/a", None),
        ("/ab", None),
        ("/A/x", None),
        ("/", None),
        ("/%61/x", None),
    ];
    assert_eq!(rows.len(), 15);
    for (number, (target, webhook)) in rows.iter().enumerate() {
        let reply = gate.ask(ADMITTED, &get(target));
        let event = gate.events(number + 1)[number].clone();
        match webhook {
            Some(webhook) => {
                assert_eq!((reply.status, &event["webhook"]), (200, &(*webhook).into()), "{target}: {event}");
            }
            None => assert_denied(&reply, &event, "no_route"),
        }
    }
    let forwarded = rows.iter().filter(|row| row.1.is_some()).count();
    assert_eq!(upstream.arrivals().len(), forwarded);
}

#[test]
fn a_route_may_belong_to_one_host() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .routes(&[
            "{ path: /hook, host: voice.example, webhook: voice-event, allow: [test] }",
            "{ path: /hook, webhook: generic, allow: [test] }",
            "{ path: /only, host: voice.example, webhook: rtc-event, allow: [test] }",
        ])
        .start();
    let rows = [
        ("/hook", "voice.example", Some("voice-event")),
        ("/hook", "VOICE.example:8080", Some("voice-event")),
        ("/hook", "other.example", Some("generic")),
        ("/only", "voice.example", Some("rtc-event")),
        ("/only", "other.example", None),
        ("/only", "voice.example.evil", None),
    ];
    for (number, (path, host, webhook)) in rows.iter().enumerate() {
        let reply = gate.ask(ADMITTED, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        let event = gate.events(number + 1)[number].clone();
        match webhook {
            Some(webhook) => {
                assert_eq!(
                    (reply.status, &event["webhook"]),
                    (200, &(*webhook).into()),
                    "{host}{path}: {event}"
                );
            }
            None => assert_denied(&reply, &event, "no_route"),
        }
    }
}

#[test]
fn a_listed_address_is_denied_on_a_route_that_allows_another_list() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .range("other", "127.0.0.4\n")
        .range("unused", "127.0.0.5\n")
        .routes(&[
            r#"{ path: "/t/*", webhook: generic, allow: [test] }"#,
            r#"{ path: "/o/*", webhook: generic, allow: [other] }"#,
            r#"{ path: "/both/*", webhook: generic, allow: [test, other] }"#,
        ])
        .start();
    let rows = [
        (ADMITTED, "/t/1", Some("test")),
        (ADMITTED, "/o/1", None),
        (ADMITTED, "/both/1", Some("test")),
        ("127.0.0.4", "/t/1", None),
        ("127.0.0.4", "/o/1", Some("other")),
        ("127.0.0.4", "/both/1", Some("other")),
        ("127.0.0.5", "/both/1", None),
    ];
    for (number, (from, target, list)) in rows.iter().enumerate() {
        let reply = gate.ask(from, &get(target));
        let event = gate.events(number + 1)[number].clone();
        match list {
            Some(list) => {
                assert_eq!(reply.status, 200, "{from} {target}: {event}");
                assert_eq!(event["list"], *list, "{event}");
                assert!(event["prefix"].as_str().is_some_and(|prefix| prefix.starts_with(from)), "{event}");
            }
            None => assert_denied(&reply, &event, "not_listed"),
        }
    }
}

#[test]
fn the_deny_answer_is_what_the_operator_chose() {
    for (deny, status, retry_after) in [("forbid", 403, None), ("hide", 404, None), ("retry", 503, Some("5"))]
    {
        let upstream = Upstream::echo();
        let gate = Setup::new(upstream.url()).key("deny", deny).start();
        let reply = gate.ask(STRANGER, &post("/hook", deny));
        assert_eq!(reply.status, status, "{deny}");
        assert_eq!(reply.header("retry-after").as_deref(), retry_after, "{deny}");
        assert_eq!(reply.header("server"), None, "{deny}: nothing tells who answers");
        let event = gate.event();
        assert_eq!((&event["outcome"], &event["status"]), (&"denied".into(), &status.into()), "{event}");
        assert_eq!(upstream.connections(), 0);
    }
}

#[test]
fn observe_mode_forwards_what_it_would_deny_and_says_so() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("mode", "observe").start();
    assert_eq!(gate.ask(STRANGER, &post("/stranger", "stranger")).status, 200);
    assert_eq!(gate.ask(ADMITTED, &post("/admitted", "admitted")).status, 200);
    assert_eq!(upstream.arrivals().len(), 2);
    let loud = gate.find_message(0, crate::harness::PATIENCE, |message, line| {
        message.contains("observe") && matches!(line["level"].as_str(), Some("WARN" | "ERROR"))
    });
    assert!(loud.is_some(), "an open gate says so at start");
    let events = gate.finish().events;
    let would_deny =
        |event: &Value| !matches!(event.get("would_deny"), None | Some(Value::Null | Value::Bool(false)));
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event["delivered"], true, "{event}");
        assert_eq!(would_deny(event), event["path"] == "/stranger", "{event}");
    }
}
