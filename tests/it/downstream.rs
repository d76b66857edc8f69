//! The sender's connection: keep-alive, pipelining, time-outs, oddities. Each request is logged exactly once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::upstream::echo;
use crate::harness::{
    ADMITTED, Act, Answer, Gate, Latch, PATIENCE, STRANGER, Sender, Setup, Upstream, get, post, request,
};

/// Asserts that the gate logged exactly one event, with this outcome and reason, and gives it.
fn only_event(gate: Gate, outcome: &str, reason: &str) -> Value {
    let mut events = gate.finish().events;
    assert_eq!(events.len(), 1, "logged exactly once: {events:?}");
    let event = events.remove(0);
    assert_eq!((&event["outcome"], &event["reason"]), (&outcome.into(), &reason.into()), "{event}");
    event
}

#[test]
fn a_connection_serves_request_after_request() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    for round in 0..50 {
        let target = format!("/round/{round}");
        sender.send(&post(&target, &target));
        let reply = sender.reply();
        assert_eq!((reply.status, reply.text()), (200, target));
        assert!(!reply.closes(), "round {round}");
    }
    drop(sender);
    let events = gate.finish().events;
    let ids: HashSet<&str> =
        events.iter().map(|event| event["request_id"].as_str().expect("request_id")).collect();
    assert_eq!((events.len(), ids.len()), (50, 50), "one event and one id a request");
}

#[test]
fn connection_close_is_honoured() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    for bytes in
        [request("GET", "/", &[("Connection", "close")], b""), b"GET / HTTP/1.0\r\nHost: a\r\n\r\n".to_vec()]
    {
        let mut sender = Sender::connect(ADMITTED, gate.addr());
        sender.send(&bytes);
        assert_eq!(sender.reply().status, 200);
        assert!(sender.is_closed_within(PATIENCE), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn two_requests_in_one_write_are_both_answered_in_order() {
    let upstream = Upstream::start(|arrival| echo(arrival).first(Act::Pause(Duration::from_millis(30))));
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&[post("/first", "first"), get("/second"), post("/third", "third")].concat());
    for target in ["/first", "/second", "/third"] {
        let reply = sender.reply();
        assert_eq!((reply.status, reply.text().as_str()), (200, target));
    }
    let events = gate.finish().events;
    let paths: Vec<&str> = events.iter().map(|event| event["path"].as_str().expect("path")).collect();
    assert_eq!(paths, ["/first", "/second", "/third"]);
}

#[test]
fn a_request_that_comes_while_the_first_waits_is_answered_after_it() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/slow" => echo(arrival).first(Act::Until(held.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/slow", "slow"));
    upstream.wait_arrivals(1);
    sender.send(&post("/next", "next"));
    latch.release();
    assert_eq!(sender.reply().text(), "/slow");
    assert_eq!(sender.reply().text(), "/next");
}

#[test]
fn a_half_closed_sender_still_hears_its_answer() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/half", "half"));
    sender.half_close();
    upstream.wait_arrivals(1);
    latch.release();
    assert_eq!(sender.reply().text(), "/half");
    only_event(gate, "delivered", "success");
}

#[test]
fn a_sender_that_is_gone_before_its_answer_is_logged_abandoned() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/gone", "gone"));
    upstream.wait_arrivals(1);
    sender.reset();
    latch.release();
    gate.events(1);
    let event = only_event(gate, "abandoned", "sender_gone");
    assert_eq!(event["delivered"], false, "{event}");
    assert_eq!(event["upstream_status"], 200, "the exchange still ran to its end: {event}");
}

#[test]
fn expect_100_continue_is_answered_before_the_body_and_not_forwarded() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(b"POST /exp HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(sender.interim(), 100);
    sender.send(b"hello");
    assert_eq!(sender.reply().status, 200);
    let arrival = &upstream.arrivals()[0];
    assert_eq!(arrival.body, b"hello");
    assert!(arrival.head.all("expect").is_empty(), "the body is sent at once, so nothing is expected");
}

#[test]
fn an_unknown_expectation_is_417() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let reply =
        gate.ask(ADMITTED, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(reply.status, 417);
    assert_eq!(upstream.connections(), 0);
    only_event(gate, "rejected", "bad_expectation");
}

#[test]
fn a_head_that_drips_is_closed_at_its_deadline_with_408() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ head_timeout: 500ms }").start();
    let begin = Instant::now();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.drip("GET /a HTTP/1.1\r\nHost: a\r\nX-Long: ".repeat(50).as_bytes(), Duration::from_millis(20));
    let reply = sender.reply();
    assert_eq!(reply.status, 408);
    assert!(sender.is_closed_within(PATIENCE));
    let took = begin.elapsed();
    assert!((Duration::from_millis(450)..Duration::from_secs(5)).contains(&took), "500 ms in all: {took:?}");
    only_event(gate, "rejected", "head_timeout");
}

#[test]
fn an_idle_connection_is_closed_at_keepalive_and_logs_nothing_more() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ keepalive: 400ms }").start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/only", "only"));
    assert_eq!(sender.reply().status, 200);
    let idle = Instant::now();
    assert!(sender.is_closed_within(PATIENCE), "closed when idle");
    assert!(sender.left_over().is_empty(), "closed without a word");
    let took = idle.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&took), "400 ms: {took:?}");
    only_event(gate, "delivered", "success");
}

#[test]
fn a_connection_that_never_says_anything_is_closed_and_is_no_request() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ head_timeout: 300ms, keepalive: 300ms }").start();
    let mut silent = Sender::connect(ADMITTED, gate.addr());
    assert!(silent.is_closed_within(PATIENCE));
    drop(Sender::connect(ADMITTED, gate.addr()));
    assert_eq!(gate.ask(ADMITTED, &post("/one", "one")).status, 200);
    only_event(gate, "delivered", "success");
}

#[test]
fn a_body_that_never_comes_is_503_undelivered_and_close() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ body_timeout: 400ms }").start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(b"POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    let reply = sender.reply();
    assert_eq!((reply.status, reply.closes()), (503, true));
    assert!(sender.is_closed_within(PATIENCE));
    assert_eq!(upstream.connections(), 0);
    only_event(gate, "undelivered", "body_timeout");
}

#[test]
fn a_body_that_drips_meets_the_total_deadline() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ body_timeout: 400ms }").start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(b"POST /drip HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    sender.drip(&[b'x'; 1000], Duration::from_millis(20));
    assert_eq!(sender.reply().status, 503);
    assert_eq!(upstream.connections(), 0);
    only_event(gate, "undelivered", "body_timeout");
}

#[test]
fn a_body_that_breaks_off_is_undelivered_and_not_forwarded() {
    for bytes in [
        &b"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"[..],
        b"POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let upstream = Upstream::echo();
        let gate = Setup::new(upstream.url()).start();
        let mut sender = Sender::connect(ADMITTED, gate.addr());
        sender.send(bytes);
        sender.half_close();
        assert_eq!(sender.reply().status, 503);
        assert!(sender.is_closed_within(PATIENCE));
        assert_eq!(upstream.connections(), 0);
        only_event(gate, "undelivered", "body_incomplete");
    }
}

#[test]
fn a_reset_in_the_middle_of_a_body_is_logged_and_not_forwarded() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(b"POST /rst HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n");
    // The 100 proves that the gate has the head and waits for the body.
    assert_eq!(sender.interim(), 100);
    sender.send(b"half");
    sender.reset();
    let events = gate.events(1);
    assert_eq!(events[0]["delivered"], false, "{}", events[0]);
    assert!(matches!(events[0]["outcome"].as_str(), Some("undelivered" | "abandoned")), "{}", events[0]);
    assert_eq!(upstream.connections(), 0);
    assert_eq!(gate.finish().events.len(), 1);
}

#[test]
fn head_is_answered_without_a_body_and_the_connection_stays_in_step() {
    let upstream = Upstream::start(|arrival| match arrival.method().as_str() {
        "HEAD" => Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-App: yes\r\n\r\n", Some(200)),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    for round in 0..3 {
        sender.send(&request("HEAD", "/head", &[], b""));
        let reply = sender.reply_to_head();
        assert_eq!((reply.status, reply.header("x-app").as_deref()), (200, Some("yes")), "round {round}");
        sender.send(&get("/after-head"));
        assert_eq!(sender.reply().text(), "/after-head", "round {round}");
    }
    assert_eq!(upstream.arrivals().len(), 6);
    assert!(gate.finish().events.iter().all(|event| event["delivered"] == true));
}

#[test]
fn methods_that_a_webhook_does_not_use_are_405_with_allow() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .routes(&[
            r#"{ path: "/any/*", webhook: generic, allow: [test] }"#,
            "{ path: /answer, webhook: voice-answer, allow: [test] }",
            "{ path: /verify, webhook: verify, allow: [test] }",
        ])
        .start();
    let rows = [
        ("TRACE", "/any/x", 405),
        ("CONNECT", "/any/x", 405),
        ("PUT", "/any/x", 200),
        ("DELETE", "/any/x", 200),
        ("OPTIONS", "/any/x", 200),
        ("GET", "/answer", 200),
        ("POST", "/answer", 200),
        ("PUT", "/answer", 405),
        ("TRACE", "/answer", 405),
        ("POST", "/verify", 200),
        ("GET", "/verify", 405),
        ("get", "/answer", 405),
    ];
    for (number, (method, target, status)) in rows.into_iter().enumerate() {
        let reply = gate.ask(ADMITTED, &request(method, target, &[], b""));
        let event = gate.events(number + 1)[number].clone();
        assert_eq!(reply.status, status, "{method} {target}: {event}");
        let (outcome, reason) =
            if status == 405 { ("rejected", "bad_method") } else { ("delivered", "success") };
        assert_eq!((&event["outcome"], &event["reason"]), (&outcome.into(), &reason.into()), "{event}");
        if status == 405 {
            let allow = reply.header("allow").expect("RFC 9110 wants Allow with a 405");
            assert!(allow.contains("POST") && !allow.contains("TRACE"), "{allow}");
        }
    }
    assert_eq!(
        gate.ask(ADMITTED, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").status,
        405,
        "authority form"
    );
    assert_eq!(gate.finish().events.len(), 13);
    assert_eq!(upstream.arrivals().len(), rows.iter().filter(|row| row.2 == 200).count());
}

#[test]
fn a_denied_request_with_a_body_does_not_desynchronise_its_connection() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stranger = Sender::connect(STRANGER, gate.addr());
    stranger.send(&request("POST", "/hook", &[], smuggled));
    assert_eq!(stranger.reply().status, 403);
    // Whether the connection stays or goes, the body is never read as a request of its own.
    drop(stranger);
    let events = gate.finish().events;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn whatever_a_path_holds_one_request_is_one_parsable_log_line() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let paths: [&[u8]; 10] = [
        br#"/quote"and\backslash"#,
        br#"/"},{"outcome":"delivered"#,
        b"/escape\x1b[31mred",
        b"/tab\there",
        b"/cr\rhere",
        b"/nul\0here",
        b"/latin1-\xe9\xff",
        b"/cut-utf8-\xe2\x82",
        "/ls-ps-\u{2028}\u{2029}".as_bytes(),
        b"/del\x7f",
    ];
    for (number, path) in paths.iter().enumerate() {
        for (from, place) in [(ADMITTED, 0), (STRANGER, 1)] {
            let bytes = [b"GET ", *path, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            let status = gate.ask(from, &bytes).status;
            assert!(matches!(status, 400 | 403), "{:?}: {status}", String::from_utf8_lossy(path));
            assert_eq!((status == 403), place == 1, "{:?}", String::from_utf8_lossy(path));
            // `events` parses every line; a line too many or too few would shift the count.
            let events = gate.events(2 * number + place + 1);
            assert_eq!(events.len(), 2 * number + place + 1);
            assert_ne!(events.last().expect("an event")["outcome"], "delivered");
        }
    }
    let events = gate.finish().events;
    assert_eq!(events.len(), 2 * paths.len());
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn every_event_has_every_key() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    gate.ask(ADMITTED, &post("/ok", "ok"));
    gate.ask(STRANGER, &post("/no", "no"));
    gate.ask(ADMITTED, b"nonsense\r\n\r\n");
    let keys = [
        "ts",
        "request_id",
        "outcome",
        "reason",
        "client_ip",
        "peer_ip",
        "list",
        "prefix",
        "route",
        "webhook",
        "method",
        "path",
        "status",
        "upstream_status",
        "delivered",
        "attempts",
        "bytes_in",
        "bytes_out",
        "duration_ms",
        "upstream_ms",
        "generation",
        "tls",
        "http",
    ];
    let events = gate.finish().events;
    assert_eq!(events.len(), 3);
    for event in events {
        let object = event.as_object().expect("an object");
        for key in keys {
            assert!(object.contains_key(key), "{key} in {event}");
        }
        assert!(event["delivered"].is_boolean(), "{event}");
    }
}
