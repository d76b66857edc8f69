//! How the process ends, and what must never stop it.

use std::time::{Duration, Instant};

use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Gate, Latch, PATIENCE, Sender, Setup, Signal, Upstream, get, post};

/// A gate with one request that its upstream holds until the latch opens.
fn with_one_in_flight(upstream_latch: &Latch) -> (Upstream, Gate, Sender) {
    let held = upstream_latch.clone();
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/slow" => echo(arrival).first(Act::Until(held.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut sender = gate.connect(ADMITTED);
    sender.send(&post("/slow", "slow"));
    upstream.wait_arrivals(1);
    (upstream, gate, sender)
}

#[test]
fn term_finishes_what_is_in_flight_closes_what_is_idle_and_exits_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let latch = Latch::default();
        let (upstream, mut gate, mut busy) = with_one_in_flight(&latch);
        let mut idle = gate.connect(ADMITTED);
        idle.send(&post("/quick", "quick"));
        assert_eq!(idle.reply().status, 200);

        gate.signal(signal);
        assert!(idle.is_closed_within(PATIENCE), "{signal}: an idle connection is closed");
        let readiness = std::iter::repeat_with(|| gate.admin("GET", "/readyz").status);
        assert!(readiness.take(1000).any(|status| status == 503), "{signal}: not ready while it drains");
        assert_eq!(gate.admin("GET", "/healthz").status, 200, "{signal}: alive while it drains");
        let connects = std::iter::repeat_with(|| gate.try_connect(ADMITTED).is_ok());
        assert!(connects.take(1000).any(|connected| !connected), "{signal}: the listener is closed");

        latch.release();
        let reply = busy.reply();
        assert_eq!((reply.status, reply.text().as_str()), (200, "/slow"), "{signal}");
        assert!(reply.closes(), "{signal}: the sender is told to come back elsewhere");
        let begin = Instant::now();
        assert_eq!(gate.wait_exit(PATIENCE), Some(0), "{signal}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{signal}: it exits when idle, not at the grace");
        assert_eq!(upstream.arrivals().len(), 2);
        let events = gate.events(2);
        assert!(events.iter().all(|event| event["delivered"] == true), "{signal}: {events:?}");
    }
}

#[test]
fn an_idle_gate_exits_at_once() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let begin = Instant::now();
    assert_eq!(gate.finish().code, Some(0));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_second_signal_stops_now() {
    let latch = Latch::default();
    let (_upstream, mut gate, mut busy) = with_one_in_flight(&latch);
    gate.signal(Signal::SIGTERM);
    let draining =
        std::iter::repeat_with(|| gate.admin("GET", "/readyz").status).take(1000).any(|status| status == 503);
    assert!(draining);
    let begin = Instant::now();
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(busy.try_reply().is_err(), "no answer is made up");
    latch.release();
}

#[test]
fn the_grace_bounds_the_drain() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
    let mut gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 1s }"#])
        .key("drain", "{ grace: 1s }")
        .start();
    let mut busy = gate.connect(ADMITTED);
    busy.send(&post("/slow", "slow"));
    upstream.wait_arrivals(1);
    let begin = Instant::now();
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    latch.release();
}

#[test]
fn hup_keeps_the_process_and_its_connections() {
    let latch = Latch::default();
    let (_upstream, gate, mut busy) = with_one_in_flight(&latch);
    for _ in 0..20 {
        gate.signal(Signal::SIGHUP);
    }
    gate.wait_message(0, |message, _| message.starts_with("reload"));
    latch.release();
    let reply = busy.reply();
    assert_eq!((reply.status, reply.closes()), (200, false));
    busy.send(&get("/again"));
    assert_eq!(busy.reply().text(), "/again");
}

#[test]
fn a_stdout_that_nobody_reads_never_blocks_traffic() {
    let upstream = Upstream::echo();
    let mut gate = Setup::new(upstream.url()).stdout_unread().start();
    let mut session = gate.session(ADMITTED);
    // A pipe holds 64 KiB, a few hundred lines; this is several times what any queue before it might hold.
    let begin = Instant::now();
    for round in 0..5000 {
        assert_eq!(session.ask(&get("/hook")).status, 200, "request {round}");
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    drop(session);
    gate.signal(Signal::SIGTERM);
    assert_eq!(gate.wait_exit(PATIENCE), Some(0), "nor does it block the end");
}
