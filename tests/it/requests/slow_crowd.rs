//! Three hundred senders that are as slow as they can be: each is closed at its deadline, and nobody else notices.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::sender::latency::Times;
use crate::harness::{ADMITTED, Gate, PATIENCE, STRANGER, Setup, Upstream};

const SLOW: usize = 300;
/// How long they are borne; `NEXMO_GATE_SLOW_SECONDS=60` holds them open for a minute.
fn deadline() -> Duration {
    let seconds = std::env::var("NEXMO_GATE_SLOW_SECONDS").map_or(5, |text| text.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

/// Five rounds in all: a machine that builds something meanwhile spoils the figure of one.
const ROUNDS: usize = 5;

/// The ways to be slow: what is said at once, what drips after it, and the status at the end (0: none, closed).
const WAYS: [(&str, &str, &str, u16); 4] = [
    (ADMITTED, "", "GET /a HTTP/1.1\r\nHost: a\r\nX: ", 408),
    (ADMITTED, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", "x", 503),
    (ADMITTED, "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 503),
    (ADMITTED, "", "", 0),
];

/// Plays one slow sender to its end; gives how long it was borne.
fn be_slow(gate: &Gate, number: usize) -> Duration {
    let (from, at_once, drips, status) = WAYS[number % WAYS.len()];
    let begin = Instant::now();
    let mut sender = gate.connect(from);
    sender.send(at_once.as_bytes());
    let bytes = usize::try_from(deadline().as_millis() / 150).expect("a number") + 200;
    let drips: Vec<u8> = drips.bytes().cycle().take(if drips.is_empty() { 0 } else { bytes }).collect();
    sender.drip(&drips, Duration::from_millis(150));
    if status > 0 {
        assert_eq!(sender.reply().status, status, "sender {number}");
    }
    assert!(sender.is_closed_within(deadline() + PATIENCE), "sender {number}");
    begin.elapsed()
}

#[test]
#[ignore = "half a minute of load: make test-long"]
fn three_hundred_slow_senders_are_closed_at_their_deadlines_and_delay_nobody() {
    let upstream = Upstream::echo();
    let seconds = deadline().as_secs();
    let limits = format!("{{ head_timeout: {seconds}s, body_timeout: {seconds}s, keepalive: {seconds}s }}");
    let route = format!("{{ path: \"/*\", webhook: generic, allow: [test], deadline: {seconds}s }}");
    let gate = Setup::new(upstream.url())
        .key("limits", &limits)
        .key("drain", "{ grace: 60s }")
        .routes(&[&route])
        .start();
    let traffic = || Times::of_posts(&gate, 400, Duration::from_millis(10));
    traffic();
    let mut figures = Vec::new();
    for round in 0..ROUNDS {
        let before = gate.usage();
        let quiet = traffic();
        let (borne, crowded, during) = thread::scope(|scope| {
            let slow: Vec<_> = (0..SLOW)
                .map(|number| {
                    scope.spawn({
                        let gate = &gate;
                        move || be_slow(gate, number)
                    })
                })
                .collect();
            let crowded = traffic();
            let during = gate.usage();
            (
                slow.into_iter().map(|one| one.join().expect("a slow sender")).collect::<Vec<_>>(),
                crowded,
                during,
            )
        });
        assert_eq!(borne.len(), SLOW);
        let late = borne.iter().max().expect("senders");
        let early = borne.iter().min().expect("senders");
        assert!(*early + Duration::from_millis(100) >= deadline(), "closed before its deadline: {early:?}");
        assert!(*late <= deadline() + Duration::from_secs(2), "borne beyond its deadline: {late:?}");
        assert!(
            during.descriptors + 4 >= before.descriptors + SLOW,
            "they were all open: {during:?} after {before:?}"
        );
        // 300 connections with a head or a body begun, at 16 KiB each, and some slack of the allocator.
        assert!(during.resident_kib <= before.resident_kib + 300 * 16 + 4096, "{during:?} after {before:?}");
        let figure = format!(
            "round {round}: p99 {:?} quiet, {:?} crowded, {before:?} {during:?}",
            quiet.p99(),
            crowded.p99()
        );
        eprintln!("slow crowd, {figure}, borne {early:?} to {late:?}");
        figures.push(figure);
        if crowded.is_close_to(&quiet) {
            return;
        }
    }
    panic!("admitted traffic suffers in each of {ROUNDS} rounds: {figures:#?}");
}

#[test]
#[ignore = "half a minute of load: make test-long"]
fn slow_strangers_hold_only_their_share_and_only_until_their_deadline() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .key("limits", "{ head_timeout: 2s, connections_per_stranger: 32 }")
        .start();
    thread::scope(|scope| {
        let strangers: Vec<_> = (0..SLOW)
            .map(|_| {
                scope.spawn(|| {
                    let begin = Instant::now();
                    let Ok(mut sender) = gate.try_connect(STRANGER) else {
                        return begin.elapsed();
                    };
                    sender.drip(
                        "GET /a HTTP/1.1\r\nHost: a\r\nX: ".repeat(50).as_bytes(),
                        Duration::from_millis(100),
                    );
                    sender.rest();
                    begin.elapsed()
                })
            })
            .collect();
        Times::of_posts(&gate, 150, Duration::from_millis(10));
        for stranger in strangers {
            let borne = stranger.join().expect("a stranger");
            assert!(borne <= Duration::from_secs(4), "{borne:?}");
        }
    });
    let refused = gate.metric("connections_over_capacity_total");
    assert!(refused >= 200, "all but 32 at a time were closed at once: {refused}");
    assert_eq!(upstream.arrivals().len(), 150);
}
