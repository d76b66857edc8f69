//! Everything at once for as long as one likes: admitted, denied, broken and reloading traffic at a modest rate.
//! `NEXMO_GATE_SOAK_SECONDS` says how long (60; a release takes 600). Descriptors, threads and memory end where they
//! began, and the log agrees with both ends to the last request.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::gate::lines::requests;
use crate::harness::gate::usage::settle;
use crate::harness::oracle::is_success;
use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Gate, STRANGER, Setup, Signal, Upstream, get, post};

/// Pauses between two requests of one sender.
const PACE: Duration = Duration::from_millis(20);

fn seconds() -> u64 {
    std::env::var("NEXMO_GATE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// Nine of ten answers are good; the tenth is one of these faults, by turns.
fn answer(arrival: &Arrival) -> Answer {
    let number: usize = arrival.target().rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(1);
    if !number.is_multiple_of(10) {
        return echo(arrival);
    }
    match number / 10 % 8 {
        0 => Answer::broken([Act::Reset]),
        1 => Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel", Act::Close),
        2 => Answer::status(500),
        3 => Answer::status(404),
        4 => Answer::cut("nonsense\r\n\r\n", Act::Close),
        5 => Answer::broken([Act::Hold]),
        6 => echo(arrival).then(Act::Pause(Duration::from_millis(3))).then(Act::Close),
        _ => Answer::status(302),
    }
}

/// What one kind of sender did: requests that must be in the log, and answers that were a success.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    asked: u64,
    successes: u64,
}

/// Admitted POSTs over connections that live as long as the gate lets them.
fn admitted(gate: &Gate, name: &str, end: Instant) -> Tally {
    let mut session = gate.session(ADMITTED);
    let mut tally = Tally::default();
    while Instant::now() < end {
        tally.asked += 1;
        let case = format!("/soak/{name}/{}", tally.asked);
        let status = session.ask(&post(&case, &case)).status;
        tally.successes += u64::from(is_success(status));
        thread::sleep(PACE);
    }
    tally
}

fn denied(gate: &Gate, end: Instant) -> Tally {
    let mut session = gate.session(STRANGER);
    let mut tally = Tally::default();
    while Instant::now() < end {
        tally.asked += 1;
        assert_eq!(session.ask(&get("/soak/denied/1")).status, 403);
        thread::sleep(PACE);
    }
    tally
}

/// Requests that break off, are malformed, or whose sender goes away; the gate's answer may come or not.
fn broken(gate: &Gate, end: Instant) -> Tally {
    let rows: [(&[u8], bool); 6] = [
        (b"GET /soak HTTP/1.1\nHost: a\n\n", true),
        (b"POST /soak/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", true),
        (b"GET /soak HTTP/1.1\r\nHo", true),
        (b"POST /soak/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX", true),
        (b"", false),
        (b"GET /a//b HTTP/1.1\r\nHost: a\r\n\r\n", true),
    ];
    let mut tally = Tally::default();
    for (bytes, is_request) in rows.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        let mut sender = gate.connect(ADMITTED);
        sender.send(bytes);
        sender.half_close();
        sender.rest();
        tally.asked += u64::from(*is_request);
        thread::sleep(PACE);
    }
    tally
}

/// Reloads by every trigger, with lists that are good and lists that are not.
fn reload(gate: &Gate, end: Instant) {
    let file = gate.setup.path().join("ranges/test.txt");
    let texts = [
        "127.0.0.2/32\n",
        "127.0.0.2/32\n127.0.0.4/32\n",
        "127.0.0.2/3\n",
        "127.0.0.2/32\n127.0.1.0/24\n",
        "",
    ];
    for (round, text) in texts.iter().cycle().enumerate() {
        if Instant::now() >= end {
            break;
        }
        let new = file.with_extension("new");
        fs::write(&new, text).expect("write");
        fs::rename(&new, &file).expect("rename");
        match round % 3 {
            0 => gate.signal(Signal::SIGHUP),
            1 => {
                gate.reload();
            }
            _ => {}
        }
        thread::sleep(Duration::from_millis(150));
    }
    fs::write(&file, texts[0]).expect("write");
    assert_eq!(gate.reload().0, 200);
}

fn mixed(gate: &Gate, lasting: Duration, round: usize) -> Tally {
    let end = Instant::now() + lasting;
    let total = Mutex::new(Tally::default());
    let add = &|one: Tally| {
        let mut total = total.lock().expect("tally");
        (total.asked, total.successes) = (total.asked + one.asked, total.successes + one.successes);
    };
    thread::scope(|scope| {
        for number in 0..3 {
            scope.spawn(move || add(admitted(gate, &format!("{round}-{number}"), end)));
        }
        scope.spawn(move || add(denied(gate, end)));
        scope.spawn(move || add(broken(gate, end)));
        scope.spawn(move || reload(gate, end));
    });
    total.into_inner().expect("tally")
}

#[test]
#[ignore = "a minute or ten: make test-long"]
fn descriptors_threads_and_memory_end_where_they_began() {
    let upstream = Upstream::start(answer);
    let gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 500ms }"#])
        .start();
    let lasting = Duration::from_secs(seconds());
    let idle = gate.usage();
    // The first tenth warms up: buffers, pools and counters take what they need once.
    let warm = mixed(&gate, lasting / 10, 0);
    let base = settle(gate.pid(), |now| now.descriptors <= idle.descriptors);
    let rest = mixed(&gate, lasting / 10 * 9, 1);
    let after = settle(gate.pid(), |now| now.descriptors <= base.descriptors && now.threads <= base.threads);
    eprintln!(
        "soak of {lasting:?}: {} requests, idle {idle:?}, warm {base:?}, after {after:?}",
        warm.asked + rest.asked
    );
    assert!(after.descriptors <= idle.descriptors, "descriptors: {after:?}, idle {idle:?}");
    assert!(after.threads <= base.threads, "threads: {after:?}, warm {base:?}");
    // A tenth, and a few pages of the allocator's.
    assert!(
        after.resident_kib <= base.resident_kib + base.resident_kib / 10 + 2048,
        "memory: {after:?}, warm {base:?}"
    );

    let events = gate.finish().events;
    assert_eq!(requests(&events), warm.asked + rest.asked, "one event a request");
    let delivered = events.iter().filter(|event| event["delivered"] == true).count() as u64;
    assert_eq!(delivered, warm.successes + rest.successes, "the log and the senders agree");
    let mut said: HashMap<String, usize> = HashMap::new();
    for arrival in upstream.arrivals() {
        if arrival.said.is_some_and(is_success) {
            *said.entry(arrival.target()).or_default() += 1;
        }
    }
    assert_eq!(said.len() as u64, delivered, "and the application agrees");
    assert!(said.values().all(|times| *times == 1), "no message was completed twice");
}
