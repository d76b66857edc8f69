//! Probes: `health_path` on the listeners, and the metrics address for other machines.

use std::net::SocketAddr;

use crate::harness::sender::ask;
use crate::harness::upstream::script::echo;
use crate::harness::{
    ADMITTED, Act, Latch, PATIENCE, PROXY, STRANGER, Setup, Signal, Upstream, get, post, request,
};

const PATH: &str = "/-/healthy";

fn probed(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url())
        .key("health_path", PATH)
        .behind_proxy()
        .routes(&["{ path: /hook, webhook: generic, allow: [test] }"])
}

#[test]
fn a_probe_is_answered_to_trusted_proxies_and_this_machine_and_is_not_logged() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).start();
    for from in [PROXY, "127.0.0.1", STRANGER] {
        // Every 127.x is this machine; strangers from elsewhere are the unit tests' (judge/served/probe.rs).
        assert_eq!(gate.ask(from, &get(PATH)).status, 200, "{from}");
    }
    let head = request("HEAD", PATH, &[], b"");
    let mut session = gate.connect(PROXY);
    session.send(&head);
    assert_eq!(session.reply_to_head().status, 200);
    // The connection serves on.
    session.send(&get(PATH));
    assert_eq!(session.reply().status, 200);
    gate.wait_metric("health_probes_total", 5);
    assert_eq!(gate.finish().events.len(), 0);
    assert!(upstream.arrivals().is_empty());
}

/// HAProxy's `option httpchk` and others speak HTTP/1.0 and name no host.
#[test]
fn a_probe_needs_no_host_and_other_requests_do() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).http1().start();
    for version in ["1.0", "1.1"] {
        let without_host = |path: &str| format!("GET {path} HTTP/{version}\r\n\r\n").into_bytes();
        assert_eq!(gate.ask(PROXY, &without_host(PATH)).status, 200, "{version}");
        assert_eq!(gate.ask(PROXY, &without_host("/hook")).status, 400, "{version}");
    }
    assert_eq!(gate.finish().events.len(), 2);
    assert!(upstream.arrivals().is_empty());
}

#[test]
fn who_may_probe_and_is_not_listed_is_counted_as_any_stranger() {
    let upstream = Upstream::echo();
    let gate =
        probed(&upstream).key("limits", "{ connections: 8, connections_per_stranger: 3 }").http1().start();
    let probe = || {
        let mut sender = gate.try_connect(STRANGER).ok()?;
        sender.try_send(&get(PATH)).ok()?;
        sender.try_reply().ok().map(|reply| (sender, reply.status))
    };
    let held: Vec<_> = (0..3).map(|_| probe().expect("within its bound")).collect();
    assert!(held.iter().all(|(_, status)| *status == 200));
    assert!(probe().is_none(), "the fourth");
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
}

#[test]
fn a_request_that_a_proxy_passes_on_is_no_probe() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).start();
    for line in [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", ""), ("Forwarded", "for=192.0.2.1")] {
        let reply = gate.ask(PROXY, &request("GET", PATH, &[line], b""));
        assert_eq!(reply.status, 403, "{line:?}");
    }
    assert_eq!(gate.ask(PROXY, &post(PATH, "x")).status, 403, "a POST is no probe");
    assert_eq!(gate.ask(PROXY, &get("/-/healthy/")).status, 403, "the path is exact");
    assert_eq!(gate.ask(PROXY, &get("/-/healthyx")).status, 403, "the path is exact");
    assert_eq!(gate.finish().events.len(), 6);
}

#[test]
fn a_stranger_behind_a_proxy_header_is_denied_and_the_balancer_is_answered() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).proxy_protocol().start();
    let through = |header: &str| {
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(&get(PATH));
        gate.session(PROXY).ask(&bytes).status
    };
    assert_eq!(through("PROXY TCP4 192.0.2.1 192.0.2.9 4711 80\r\n"), 403);
    assert_eq!(through("PROXY TCP4 127.0.0.2 192.0.2.9 4711 80\r\n"), 403, "admitted, but not for this path");
    assert_eq!(through("PROXY UNKNOWN\r\n"), 200);
    // HAProxy's checks in version 1 name HAProxy.
    assert_eq!(through(&format!("PROXY TCP4 {PROXY} 127.0.0.1 4711 80\r\n")), 200);
    assert_eq!(gate.finish().events.len(), 2);
}

#[test]
fn observing_does_not_send_probes_to_the_application() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).key("mode", "observe").start();
    assert_eq!(gate.ask(PROXY, &get(PATH)).status, 200);
    assert!(upstream.arrivals().is_empty());
    assert_eq!(gate.ask(PROXY, &get("/other")).status, 200);
    assert_eq!(upstream.arrivals().len(), 1);
    gate.finish();
}

#[test]
fn without_the_key_there_is_no_such_path() {
    let upstream = Upstream::echo();
    let gate =
        Setup::new(upstream.url()).routes(&["{ path: /hook, webhook: generic, allow: [test] }"]).start();
    assert_eq!(gate.ask(STRANGER, &get(PATH)).status, 403);
    assert_eq!(gate.finish().events.len(), 1);
}

#[test]
fn a_draining_gate_tells_its_probes_not_to_send_more() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
    let mut gate = probed(&upstream).key("drain", "{ delay: 20s, grace: 15s }").start();
    let mut busy = gate.connect(ADMITTED);
    busy.send(&post("/hook", "held"));
    upstream.wait_arrivals(1);
    gate.signal(Signal::SIGTERM);
    gate.wait_message(0, |message, _| message == "draining");
    assert_eq!(gate.ask(PROXY, &get(PATH)).status, 503);
    latch.release();
    assert_eq!(busy.reply().status, 200);
    gate.signal(Signal::SIGQUIT);
    assert_eq!(gate.wait_exit(PATIENCE), Some(0));
}

#[test]
fn the_metrics_address_answers_probes_and_scrapers_and_nothing_else() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).key("metrics", r#"{ address: "127.0.0.1:0" }"#).start();
    let ready = gate.wait_message(0, |message, _| message == "ready");
    let metrics: SocketAddr = ready["metrics"].as_str().unwrap().parse().unwrap();
    let asked = |method: &str, path: &str| {
        ask(STRANGER, metrics, &request(method, path, &[("Connection", "close")], b""))
    };
    assert_eq!(asked("GET", "/healthz").status, 200);
    assert_eq!(asked("GET", "/readyz").status, 200);
    let text = asked("GET", "/metrics").text();
    assert!(text.contains("nexmo_gate_generation 1\n"), "{text}");
    for (method, path) in [
        ("GET", "/status"),
        ("POST", "/reload"),
        ("GET", "/explain?ip=127.0.0.2"),
        ("GET", "/"),
        ("GET", PATH),
    ] {
        assert_eq!(asked(method, path).status, 404, "{method} {path}");
    }
    assert_eq!(asked("POST", "/metrics").status, 405);
    gate.finish();
}

#[test]
fn a_prober_that_is_not_listed_hears_of_nothing_but_its_probe() {
    let upstream = Upstream::echo();
    let gate = probed(&upstream).http1_alone().start();
    for odd in ["GET /hook HTTP/1.1\r\n\r\n", "TRACE /hook HTTP/1.1\r\nHost: a\r\n\r\n", "GARBAGE\r\n\r\n"] {
        assert_eq!(gate.ask(STRANGER, odd.as_bytes()).status, 403, "{odd:?}");
    }
    assert_eq!(gate.ask(STRANGER, &get(PATH)).status, 200);
    let events = gate.finish().events;
    assert!(events.len() == 3 && events.iter().all(|event| event["reason"] == "not_listed"), "{events:?}");
}
