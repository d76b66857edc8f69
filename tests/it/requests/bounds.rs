//! What one connection may cost, and that nothing is held for a sender that is gone or takes nothing.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::gate::usage::settle;
use crate::harness::http2::frames::{self, CANCEL, INITIAL_WINDOW_SIZE, head};
use crate::harness::http2::raw::Raw;
use crate::harness::upstream::script::echo;
use crate::harness::{
    ADMITTED, Act, Answer, Gate, Latch, PATIENCE, STRANGER, Sender, Setup, Upstream, get, post,
};

/// What an attack may add to the resident memory, with what an allocator keeps.
const SOME_KIB: u64 = 8 * 1024;

fn closed(gate: &Gate, within: Duration) {
    let end = Instant::now() + within;
    while gate.metric("connections") > 0 {
        assert!(Instant::now() < end, "{} connections are held after {within:?}", gate.metric("connections"));
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn pipelined_requests_of_a_stranger_are_few_and_cost_no_memory() {
    const TINY: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    assert_eq!(gate.ask(ADMITTED, &get("/before")).status, 200);
    let before = gate.usage();
    let mut sender = gate.connect(STRANGER);
    let many = TINY.repeat(1000);
    let end = Instant::now() + PATIENCE;
    // Nothing is read: what the gate answers fills the kernel's buffers.
    while sender.try_send(&many).is_ok() {
        assert!(Instant::now() < end, "a stranger's connection goes on for ever");
    }
    closed(&gate, PATIENCE);
    let after = settle(gate.pid(), |now| now.resident_kib < before.resident_kib + SOME_KIB);
    assert!(after.resident_kib < before.resident_kib + SOME_KIB, "{after:?} after {before:?}");
    let denied = gate.finish().events.iter().filter(|event| event["outcome"] == "denied").count();
    assert!((1..=16).contains(&denied), "{denied} requests of a stranger on one connection");
}

#[test]
fn a_peer_that_takes_nothing_is_let_go_also_where_the_goodbye_is_bytes() {
    // More than the kernel's buffers take.
    let body = vec![b'x'; 12 << 20];
    let upstream = Upstream::start(move |_| Answer::body(200, "application/octet-stream", &body));
    let gate = Setup::new(upstream.url()).over_tls().key("limits", "{ max_response: 13MiB }").start();
    let mut idle: Vec<Sender> = (0..3).map(|_| gate.connect_narrow(ADMITTED)).collect();
    for sender in &mut idle {
        sender.send(&get("/large"));
    }
    upstream.wait_arrivals(idle.len());
    // The write time-out, and a second for the goodbye.
    closed(&gate, PATIENCE);
    assert!(gate.finish().events.iter().all(|event| event["delivered"] == false));
}

#[test]
fn streams_that_a_client_resets_after_their_answer_end_its_connection() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    // No window: an answer with a body stays until its stream ends.
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[(INITIAL_WINDOW_SIZE, 0)]);
    let ended = (0..2000).any(|_| {
        let stream = raw.next_stream();
        if raw.send(&frames::headers(stream, &head("GET", "/reset"), true)).is_err() {
            return true;
        }
        while raw.streams.get(&stream).is_none_or(|heard| heard.status.is_none()) {
            if !raw.take() {
                return true;
            }
        }
        raw.send(&frames::reset(stream, CANCEL)).is_err()
    });
    assert!(ended, "2,000 resets are put up with");
    closed(&gate, PATIENCE);
}

#[test]
fn a_denial_over_http2_needs_no_window_and_a_stranger_is_told_to_go() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(STRANGER, gate.addr(), &[(INITIAL_WINDOW_SIZE, 0)]);
    for number in 0..16 {
        let stream = raw.ask(&head("GET", "/"), true);
        let heard = raw.hear(stream);
        assert_eq!((heard.status, heard.length, heard.whole), (Some(403), 0, true), "{number}");
    }
    assert!(raw.is_closed_within(PATIENCE), "a stranger's connection ends");
    assert_eq!(raw.goodbye, Some(0), "in good order");
}

/// Whether the kernel has heard that the sender at `port` will send nothing more.
fn has_heard_the_end(gate: &Gate, port: u16) -> bool {
    const CLOSE_WAIT: &str = "08";
    let there = format!(":{port:04X}");
    let here = format!(":{:04X}", gate.addr().port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    table.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 3 && words[1].ends_with(&here) && words[2].ends_with(&there) && words[3] == CLOSE_WAIT
    })
}

#[test]
fn bytes_behind_a_request_do_not_hide_that_its_sender_is_gone() {
    for (behind, count) in [(&b"x"[..], 8), (&get("/next"), 4)] {
        let latch = Latch::default();
        let held = latch.clone();
        let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
        let gate = Setup::new(upstream.url()).http1().plainly().start();
        let mut open: Vec<_> = (0..count)
            .map(|_| crate::harness::sender::tcp(ADMITTED, gate.addr(), None).expect("connect to the gate"))
            .collect();
        for (number, socket) in open.iter_mut().enumerate() {
            socket.write_all(&post(&format!("/gone/{number}"), "x")).expect("write to the gate");
        }
        upstream.wait_arrivals(count);
        // These are not read while the request is in work, and neither is the end that follows them.
        let gone = |mut socket: TcpStream| {
            socket.write_all(behind).expect("write to the gate");
            socket.local_addr().expect("its end").port()
        };
        let ports: Vec<u16> = open.into_iter().map(gone).collect();
        let end = Instant::now() + PATIENCE;
        while !ports.iter().all(|port| has_heard_the_end(&gate, *port)) {
            assert!(Instant::now() < end, "the senders are gone");
            thread::sleep(Duration::from_millis(2));
        }
        latch.release();
        let events = gate
            .events_until(|events| events.iter().filter(|event| event["method"] == "POST").count() >= count);
        for event in events.iter().filter(|event| event["method"] == "POST") {
            assert_eq!(
                (&event["outcome"], &event["delivered"]),
                (&"abandoned".into(), &false.into()),
                "{event}"
            );
        }
    }
}
