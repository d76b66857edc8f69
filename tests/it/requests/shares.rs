//! What one address, one client and all strangers may have of the whole, and that none of it is held for what is only
//! announced.

use crate::harness::http2::frames::{REFUSED_STREAM, head};
use crate::harness::http2::raw::Raw;
use crate::harness::proxy_header::v1;
use crate::harness::upstream::script::echo;
use crate::harness::{
    ADMITTED, Act, Gate, Latch, PROXY, STRANGER, Sender, Setup, Upstream, get, post, wait_until,
};

fn behind_proxy(upstream: &Upstream, limits: &str) -> Gate {
    Setup::new(upstream.url()).proxy_protocol().behind_proxy().key("limits", limits).start()
}

/// A connection through the proxy for `source`, and what its first request was told.
fn through_proxy(gate: &Gate, source: &str) -> Option<(Sender, u16)> {
    let mut sender = gate.try_connect(PROXY).ok()?;
    sender.try_send(&[v1(source), get("/hook")].concat()).ok()?;
    let reply = sender.try_reply().ok()?;
    Some((sender, reply.status))
}

#[test]
fn a_source_behind_a_proxy_is_counted_as_any_address() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream, "{ connections: 8, connections_per_stranger: 3 }");
    let held: Vec<_> = (0..3).map(|_| through_proxy(&gate, STRANGER).expect("within its bound")).collect();
    assert!(held.iter().all(|(_, status)| *status == 403));
    assert!(through_proxy(&gate, STRANGER).is_none(), "the fourth from one source");
    let _other = through_proxy(&gate, "127.0.0.4").expect("another source");
    assert!(through_proxy(&gate, "127.0.0.5").is_none(), "strangers hold half of the connections");
    assert!(through_proxy(&gate, ADMITTED).is_some_and(|(_, status)| status == 200));
}

#[test]
fn connections_that_name_no_source_make_room_for_those_that_do() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream, "{ connections: 40, head_timeout: 120s }");
    let silent: Vec<_> = (0..200).filter_map(|_| gate.try_connect(PROXY).ok()).collect();
    // Those that were told to go may take a moment.
    let why = || "silent connections hold every place".to_owned();
    wait_until(|| through_proxy(&gate, ADMITTED).is_some(), why);
    for number in 0..10 {
        assert!(through_proxy(&gate, ADMITTED).is_some_and(|(_, status)| status == 200), "{number}");
    }
    drop(silent);
}

/// The connection is the source's, not the balancer's that passes it through.
#[test]
fn a_stranger_behind_a_proxy_header_has_the_request_limit_of_any_stranger() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream, "{ connections: 40 }");
    let (mut sender, status) = through_proxy(&gate, STRANGER).expect("a connection");
    assert_eq!(status, 403);
    let mut answered = 1;
    while answered < 100 && sender.try_send(&get("/hook")).is_ok() && sender.try_reply().is_ok() {
        answered += 1;
    }
    assert_eq!(answered, 16);
    let (mut admitted, _) = through_proxy(&gate, ADMITTED).expect("a connection");
    for number in 0..30 {
        admitted.send(&get("/hook"));
        assert_eq!(admitted.reply().status, 200, "{number}");
    }
}

#[test]
fn what_is_only_announced_takes_nothing_from_others() {
    let rows = [("{ buffers: 4MiB }", 1_000_000, 8), ("{ concurrent_requests: 8 }", 1, 64)];
    for (limits, length, count) in rows {
        let upstream = Upstream::echo();
        let gate = Setup::new(upstream.url()).key("limits", limits).start();
        let announced = format!("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let mut open: Vec<Sender> = (0..count).map(|_| gate.connect(ADMITTED)).collect();
        for sender in &mut open {
            sender.send(announced.as_bytes());
        }
        // Each head was read when a later connection's request was answered.
        for number in 0..10 {
            assert_eq!(gate.ask("127.0.0.2", &post("/hook", "here")).status, 200, "{limits}: {number}");
        }
        drop(open);
    }
}

#[test]
fn a_stranger_that_observe_lets_pass_holds_an_eighth_and_all_of_them_a_half() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/held" => echo(arrival).first(Act::Until(held.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url())
        .key("mode", "observe")
        .key("limits", "{ concurrent_requests: 16 }")
        .start();
    let mut open = Vec::new();
    let mut occupy = |from: &str, count: usize| {
        for _ in 0..count {
            let mut sender = gate.connect(from);
            sender.send(&get("/held"));
            open.push(sender);
        }
        upstream.wait_arrivals(open.len());
    };
    occupy(STRANGER, 2);
    assert_eq!(gate.ask(STRANGER, &get("/third")).status, 503);
    for other in ["127.0.1.4", "127.0.2.5", "127.0.3.6"] {
        // Two addresses may share a cell, by a secret of the process.
        if gate.ask(other, &get("/free")).status == 200 {
            occupy(other, 2);
        }
    }
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200, "listed senders have the rest");
    assert_eq!(gate.ask("127.0.4.7", &get("/ninth")).status, 503, "strangers have no more than a half");
    latch.release();
    drop(open);
}

#[test]
fn a_burst_of_connections_never_passes_the_bound() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("threads", "1").key("limits", "{ connections: 8 }").start();
    let descriptors = gate.usage().descriptors;
    let open: Vec<_> = (0..400).filter_map(|_| gate.try_connect(ADMITTED).ok()).collect();
    let most = (0..20).map(|_| gate.usage().descriptors).max().unwrap_or_default();
    // A connection that is turned away has a descriptor for a moment.
    assert!(most <= descriptors + 8 + 4, "{most} descriptors, {descriptors} before");
    assert!(gate.metric("connections") <= 8, "{}", gate.metric("connections"));
    drop(open);
    let mut session = gate.session(ADMITTED);
    let why = || "room is made when they are gone".to_owned();
    wait_until(|| session.try_ask(&get("/after")).is_ok(), why);
}

/// A gate whose streams stay open: their bodies never come.
fn of_few_streams(upstream: &Upstream) -> Gate {
    Setup::new(upstream.url())
        .over_h2c()
        .key("mode", "observe")
        // 128 streams together, and as many connections of HTTP/2.
        .key("limits", "{ concurrent_requests: 32, connections: 512 }")
        .start()
}

/// Opens so many on one connection.
fn open_streams(gate: &Gate, from: &str, count: usize) -> Raw {
    let mut raw = Raw::connect(from, gate.addr(), &[]);
    (0..count).for_each(|_| {
        raw.ask(&head("POST", "/held"), false);
    });
    raw
}

/// How many of its streams were refused so far. The answer to a PING may overtake a reset, but not that to the next one.
fn refused(raw: &mut Raw) -> usize {
    assert!(raw.ping() && raw.ping(), "the connection lives");
    let resets: Vec<u32> = raw.streams.values().filter_map(|heard| heard.reset).collect();
    assert!(resets.iter().all(|code| *code == REFUSED_STREAM), "{resets:?}");
    resets.len()
}

#[test]
fn strangers_and_senders_each_open_a_bounded_share_of_all_streams() {
    let upstream = Upstream::echo();
    let gate = of_few_streams(&upstream);
    let mut stranger = open_streams(&gate, STRANGER, 20);
    // Its kernel and the library may still be at it.
    let why = || "a connection of a stranger has four".to_owned();
    wait_until(|| refused(&mut stranger) >= 16, why);
    let (mut first, mut second) = (open_streams(&gate, ADMITTED, 60), open_streams(&gate, ADMITTED, 60));
    // Three quarters of 128 are one client's, on whichever connection they were decided first.
    gate.wait_metric("http2_streams_refused_total", 24);
    assert_eq!(refused(&mut first) + refused(&mut second), 24);
    assert_eq!((refused(&mut stranger), gate.metric("http2_streams_refused_total")), (16, 24));
    drop((first, second));
    // The streams of a connection that is gone end one by one.
    let none_is_refused = || {
        let before = gate.metric("http2_streams_refused_total");
        let mut third = open_streams(&gate, ADMITTED, 96);
        assert!(third.ping() && third.ping());
        gate.metric("http2_streams_refused_total") <= before
    };
    wait_until(none_is_refused, || "they are not given back".to_owned());
}

#[test]
fn connections_of_http2_that_idle_take_no_streams_from_others() {
    let upstream = Upstream::echo();
    let gate = of_few_streams(&upstream);
    let idle: Vec<Raw> = (0..90)
        .map(|number| {
            let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
            let stream = raw.ask(&head("GET", "/hook"), true);
            assert_eq!(raw.hear(stream).status, Some(200), "connection {number}");
            raw
        })
        .collect();
    // All that one client may have, and one more, so that it is known when all were decided.
    let mut other = open_streams(&gate, ADMITTED, 97);
    gate.wait_metric("http2_streams_refused_total", 1);
    assert_eq!(refused(&mut other), 1);
    drop(idle);
}

#[test]
fn one_client_does_not_have_every_connection_of_http2() {
    let upstream = Upstream::echo();
    let gate = of_few_streams(&upstream);
    // A quarter of the connections, and three quarters of these.
    let mut open: Vec<Raw> = (0..97).map(|_| Raw::connect(ADMITTED, gate.addr(), &[])).collect();
    let alive = open.iter_mut().filter_map(|raw| raw.ping().then_some(())).count();
    assert_eq!(alive, 96);
    assert_eq!(gate.metric("connections_over_capacity_total"), 1);
}
