//! Turns, and an endpoint that is down or slow: which requests go to another one, and when it is asked again.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Gate, PATIENCE, Port, Session, Upstream, post};

/// Waits for the message, and counts the lines that have it.
fn said(gate: &Gate, message: &str) -> usize {
    gate.wait_message(0, |seen, _| seen == message);
    count(gate, message)
}

fn count(gate: &Gate, message: &str) -> usize {
    let lines = gate.stderr.all();
    lines.iter().filter(|line| line.contains(&format!("\"message\":\"{message}\""))).count()
}

/// Requests one after another until `enough`; all must succeed.
fn ask_until(session: &mut Session, enough: impl Fn() -> bool) -> usize {
    let end = Instant::now() + PATIENCE;
    let mut count = 0;
    while !enough() {
        assert_eq!(session.ask(&post("/", "until")).status, 200);
        count += 1;
        assert!(Instant::now() < end, "not within {PATIENCE:?}");
    }
    count
}

#[test]
fn endpoints_take_turns_evenly() {
    let three = [(); 3].map(|()| Upstream::echo());
    let gate = gate_before(&three.each_ref().map(Upstream::url)).start();
    let mut session = gate.session(ADMITTED);
    for round in 0..90 {
        assert_eq!(session.ask(&post("/", &format!("turn-{round}"))).status, 200);
    }
    assert_eq!(three.each_ref().map(|one| one.arrivals().len()), [30, 30, 30]);
    assert_eq!(three.each_ref().map(|one| healthy(&gate, one.url())), [1, 1, 1]);
}

#[test]
fn one_of_two_down_costs_no_request_and_comes_back_into_its_turn() {
    // The pause keeps the number of requests small while the rest of 5 s goes by; the first ones are long over by then.
    let one = Upstream::start(|arrival| echo(arrival).first(Act::Pause(Duration::from_millis(10))));
    let port = Port::free("127.0.0.1");
    let url = port.url();
    let gate = gate_before(&[one.url(), &url]).start();
    let mut session = gate.session(ADMITTED);
    let mut seen = Vec::new();
    for round in 0..50 {
        let case = format!("down-{round}");
        let reply = session.ask(&post(&format!("/{case}"), &case));
        assert_eq!((reply.status, reply.text()), (200, format!("/{case}")));
        seen.push(Seen::new(&case, Some(200)));
    }
    assert_eq!(one.arrivals().len(), 50);
    assert_eq!((said(&gate, "upstream ejected"), count(&gate, "upstream back")), (1, 0));
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (0, "resting"));
    assert_eq!((healthy(&gate, one.url()), state(&gate, one.url()).as_str()), (1, "up"));
    oracle::agree(&seen, &one.arrivals(), &gate.events(50));
    let ejected = gate.wait_message(0, |message, _| message == "upstream ejected");
    assert_eq!((&ejected["upstream"], &ejected["reason"]), (&url.as_str().into(), &"connect_refused".into()));

    let two = port.listen(echo);
    ask_until(&mut session, || !two.arrivals().is_empty());
    gate.wait_message(0, |message, line| message == "upstream back" && line["upstream"] == url.as_str());
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (1, "up"));
    let before = [one.arrivals().len(), two.arrivals().len()];
    (0..20).for_each(|_| assert_eq!(session.ask(&post("/", "even")).status, 200));
    assert_eq!([one.arrivals().len(), two.arrivals().len()], before.map(|count| count + 10));
    assert_eq!(said(&gate, "upstream back"), 1);
}

#[test]
fn an_endpoint_that_does_not_answer_costs_time_and_no_request() {
    let port = Port::free("127.0.0.1");
    let _queued = port.black_hole();
    let one = Upstream::echo();
    let gate = gate_before(&[&port.url(), one.url()]).start();
    let begin = Instant::now();
    assert_eq!(gate.ask(ADMITTED, &post("/", "hole")).text(), "/");
    assert!(begin.elapsed() >= Duration::from_millis(900), "the first was tried first");
    let event = gate.event();
    assert_eq!((&event["attempts"], &event["delivered"]), (&1.into(), &true.into()), "{event}");
    assert_eq!(one.arrivals().len(), 1);
}

#[test]
fn all_down_is_503_at_once() {
    let ports = [(); 2].map(|()| Port::free("127.0.0.1"));
    let urls = ports.each_ref().map(Port::url);
    let gate = gate_before(&urls.each_ref().map(String::as_str)).start();
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "down")).status, 503);
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "a refusal needs no time-out");
    for event in gate.events(20) {
        assert_eq!((&event["reason"], &event["attempts"]), (&"connect_refused".into(), &0.into()), "{event}");
    }
    assert_eq!(said(&gate, "upstream ejected"), 1, "the last one stays");
    let mut states = urls.each_ref().map(|url| state(&gate, url));
    states.sort();
    assert_eq!(states, ["failing", "resting"]);

    // Whichever comes back first serves the next request, rest or no rest.
    for port in ports {
        let back = port.listen(echo);
        assert_eq!(gate.ask(ADMITTED, &post("/", "back")).status, 200);
        assert_eq!(back.arrivals().len(), 1);
        drop(back);
        while TcpStream::connect(gate_address(&urls, &gate)).is_ok() {}
    }
}

/// The address of the endpoint that is up.
fn gate_address(urls: &[String], gate: &Gate) -> SocketAddr {
    let up = urls.iter().find(|url| state(gate, url) == "up").expect("one is up");
    up.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
}

#[test]
fn the_only_endpoint_is_never_ejected() {
    let port = Port::free("127.0.0.1");
    let url = port.url();
    let gate = gate_before(&[&url]).start();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "down")).status, 503);
    }
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (0, "failing"));
    let only = port.listen(echo);
    assert_eq!(gate.ask(ADMITTED, &post("/", "up")).status, 200, "without any rest");
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (1, "up"));
    assert_eq!(only.arrivals().len(), 1);
    assert_eq!(said(&gate, "upstream back"), 1);
    assert_eq!(count(&gate, "upstream failing, and there is no other"), 1);
    assert_eq!(count(&gate, "upstream ejected"), 0);
}

#[test]
fn what_was_sent_goes_to_no_other_endpoint() {
    let one = Upstream::start(|_| Answer::broken([Act::Close]));
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    let mut seen = Vec::new();
    for round in 0..20 {
        let case = format!("broken-{round}");
        let status = gate.ask(ADMITTED, &post("/", &case)).status;
        assert_eq!(status, if round % 2 == 0 { 503 } else { 200 }, "{case}");
        seen.push(Seen::new(&case, Some(status)));
    }
    assert_eq!((one.arrivals().len(), two.arrivals().len()), (10, 10));
    // An application that dies of messages is not out of reach: others may fare better.
    assert_eq!((count(&gate, "upstream ejected"), state(&gate, one.url()).as_str()), (0, "up"));
    let arrivals: Vec<_> = one.arrivals().into_iter().chain(two.arrivals()).collect();
    oracle::agree(&seen, &arrivals, &gate.finish().events);
}

#[test]
fn an_applications_5xx_never_ejects_it() {
    let two = [(); 2].map(|()| Upstream::start(|_| Answer::status(500)));
    let gate = gate_before(&two.each_ref().map(Upstream::url)).start();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "500")).status, 500);
    }
    assert_eq!(two.each_ref().map(|one| (one.arrivals().len(), healthy(&gate, one.url()))), [(10, 1); 2]);
}

#[test]
fn a_stale_connection_of_an_endpoint_that_is_gone_is_made_good_by_another() {
    let count = Arc::new(AtomicBool::new(false));
    let second = Arc::clone(&count);
    let one = Upstream::start(move |arrival| {
        if second.swap(true, Ordering::Relaxed) { Answer::broken([Act::Close]) } else { echo(arrival) }
    });
    let address: SocketAddr = one.url().strip_prefix("http://").expect("http").parse().expect("an address");
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    // Each gets one request, and keeps its connection.
    for case in ["warm-1", "warm-2"] {
        assert_eq!(gate.ask(ADMITTED, &post("/", case)).status, 200);
    }
    std::thread::sleep(crate::upstream::connections::RESTED);
    drop(one);
    while TcpStream::connect(address).is_ok() {}
    assert_eq!(gate.ask(ADMITTED, &post("/stale", "stale")).status, 200);
    let arrivals = two.of_case("stale");
    assert_eq!(arrivals.len(), 1);
    assert_ne!(arrivals[0].connection, two.of_case("warm-2")[0].connection, "only a fresh one is sure");
    let events = gate.events(3);
    let event = events.iter().find(|event| event["path"] == "/stale").expect("its event");
    assert_eq!(event["attempts"], 2, "{event}");
}
