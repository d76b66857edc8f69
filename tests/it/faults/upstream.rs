//! Faults of the upstream that need more than a scripted answer.

use std::time::{Duration, Instant};

use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, PATIENCE, Port, Setup, Signal, Upstream, post};

#[test]
fn a_late_answer_ends_its_connection_and_the_message_is_not_sent_again() {
    let upstream = Upstream::start(|arrival| match arrival.target().as_str() {
        "/late" => Answer::broken([Act::Hold]),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 500ms }"#])
        .start();
    assert_eq!(gate.ask(ADMITTED, &post("/warm", "warm")).status, 200);
    let begin = Instant::now();
    assert_eq!(gate.ask(ADMITTED, &post("/late", "late")).status, 504);
    let took = begin.elapsed();
    assert!((Duration::from_millis(450)..Duration::from_secs(2)).contains(&took), "500 ms: {took:?}");
    assert!(upstream.wait_open(0), "the connection that owes an answer is closed");
    assert_eq!(upstream.of_case("late").len(), 1);
    let events = gate.finish().events;
    assert_eq!(
        (&events[1]["attempts"], &events[1]["reason"]),
        (&1.into(), &"deadline".into()),
        "{}",
        events[1]
    );
    let seen = [Seen::new("warm", Some(200)), Seen::new("late", Some(504))];
    oracle::agree(&seen, &upstream.arrivals(), &events);
}

#[test]
fn a_black_hole_costs_the_connect_time_out_and_no_more() {
    let port = Port::free("127.0.0.1");
    let _queued = port.black_hole();
    let gate = Setup::new(&port.url()).start();
    for _ in 0..3 {
        assert_eq!(gate.ask(ADMITTED, &post("/hole", "hole")).status, 503);
    }
    let events = gate.finish().events;
    assert!(events.iter().all(|event| event["reason"] == "connect_timeout"), "{events:?}");
    // The shortest of three: a machine with other work is late now and then, never early.
    let times = events.iter().map(|event| event["upstream_ms"].as_f64().expect("a time"));
    let shortest = times.fold(f64::MAX, f64::min);
    assert!((1000.0..2000.0).contains(&shortest), "{shortest} ms");
}

/// The application is a process of its own here, so that it can be stopped as a whole: another gate.
#[test]
fn a_frozen_upstream_costs_its_deadline_and_is_used_again_when_it_thaws() {
    let application = Upstream::echo();
    let frozen = Setup::new(application.url()).range("test", "127.0.0.1/32\n").plainly().start();
    let gate = Setup::new(&format!("http://{}", frozen.addr()))
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 400ms }"#])
        .start();
    let mut session = gate.session(ADMITTED);
    assert_eq!(session.ask(&post("/before", "before")).status, 200);
    let before = gate.usage();
    frozen.signal(Signal::SIGSTOP);
    for round in 0..5 {
        let begin = Instant::now();
        assert_eq!(session.ask(&post("/frozen", "frozen")).status, 504, "round {round}");
        assert!(begin.elapsed() < Duration::from_secs(2), "round {round}: {:?}", begin.elapsed());
    }
    let during = gate.usage();
    assert!(during.descriptors <= before.descriptors, "{during:?} after {before:?}");
    frozen.signal(Signal::SIGCONT);
    let begin = Instant::now();
    // The application has a queue to work off first; the sender would come again as well.
    let thawed = std::iter::repeat_with(|| session.ask(&post("/after", "after")).status).take(20);
    assert!(thawed.into_iter().any(|status| status == 200), "used again");
    assert!(begin.elapsed() < PATIENCE);
    let events = gate.finish().events;
    let frozen_ones: Vec<_> = events.iter().filter(|event| event["path"] == "/frozen").collect();
    assert_eq!(frozen_ones.len(), 5);
    for event in frozen_ones {
        assert_eq!((&event["delivered"], &event["attempts"]), (&false.into(), &1.into()), "{event}");
    }
}

#[test]
fn a_flood_of_interim_answers_is_cut_off_and_costs_no_memory() {
    let flood = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100_000);
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/flood" => Answer::cut(flood.clone(), Act::Close),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    assert_eq!(gate.ask(ADMITTED, &post("/warm", "warm")).status, 200);
    let floods = |count: usize| {
        (0..count).for_each(|_| assert_eq!(gate.ask(ADMITTED, &post("/flood", "flood")).status, 503));
    };
    floods(20);
    let before = gate.usage();
    floods(60);
    let after = gate.usage();
    eprintln!("60 floods of 100,000 interim answers: {before:?} then {after:?}");
    assert!(after.resident_kib <= before.resident_kib + 16_384, "{after:?} after {before:?}");
    let events = gate.finish().events;
    let malformed = events.iter().filter(|event| event["reason"] == "upstream_malformed").count();
    assert_eq!((events.len(), malformed), (81, 80));
}

/// Each of these is a 503, and its connection is not used again.
#[test]
fn a_status_that_http_does_not_know_is_malformed() {
    let upstream = Upstream::start(|arrival| match arrival.target().trim_start_matches('/').parse::<u16>() {
        Ok(status) => Answer::raw(format!("HTTP/1.1 {status} Odd\r\nContent-Length: 2\r\n\r\nok"), None),
        Err(_) => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    for status in ["000", "099", "101", "150", "199", "600", "999"] {
        let reply = gate.ask(ADMITTED, &post(&format!("/{status}"), status));
        assert_eq!(reply.status, 503, "{status}");
        assert_eq!(gate.ask(ADMITTED, &post("/next", status)).text(), "/next", "after {status}");
        let arrivals = upstream.of_case(status);
        assert_eq!(arrivals.len(), 2);
        assert_ne!(arrivals[0].connection, arrivals[1].connection, "{status}");
    }
    let events = gate.finish().events;
    assert_eq!(events.len(), 14);
    let malformed = events.iter().filter(|event| event["reason"] == "upstream_malformed").count();
    assert_eq!(malformed, 7, "{events:?}");
}
