//! Listeners whose connections begin with a PROXY header: who may send one, and what it changes.

use serde_json::Value;

use crate::harness::proxy_header::{V2_LOCAL, v1, v2};
use crate::harness::{ADMITTED, Gate, PROXY, STRANGER, Setup, Upstream, get};

fn behind_proxy(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).proxy_protocol().behind_proxy().key("limits", "{ head_timeout: 400ms }")
}

/// The status that came, or `None` when the gate closed without a byte.
fn status(gate: &Gate, from: &str, bytes: &[u8]) -> Option<u16> {
    let mut sender = gate.connect_unless_reset(from)?;
    // The gate may have closed before everything was written.
    let _ = sender.try_send(bytes);
    match sender.try_reply() {
        Ok(reply) => Some(reply.status),
        Err(cut) => {
            assert!(cut.got.is_empty(), "{:?}", String::from_utf8_lossy(&cut.got));
            None
        }
    }
}

#[test]
fn the_source_that_a_trusted_proxy_names_is_the_client() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).start();
    let rows = [
        (PROXY, v1(ADMITTED), Some(200)),
        (PROXY, v2(ADMITTED), Some(200)),
        (PROXY, v1(STRANGER), Some(403)),
        (PROXY, v2(STRANGER), Some(403)),
        // A trusted proxy is never itself the client, and nobody is named here.
        (PROXY, v1(PROXY), Some(403)),
        (PROXY, b"PROXY UNKNOWN\r\n".to_vec(), Some(403)),
        (PROXY, V2_LOCAL.to_vec(), Some(403)),
        // Only a trusted proxy may speak it, whoever it names; an admitted sender too.
        (STRANGER, v1(ADMITTED), None),
        (ADMITTED, v1(ADMITTED), None),
        (ADMITTED, v2(ADMITTED), None),
        // And it must.
        (PROXY, Vec::new(), None),
        (PROXY, b"PROXY TCP4 127.0.0.02 127.0.0.1 1 2\r\n".to_vec(), None),
    ];
    for (number, (from, header, wanted)) in rows.iter().enumerate() {
        let bytes = [header.as_slice(), &get("/hook")].concat();
        assert_eq!(status(&gate, from, &bytes), *wanted, "row {number}: {from}");
    }
    assert_eq!(upstream.arrivals().len(), 2);
    let events = gate.finish().events;
    let admitted: Vec<&Value> = events.iter().filter(|event| event["outcome"] == "delivered").collect();
    assert_eq!(admitted.len(), 2);
    for event in admitted {
        assert_eq!((&event["client_ip"], &event["peer_ip"]), (&ADMITTED.into(), &PROXY.into()), "{event}");
    }
}

#[test]
fn a_header_that_comes_byte_by_byte_is_the_same_header() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).start();
    for header in [v1(ADMITTED), v2(ADMITTED)] {
        let mut sender = gate.connect(PROXY);
        for byte in &header {
            sender.send(std::slice::from_ref(byte));
        }
        sender.send(&get("/hook"));
        assert_eq!(sender.reply().status, 200);
    }
}

#[test]
fn a_header_that_never_ends_is_closed_in_time_and_a_second_one_is_no_http() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).start();
    assert_eq!(status(&gate, PROXY, b"PROXY TCP4 127.0."), None);
    assert_eq!(status(&gate, PROXY, &[v1(ADMITTED), v1(ADMITTED), get("/hook")].concat()), Some(400));
    assert_eq!(upstream.arrivals().len(), 0);
    gate.wait_metric("bad_proxy_headers_total", 1);
}

#[test]
fn forwarding_headers_are_read_only_from_a_source_that_is_trusted() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).trusts(&["127.0.0.10/32", "127.0.0.11/32"]).start();
    let with = |header: Vec<u8>, claimed: &str| {
        let request = format!("GET /hook HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {claimed}\r\n\r\n");
        status(&gate, PROXY, &[header, request.into_bytes()].concat())
    };
    assert_eq!(with(v1("127.0.0.11"), ADMITTED), Some(200), "a proxy before the proxy");
    assert_eq!(with(v1(STRANGER), ADMITTED), Some(403), "a stranger's claim");
    assert_eq!(with(v1(ADMITTED), STRANGER), Some(200), "the source itself is the client");
    assert_eq!(with(b"PROXY UNKNOWN\r\n".to_vec(), ADMITTED), Some(403), "never after UNKNOWN");
    assert_eq!(with(V2_LOCAL.to_vec(), ADMITTED), Some(403), "never after LOCAL");
}

#[test]
fn deny_drop_closes_on_the_source_before_http() {
    let upstream = Upstream::echo();
    let gate = behind_proxy(&upstream).key("deny", "drop").start();
    assert_eq!(gate.settled(|| status(&gate, PROXY, &v1(STRANGER))), None);
    gate.wait_metric("connections_dropped_unheard_total", 1);
    assert_eq!(status(&gate, PROXY, &[v2(ADMITTED), get("/hook")].concat()), Some(200));
    let events = gate.finish().events;
    assert_eq!((&events[0]["client_ip"], &events[0]["reason"]), (&STRANGER.into(), &"not_listed".into()));
    assert_eq!(events.len(), 2);
}

#[test]
fn a_plain_listener_takes_a_proxy_line_for_what_it_is() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().behind_proxy().start();
    for header in [v1(ADMITTED), v2(ADMITTED)] {
        let bytes = [header, get("/hook")].concat();
        assert_eq!(status(&gate, STRANGER, &bytes), Some(403));
        assert_eq!(status(&gate, PROXY, &bytes), Some(400));
        assert_eq!(status(&gate, ADMITTED, &bytes), Some(400));
    }
    assert_eq!(upstream.arrivals().len(), 0);
}
