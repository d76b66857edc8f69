//! Endpoints whose host is a name.

use std::net::{SocketAddr, ToSocketAddrs};

use super::*;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Port, Upstream, get, post};

#[test]
fn every_address_of_a_name_is_tried() {
    let all: Vec<SocketAddr> = "localhost:80".to_socket_addrs().expect("localhost").collect();
    let families = if all.iter().any(SocketAddr::is_ipv4) && all.iter().any(SocketAddr::is_ipv6) {
        ["127.0.0.1", "::1"].as_slice()
    } else {
        eprintln!(
            "NOT TESTED in full: localhost has only {all:?} here; /etc/hosts should give it ::1 as well"
        );
        &["127.0.0.1"]
    };
    // One of the two refuses, whichever the resolver names first.
    for ip in families {
        let (open, refusing) = both_families(ip);
        let url = format!("http://localhost:{}", open.address().port());
        let upstream = open.listen(echo);
        let gate = gate_before(&[&url]).start();
        assert_eq!(gate.ask(ADMITTED, &get("/name")).text(), "/name", "{ip}");
        assert_eq!((upstream.arrivals().len(), state(&gate, &url).as_str()), (1, "up"), "{ip}");
        drop(refusing);
    }
}

/// One port on both loopback addresses, the one of `ip` first.
fn both_families(ip: &str) -> (Port, Port) {
    for _ in 0..100 {
        let one = Port::free(ip);
        let other = if ip == "::1" { "127.0.0.1" } else { "::1" };
        let same = SocketAddr::new(other.parse().expect("an IP address"), one.address().port());
        if let Ok(other) = Port::bind(same) {
            return (one, other);
        }
    }
    panic!("no port is free on both loopback addresses");
}

#[test]
fn a_name_that_nobody_knows_is_503_and_the_next_endpoint_serves() {
    let gate = gate_before(&["http://no-such-name.invalid:3000"]).start();
    assert_eq!(gate.ask(ADMITTED, &post("/", "unknown")).status, 503);
    assert_eq!(gate.event()["reason"], "connect_failed");
    gate.wait_message(0, |message, line| {
        message == "upstream name not resolved" && line["host"] == "no-such-name.invalid"
    });
    let one = Upstream::echo();
    let gate = gate_before(&["http://no-such-name.invalid:3000", one.url()]).start();
    for _ in 0..4 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "unknown")).status, 200);
    }
}
