//! The sender's connection: keep-alive, pipelining, time-outs, oddities. Each request is logged exactly once.

use std::collections::HashSet;
use std::time::Duration;

use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Latch, PATIENCE, STRANGER, Setup, Upstream, get, post, request};
use crate::logs::access_log::only_event;

#[test]
fn a_connection_serves_request_after_request() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let mut sender = gate.connect(ADMITTED);
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
    let gate = Setup::new(upstream.url()).http1().start();
    for bytes in
        [request("GET", "/", &[("Connection", "close")], b""), b"GET / HTTP/1.0\r\nHost: a\r\n\r\n".to_vec()]
    {
        let mut sender = gate.connect(ADMITTED);
        sender.send(&bytes);
        assert_eq!(sender.reply().status, 200);
        assert!(sender.is_closed_within(PATIENCE), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn two_requests_in_one_write_are_both_answered_in_order() {
    let upstream = Upstream::start(|arrival| echo(arrival).first(Act::Pause(Duration::from_millis(30))));
    let gate = Setup::new(upstream.url()).http1().start();
    let mut sender = gate.connect(ADMITTED);
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
    let mut sender = gate.connect(ADMITTED);
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
    let gate = Setup::new(upstream.url()).http1().start();
    let mut sender = gate.connect(ADMITTED);
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
    let mut sender = gate.connect(ADMITTED);
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
    let mut sender = gate.connect(ADMITTED);
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
fn head_is_answered_without_a_body_and_the_connection_stays_in_step() {
    let upstream = Upstream::start(|arrival| match arrival.method().as_str() {
        "HEAD" => Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-App: yes\r\n\r\n", Some(200)),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut sender = gate.connect(ADMITTED);
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
        .http1()
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
    assert_eq!(gate.finish().events.len(), 12);
    assert_eq!(upstream.arrivals().len(), rows.iter().filter(|row| row.2 == 200).count());
}

#[test]
fn a_denied_request_with_a_body_does_not_desynchronise_its_connection() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stranger = gate.connect(STRANGER);
    stranger.send(&request("POST", "/hook", &[], smuggled));
    assert_eq!(stranger.reply().status, 403);
    // Whether the connection stays or goes, the body is never read as a request of its own.
    drop(stranger);
    let events = gate.finish().events;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(upstream.connections(), 0);
}
