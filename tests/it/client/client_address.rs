//! Whose address counts: the peer, or what a trusted proxy says and nobody else.

use crate::client::admission::assert_denied;
use crate::harness::{ADMITTED, Gate, PROXY, STRANGER, Setup, Upstream, post, request};

/// A gate that trusts [`PROXY`] and admits documentation addresses.
fn behind_proxy(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url())
        .range("test", "127.0.0.2/32\n203.0.113.0/24\n2001:db8:1::/48\n")
        .trusts(&["127.0.0.10/32", "198.51.100.0/24"])
}

/// Header lines, then the client that must come of them, or the reason of the denial.
type Walk = (&'static [&'static str], Result<&'static str, &'static str>);

fn walk(gate: &Gate, rows: &[Walk]) {
    for (number, (lines, want)) in rows.iter().enumerate() {
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("X-Forwarded-For", *line)).collect();
        let reply = gate.ask(PROXY, &request("POST", "/hook", &headers, b"x"));
        let event = gate.events(number + 1)[number].clone();
        assert_eq!(event["peer_ip"], PROXY, "{lines:?}: {event}");
        match want {
            Ok(client) => {
                assert_eq!(reply.status, 200, "{lines:?}: {event}");
                assert_eq!(event["client_ip"], *client, "{lines:?}: {event}");
                assert_eq!(event["list"], "test", "{lines:?}: {event}");
            }
            Err(reason) => assert_denied(&reply, &event, reason),
        }
    }
}

#[test]
fn the_rightmost_untrusted_hop_is_the_client() {
    every_chain_is_walked_from_the_right(|setup| setup);
}

/// On the transport that `over` sets up.
pub fn every_chain_is_walked_from_the_right(over: impl FnOnce(Setup) -> Setup) {
    let upstream = Upstream::echo();
    let gate = over(behind_proxy(&upstream)).start();
    let rows: &[Walk] = &[
        (&["203.0.113.7"], Ok("203.0.113.7")),
        (&["  203.0.113.7\t"], Ok("203.0.113.7")),
        (&["192.0.2.1, 203.0.113.7"], Ok("203.0.113.7")),
        (&["203.0.113.7, 192.0.2.1"], Err("not_listed")),
        (&["203.0.113.7, 198.51.100.9, 127.0.0.10"], Ok("203.0.113.7")),
        (&["203.0.113.7", "198.51.100.9"], Ok("203.0.113.7")),
        (&["203.0.113.7", "192.0.2.1"], Err("not_listed")),
        (&["192.0.2.1", "203.0.113.7"], Ok("203.0.113.7")),
        (&["203.0.113.7:4711"], Ok("203.0.113.7")),
        (&["2001:db8:1::7"], Ok("2001:db8:1::7")),
        (&["[2001:db8:1::7]"], Ok("2001:db8:1::7")),
        (&["[2001:db8:1::7]:443"], Ok("2001:db8:1::7")),
        (&["2001:db8:2::7"], Err("not_listed")),
        (&["::ffff:203.0.113.7"], Ok("203.0.113.7")),
        (&["nonsense, 203.0.113.7"], Ok("203.0.113.7")),
        (&["203.0.113.7, nonsense"], Err("bad_chain")),
        (&["203.0.113.7, unknown"], Err("bad_chain")),
        (&["203.0.113.7, 203.0.113"], Err("bad_chain")),
        (&["203.0.113.7, 0203.0.113.7"], Err("bad_chain")),
        (&["203.0.113.7/24"], Err("bad_chain")),
        (&["fe80::1%eth0"], Err("bad_chain")),
        (&["203.0.113.7, nonsense, 198.51.100.9"], Err("bad_chain")),
        (&["192.0.2.1, 203.0.113.7,, 198.51.100.9"], Ok("203.0.113.7")),
        (&["203.0.113.7,", "", " , 198.51.100.9,"], Ok("203.0.113.7")),
        (&[",", ""], Err("no_client")),
        (&[], Err("no_client")),
        (&["198.51.100.9"], Err("no_client")),
        (&["127.0.0.10, 198.51.100.9"], Err("no_client")),
    ];
    assert_eq!(rows.len(), 28);
    walk(&gate, rows);
    assert_eq!(gate.finish().events.len(), rows.len());
}

#[test]
fn the_upstream_sees_the_chain_as_the_gate_believes_it() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).start();
    let headers = [
        ("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 198.51.100.9"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Request-Id", "from+the/proxy=1"),
    ];
    assert_eq!(gate.ask(PROXY, &request("POST", "/hook", &headers, b"x")).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    assert_eq!(head.one("x-real-ip").as_deref(), Some("203.0.113.7"));
    let chain = head.one("x-forwarded-for").expect("X-Forwarded-For");
    assert!(chain.starts_with("203.0.113.7"), "what stands left of the client is nobody's word: {chain}");
    assert_eq!(head.one("x-request-id").as_deref(), Some("from+the/proxy=1"), "a trusted proxy's id is kept");
    assert_eq!(gate.event()["request_id"], "from+the/proxy=1");
}

#[test]
fn a_forwarding_header_from_a_listed_but_untrusted_peer_is_ignored() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).start();
    let reply = gate.ask(ADMITTED, &request("POST", "/hook", &[("X-Forwarded-For", "192.0.2.1")], b"x"));
    assert_eq!(reply.status, 200);
    assert_eq!(gate.event()["client_ip"], ADMITTED);
}

#[test]
fn an_ipv4_sender_on_an_ipv6_listener_is_its_ipv4_self() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("listen", r#"[{ address: "[::]:0" }]"#).start();
    let to = format!("127.0.0.1:{}", gate.addr().port()).parse().expect("an address");
    for (from, status) in [(ADMITTED, 200), (STRANGER, 403)] {
        let reply = gate.settled(|| crate::harness::sender::ask(from, to, &post("/hook", from)));
        assert_eq!(reply.status, status, "{from}");
    }
    for (event, from) in gate.finish().events.iter().zip([ADMITTED, STRANGER]) {
        assert_eq!((&event["client_ip"], &event["peer_ip"]), (&from.into(), &from.into()), "{event}");
    }
    let head = upstream.arrivals()[0].head.clone();
    assert_eq!(head.one("x-real-ip").as_deref(), Some(ADMITTED));
}
