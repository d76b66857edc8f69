//! Faults that need many requests, prefixes or lines: `make test-long`.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::gate::lines::{json, requests};
use crate::harness::sender::latency::Times;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Answer, STRANGER, Setup, Upstream, get, post};
use crate::reloads::reload::rename_over;

const PACE: Duration = Duration::from_millis(10);

#[test]
#[ignore = "ten thousand requests: make test-long"]
fn ten_thousand_answers_among_foreign_bytes_are_each_ones_own() {
    let upstream = Upstream::start(|arrival| match arrival.target().rsplit('/').next() {
        Some("extra") => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nownHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
            Some(200),
        ),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    thread::scope(|scope| {
        for sender in 0..4 {
            let mut session = gate.session(ADMITTED);
            scope.spawn(move || {
                for round in 0..1250 {
                    assert_eq!(
                        session.ask(&post(&format!("/{sender}/{round}/extra"), "extra")).text(),
                        "own"
                    );
                    let target = format!("/{sender}/{round}");
                    assert_eq!(session.ask(&post(&target, "own")).text(), target);
                }
            });
        }
    });
    assert_eq!(upstream.arrivals().len(), 10_000);
    let events = gate.finish().events;
    assert_eq!(events.iter().filter(|event| event["delivered"] == true).count(), 10_000);
}

/// A list of `count` addresses from 16.0.0.0 on, every other one so that no two are neighbours, and the admitted one.
fn addresses(count: u32) -> String {
    let mut text = format!("{ADMITTED}/32\n");
    for number in 0..count {
        let [_, b, c, d] = (number * 2).to_be_bytes();
        let _ = writeln!(text, "{}.{b}.{c}.{d}", 16 + ((number * 2) >> 24));
    }
    text
}

#[test]
#[ignore = "loads twenty megabytes: make test-long"]
fn a_million_prefixes_load_beside_the_traffic() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    let traffic = || Times::of_posts(&gate, 300, PACE);
    traffic();
    let mut figures = Vec::new();
    for round in 0..5 {
        let quiet = traffic();
        let before = gate.usage();
        rename_over(&file, &addresses(1_000_000 + round));
        let (answer, took, busy) = thread::scope(|scope| {
            let loading = scope.spawn(|| {
                let begin = Instant::now();
                (gate.reload(), begin.elapsed())
            });
            let busy = traffic();
            let (answer, took) = loading.join().expect("a reload");
            (answer, took, busy)
        });
        assert_eq!(answer.0, 200, "{}", answer.1);
        assert_eq!(gate.metric("list_prefixes{list=\"test\"}"), u64::from(1_000_001 + round));
        let after = gate.usage();
        let figure = format!(
            "loaded in {took:?}, p99 {:?} quiet, {:?} meanwhile, {before:?} {after:?}",
            quiet.p99(),
            busy.p99()
        );
        eprintln!("a million prefixes, {figure}");
        figures.push(figure);
        assert!(after.resident_kib < 1024 * 1024, "{after:?}");
        assert_eq!((gate.ask(ADMITTED, &get("/")).status, gate.ask(STRANGER, &get("/")).status), (200, 403));
        if busy.is_close_to(&quiet) {
            return;
        }
    }
    panic!("traffic suffers while a list loads: {figures:#?}");
}

#[test]
#[ignore = "a flood of ten seconds: make test-long"]
fn a_flood_of_denials_fills_no_disk_and_slows_nobody_admitted() {
    let upstream = Upstream::echo();
    let gate =
        Setup::new(upstream.url()).key("log", "{ format: json, level: info, access: ./access.log }").start();
    let folder = std::sync::Arc::clone(&gate.setup.dir);
    let file = folder.path().join("access.log");
    let traffic = || Times::of_posts(&gate, 300, PACE);
    traffic();
    let (mut asked, mut figures) = (0u64, Vec::new());
    let mut admitted = 300;
    let mut good = false;
    for _ in 0..5 {
        let quiet = traffic();
        let before = fs::metadata(&file).expect("the log").len();
        let stop = AtomicBool::new(false);
        let begin = Instant::now();
        let (busy, denied) = thread::scope(|scope| {
            let flood = || {
                let mut session = gate.session(STRANGER);
                let mut count = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(session.ask(&get("/hook")).status, 403);
                    count += 1;
                }
                count
            };
            let floods: Vec<_> = (0..2).map(|_| scope.spawn(flood)).collect();
            let busy = traffic();
            stop.store(true, Ordering::Relaxed);
            (busy, floods.into_iter().map(|one| one.join().expect("a flood")).sum::<u64>())
        });
        asked += denied;
        admitted += 600;
        let bytes = fs::metadata(&file).expect("the log").len() - before;
        let per_second = bytes * 1000 / u64::try_from(begin.elapsed().as_millis()).expect("milliseconds");
        let figure = format!(
            "{denied} denials, {per_second} bytes of log a second, p99 {:?} quiet, {:?} in the flood",
            quiet.p99(),
            busy.p99()
        );
        eprintln!("denied flood, {figure}");
        figures.push(figure);
        // 200 lines of denials and 100 of deliveries a second, of half a kilobyte each.
        assert!(per_second < 250_000, "{figures:#?}");
        good = busy.is_close_to(&quiet);
        if good {
            break;
        }
    }
    assert!(good, "admitted traffic suffers: {figures:#?}");
    gate.finish();
    let text = fs::read_to_string(&file).expect("the log");
    let events: Vec<Value> = text.lines().map(json).collect();
    let count =
        |outcome: &str| -> u64 { requests(events.iter().filter(|event| event["outcome"] == outcome)) };
    assert_eq!((count("denied"), count("delivered")), (asked, admitted), "summed up, and exact");
}
