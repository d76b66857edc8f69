//! What the gate answers by itself on its listeners, over HTTP/2: probes and ACME challenges. And the metrics address,
//! which speaks HTTP/1 alone and counts what came over either.

use std::net::SocketAddr;

use crate::harness::sender::ask;
use crate::harness::{
    ADMITTED, PATIENCE, PROXY, STRANGER, Sender, Setup, Signal, Upstream, get, post, request,
};

const HEALTH: &str = "/-/healthy";
const CHALLENGE: &str = "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";

const WAYS: [fn(Setup) -> Setup; 2] = [Setup::over_h2c, Setup::over_http2];

fn probed(upstream: &Upstream, over: fn(Setup) -> Setup) -> Setup {
    over(Setup::new(upstream.url()))
        .key("health_path", HEALTH)
        .behind_proxy()
        .routes(&["{ path: /hook, webhook: generic, allow: [test] }"])
}

#[test]
fn probes_are_answered_to_who_asks_for_itself_and_are_not_logged() {
    for over in WAYS {
        let upstream = Upstream::echo();
        let gate = probed(&upstream, over).start();
        let mut probe = gate.connect(PROXY);
        probe.send(&get(HEALTH));
        assert_eq!(probe.reply().status, 200);
        probe.send(&request("HEAD", HEALTH, &[], b""));
        assert_eq!(probe.reply_to_head().status, 200);
        let passed_on = [("X-Forwarded-For", "192.0.2.1")];
        for other in [request("GET", HEALTH, &passed_on, b""), post(HEALTH, "x"), get("/-/healthyx")] {
            probe.send(&other);
            assert_eq!(probe.reply().status, 403, "{}", String::from_utf8_lossy(&other));
        }
        assert_eq!(gate.metric("health_probes_total"), 2);
        assert!(upstream.arrivals().is_empty());
        assert_eq!(gate.finish().events.len(), 3);
    }
}

#[test]
fn a_draining_gate_tells_probes_over_http2_not_to_send_more() {
    for over in WAYS {
        let upstream = Upstream::echo();
        let mut gate = probed(&upstream, over).key("drain", "{ delay: 20s, grace: 15s }").start();
        let mut probe = gate.connect(PROXY);
        probe.send(&get(HEALTH));
        assert_eq!(probe.reply().status, 200);
        gate.signal(Signal::SIGTERM);
        gate.wait_message(0, |message, _| message == "draining");
        probe.send(&get(HEALTH));
        assert_eq!(probe.reply().status, 503, "the connection that was there");
        assert_eq!(gate.ask(PROXY, &get(HEALTH)).status, 503, "a new one");
        gate.signal(Signal::SIGQUIT);
        assert_eq!(gate.wait_exit(PATIENCE), Some(0));
    }
}

#[test]
fn anybody_is_shown_a_challenge_over_http2_and_nothing_else() {
    for over in WAYS {
        let upstream = Upstream::echo();
        let setup = over(Setup::new(upstream.url())).listen_key("acme_challenges", "acme");
        setup.dir.write(&format!("acme/{}", CHALLENGE.rsplit('/').next().expect("a token")), "the proof");
        let gate = setup.start();
        let mut stranger = gate.connect(STRANGER);
        stranger.send(&get(CHALLENGE));
        let reply = stranger.reply();
        assert_eq!((reply.status, reply.text().as_str()), (200, "the proof"));
        stranger.send(&request("HEAD", CHALLENGE, &[], b""));
        let head = stranger.reply_to_head();
        assert_eq!((head.status, head.header("content-length").as_deref()), (200, Some("9")));
        let refused = [
            post(CHALLENGE, "x"),
            get(&format!("{CHALLENGE}?x=1")),
            get(&format!("{CHALLENGE}x")),
            get("/.well-known/acme-challenge/../secret"),
            get("/hook"),
        ];
        for bytes in &refused {
            stranger.send(bytes);
            assert_eq!(stranger.reply().status, 403, "{}", String::from_utf8_lossy(bytes));
        }
        assert!(upstream.arrivals().is_empty());
        let events = gate.finish().events;
        assert_eq!(events.len(), 2 + refused.len());
        let count = |reason: &str| events.iter().filter(|event| event["reason"] == reason).count();
        assert_eq!((count("acme"), count("not_listed")), (2, refused.len()), "{events:?}");
        assert!(events.iter().all(|event| event["http"] == "2" && event["delivered"] == false), "{events:?}");
    }
}

#[test]
fn the_metrics_address_speaks_http1_alone_and_counts_what_came_over_http2() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().key("metrics", r#"{ address: "127.0.0.1:0" }"#).start();
    let ready = gate.wait_message(0, |message, _| message == "ready");
    let metrics: SocketAddr = ready["metrics"].as_str().expect("an address").parse().expect("an address");
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
    // Lines of the log come after what they count.
    gate.events(2);
    let mut client = Sender::connect(STRANGER, metrics);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(client.rest().iter().take(9).eq(b"HTTP/1.1 "), "answered in HTTP/1 and closed");
    let page = ask(STRANGER, metrics, &request("GET", "/metrics", &[("Connection", "close")], b"")).text();
    for reason in ["success", "not_listed"] {
        let counted = page.lines().any(|line| {
            line.starts_with("nexmo_gate_requests_total{")
                && line.contains(&format!("reason=\"{reason}\""))
                && line.ends_with(" 1")
        });
        assert!(counted, "{reason} in\n{page}");
    }
}
