//! Senders that are slow or break off: every wait has its bound, every request its one event.

use std::time::{Duration, Instant};

use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Answer, Gate, PATIENCE, Setup, Upstream, post};
use crate::logs::access_log::only_event;

#[test]
fn a_head_that_drips_is_closed_at_its_deadline_with_408() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().key("limits", "{ head_timeout: 500ms }").start();
    let begin = Instant::now();
    let mut sender = gate.connect(ADMITTED);
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
    let mut sender = gate.connect(ADMITTED);
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
    let mut silent = gate.connect(ADMITTED);
    assert!(silent.is_closed_within(PATIENCE));
    drop(gate.connect(ADMITTED));
    assert_eq!(gate.ask(ADMITTED, &post("/one", "one")).status, 200);
    only_event(gate, "delivered", "success");
}

#[test]
fn a_body_that_never_comes_is_503_undelivered_and_close() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ body_timeout: 400ms }").start();
    let mut sender = gate.connect(ADMITTED);
    sender.send(b"POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    let reply = sender.reply();
    assert_eq!(reply.status, 503);
    // Over HTTP/2 it is the stream that ends.
    if gate.setup.version() == "1.1" {
        assert!(reply.closes());
        assert!(sender.is_closed_within(PATIENCE));
    }
    assert_eq!(upstream.connections(), 0);
    only_event(gate, "undelivered", "body_timeout");
}

#[test]
fn a_body_that_drips_meets_the_total_deadline() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ body_timeout: 400ms }").start();
    let mut sender = gate.connect(ADMITTED);
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
        let gate = Setup::new(upstream.url()).http1().start();
        let mut sender = gate.connect(ADMITTED);
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
    let mut sender = gate.connect(ADMITTED);
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

/// A gate whose upstream answers with more than the kernel takes for a sender that does not read.
fn large_answer() -> (Upstream, Gate) {
    let body = vec![b'x'; 12 * 1024 * 1024];
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/large" => Answer::body(200, "application/octet-stream", &body),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url())
        .key("limits", "{ max_response: 16MiB, buffers: 64MiB }")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 2s }"#])
        .start();
    (upstream, gate)
}

#[test]
fn an_answer_that_was_not_written_whole_is_never_logged_as_delivered() {
    let (upstream, gate) = large_answer();
    let mut sender = gate.connect_narrow(ADMITTED);
    sender.send(&post("/large", "large"));
    // The first byte of the answer proves that the exchange is over and the writing has begun.
    assert!(!sender.is_closed_within(PATIENCE), "an answer begins");
    assert!(sender.left_over().starts_with(b"HTTP/1.1 200"));
    sender.reset();
    let events = gate.events(1);
    assert_eq!(upstream.arrivals()[0].said, Some(200), "the application did its part");
    assert_eq!(events[0]["upstream_status"], 200, "{}", events[0]);
    only_event(gate, "abandoned", "sender_gone");
}

#[test]
fn a_sender_that_never_reads_its_answer_is_not_waited_for_for_ever() {
    let (_upstream, gate) = large_answer();
    let mut sender = gate.connect_narrow(ADMITTED);
    sender.send(&post("/large", "large"));
    let event = &gate.events(1)[0];
    assert_eq!((&event["outcome"], &event["delivered"]), (&"abandoned".into(), &false.into()), "{event}");
    assert_eq!(gate.ask(ADMITTED, &post("/next", "next")).status, 200, "others are served");
}
