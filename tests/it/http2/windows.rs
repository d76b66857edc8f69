//! Clients that take nothing, grant no window or go away: they are let go in time, and the log says what they heard.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::harness::gate::lines::requests;
use crate::harness::http2::frames::{
    self, CANCEL, DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, NO_ERROR, SETTINGS, frame, head,
};
use crate::harness::http2::hpack;
use crate::harness::http2::raw::Raw;
use crate::harness::upstream::Arrival;
use crate::harness::{Latch, PATIENCE};

/// Answers `/large/...` with so much.
fn large(length: usize) -> Upstream {
    let body = vec![b'x'; length];
    Upstream::start(move |arrival: &Arrival| {
        if arrival.target().starts_with("/large") {
            Answer::body(200, "application/octet-stream", &body)
        } else {
            echo(arrival)
        }
    })
}

/// The events of `/large`, all of them; how many say that it was delivered.
fn delivered(gate: &Gate, count: usize) -> usize {
    let is_large = |event: &Value| event["path"].as_str().is_some_and(|path| path.starts_with("/large"));
    let events = gate.events_until(|events| events.iter().filter(|one| is_large(one)).count() >= count);
    let large: Vec<&Value> = events.iter().filter(|event| is_large(event)).collect();
    assert_eq!(large.len(), count, "one event a request");
    for event in &large {
        assert_eq!(event["delivered"] == true, event["outcome"] == "delivered", "{event}");
        if event["delivered"] == false {
            // A refusal needs no window: its header says it all.
            let heard = (event["reason"].as_str(), event["status"].as_u64());
            assert!(
                matches!(heard, (Some("sender_gone"), None) | (Some("overloaded"), Some(503))),
                "{event}"
            );
        }
    }
    large.iter().filter(|event| event["delivered"] == true).count()
}

/// Each has a gate of its own. They wait for the same ten seconds, so they do it together.
#[test]
fn clients_that_read_nothing_are_closed_at_the_write_timeout_and_logged_truly() {
    std::thread::scope(|scope| {
        let each: [fn(); 4] = [
            a_client_that_opens_no_window_is_let_go_and_nothing_of_it_is_delivered,
            what_does_not_fit_into_the_buffers_is_not_held_for_a_client_without_a_window,
            a_connection_without_a_window_delivers_what_was_heard_whole_and_no_more,
            an_answer_that_the_kernel_did_not_take_is_never_logged_as_delivered,
        ];
        for one in each.map(|one| scope.spawn(one)) {
            one.join().expect("what a client that takes nothing gets");
        }
    });
}

fn a_client_that_opens_no_window_is_let_go_and_nothing_of_it_is_delivered() {
    // Together no more than connect to the upstream at once.
    const CONNECTIONS: usize = 2;
    const STREAMS: usize = 50;
    const LENGTH: usize = 160 * 1024;
    let upstream = large(LENGTH);
    let gate = h2c(&upstream).start();
    let mut other = gate.session(ADMITTED);
    assert_eq!(other.ask(&get("/before")).status, 200);
    let before = gate.usage();
    let mut clients: Vec<Raw> = (0..CONNECTIONS)
        .map(|_| {
            let mut raw = Raw::connect(ADMITTED, gate.addr(), &[(INITIAL_WINDOW_SIZE, 0)]);
            for number in 0..STREAMS {
                raw.ask(&head("GET", &format!("/large/{number}")), true);
            }
            raw
        })
        .collect();
    upstream.wait_arrivals(1 + CONNECTIONS * STREAMS);
    let held = gate.usage();
    assert_eq!(other.ask(&get("/meanwhile")).status, 200, "others are served");
    for raw in &mut clients {
        for number in 0..STREAMS {
            let heard = raw.hear(2 * u32::try_from(number).expect("small") + 1);
            assert_eq!((heard.status, heard.length, heard.whole), (Some(200), 0, false), "{number}");
            assert_eq!(heard.reset, Some(CANCEL), "{number}: let go at the write time-out");
        }
        // The connection is well.
        raw.send(&frames::frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])).expect("write to the gate");
        let next = raw.ask(&head("GET", "/next"), true);
        assert_eq!(raw.hear(next).status, Some(200));
    }
    assert_eq!(delivered(&gate, CONNECTIONS * STREAMS), 0);
    // Each answer is held, and once more while it is sent.
    let most = u64::try_from(2 * CONNECTIONS * STREAMS * LENGTH / 1024).expect("small") + FLOOD_KIB;
    eprintln!("no window: {} KiB, then {} KiB", before.resident_kib, held.resident_kib);
    assert!(held.resident_kib < before.resident_kib + most, "{held:?} after {before:?}");
    assert_eq!(other.ask(&get("/after")).status, 200);
}

fn what_does_not_fit_into_the_buffers_is_not_held_for_a_client_without_a_window() {
    const STREAMS: usize = 90;
    let upstream = large(512 * 1024);
    let gate = h2c(&upstream).key("limits", "{ buffers: 4MiB }").start();
    assert_eq!(gate.ask(ADMITTED, &get("/before")).status, 200);
    let before = gate.usage();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[(INITIAL_WINDOW_SIZE, 0)]);
    for number in 0..STREAMS {
        raw.ask(&head("GET", &format!("/large/{number}")), true);
    }
    // Whatever is told of each, its header is not held back by a window.
    let statuses: Vec<u16> = (0..STREAMS)
        .map(|number| {
            let stream = 2 * u32::try_from(number).expect("small") + 1;
            raw.hear(stream).status.expect("a status")
        })
        .collect();
    let held = gate.usage();
    let (served, refused) = statuses.iter().partition::<Vec<u16>, _>(|status| **status == 200);
    assert!(served.len() <= 8 && refused.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(!served.is_empty(), "{statuses:?}");
    assert!(held.resident_kib < before.resident_kib + 2 * 4096 + FLOOD_KIB, "{held:?} after {before:?}");
    assert_eq!(delivered(&gate, STREAMS), 0);
    assert_eq!(gate.ask(ADMITTED, &get("/large/after")).status, 200, "and there is room again");
}

fn a_connection_without_a_window_delivers_what_was_heard_whole_and_no_more() {
    const STREAMS: usize = 12;
    let upstream = large(20_000);
    let gate = h2c(&upstream).start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    for number in 0..STREAMS {
        raw.ask(&head("GET", &format!("/large/{number}")), true);
    }
    let heard: Vec<_> = (0..STREAMS).map(|n| raw.hear(2 * u32::try_from(n).expect("small") + 1)).collect();
    let total: usize = heard.iter().map(|heard| heard.length).sum();
    assert_eq!(total, 65_535, "the first window of the connection, and not a byte more");
    let whole = heard.iter().filter(|heard| heard.whole).count();
    assert!(heard.iter().all(|heard| heard.whole || heard.reset == Some(CANCEL)), "{heard:?}");
    assert_eq!(delivered(&gate, STREAMS), whole, "{heard:?}");
    assert_eq!(gate.ask(ADMITTED, &get("/other")).status, 200);
}

/// The windows are wide open; it is the kernel's buffers that fill up.
fn an_answer_that_the_kernel_did_not_take_is_never_logged_as_delivered() {
    const STREAMS: usize = 100;
    const LENGTH: usize = 60 * 1024;
    let (all_here, body) = (Latch::default(), vec![b'x'; LENGTH]);
    let held = all_here.clone();
    let upstream = Upstream::start(move |arrival: &Arrival| match arrival.target().as_str() {
        "/other" => echo(arrival),
        _ => Answer::body(200, "application/octet-stream", &body).first(Act::Until(held.clone())),
    });
    let gate = h2c(&upstream).start();
    let wide = (1 << 31) - 1;
    let mut raw = Raw::connect_narrow(ADMITTED, gate.addr(), &[(INITIAL_WINDOW_SIZE, wide)]);
    raw.send(&frames::window_update(0, wide - 65_535)).expect("write to the gate");
    for number in 0..STREAMS {
        raw.ask(&head("GET", &format!("/large/{number}")), true);
    }
    upstream.wait_arrivals(STREAMS);
    all_here.release();
    // Nothing is read until everything is logged.
    let said = delivered(&gate, STREAMS);
    eprintln!("{said} of {STREAMS} answers were in the kernel's hands");
    assert!(said < STREAMS, "no kernel holds {} bytes for a reader that small", STREAMS * LENGTH);
    assert_eq!(gate.ask(ADMITTED, &get("/other")).status, 200, "others are served");
    let heard: Vec<_> = (0..STREAMS).map(|n| raw.hear(2 * u32::try_from(n).expect("small") + 1)).collect();
    let whole = heard.iter().filter(|heard| heard.whole && heard.length == LENGTH).count();
    // A frame that had begun to go out when its time was over must be finished, or no frame could follow it.
    assert!((said..=said + 1).contains(&whole), "{whole} came whole, {said} are logged as delivered");
}

#[test]
fn a_client_that_goes_away_before_its_answer_left_was_not_served() {
    let upstream = large(200_000);
    let gate = h2c(&upstream).start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let stream = raw.ask(&head("GET", "/large"), true);
    while raw.streams.get(&stream).is_none_or(|heard| heard.length == 0) {
        assert!(raw.take(), "an answer begins");
    }
    raw.reset();
    assert_eq!(delivered(&gate, 1), 0);
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let stream = raw.ask(&head("GET", "/large/again"), true);
    while raw.streams.get(&stream).is_none_or(|heard| heard.length == 0) {
        assert!(raw.take(), "an answer begins");
    }
    raw.send(&frames::reset(stream, CANCEL)).expect("write to the gate");
    assert_eq!(delivered(&gate, 2), 0);
    // The connection lives.
    raw.send(&frames::window_update(0, 1 << 20)).expect("write to the gate");
    let next = raw.ask(&head("GET", "/next"), true);
    assert_eq!(raw.hear(next).status, Some(200));
}

#[test]
fn an_idle_connection_ends_whether_its_client_answers_the_goodbye_or_not() {
    let upstream = Upstream::echo();
    let gate = h2c(&upstream).key("limits", "{ keepalive: 300ms }").start();
    let connect = || Raw::connect(ADMITTED, gate.addr(), &[]);
    let mut served = [true, false].map(|answers| {
        let mut raw = connect();
        raw.answers_pings = answers;
        let stream = raw.ask(&head("GET", "/hook"), true);
        assert_eq!(raw.hear(stream).status, Some(200));
        raw
    });
    // A preface and nothing after it, and a header that is begun and not ended, are no requests.
    let (mut silent, mut half) = (connect(), connect());
    half.send(&frame(HEADERS, END_STREAM, 1, &hpack::literals(&head("GET", "/half")))).expect("write");
    for raw in served.iter_mut().chain([&mut silent, &mut half]) {
        assert!(raw.is_closed_within(PATIENCE), "answers: {}", raw.answers_pings);
        assert_eq!(raw.goodbye, Some(NO_ERROR), "answers: {}", raw.answers_pings);
    }
    assert_eq!(gate.finish().events.len(), 2);
}

#[test]
fn bodies_of_denied_requests_use_up_no_window() {
    let upstream = Upstream::echo();
    let gate = h2c(&upstream).start();
    let mut raw = Raw::connect(STRANGER, gate.addr(), &[]);
    // Five times the window of the connection.
    for number in 0..100 {
        let stream = raw.ask(&head("POST", "/hook"), false);
        raw.send(&frame(DATA, END_STREAM, stream, &[b'x'; 12_000])).expect("write to the gate");
        assert_eq!(raw.hear(stream).status, Some(403), "{number}");
    }
    drop(raw);
    assert_eq!(upstream.connections(), 0);
    assert_eq!(requests(&gate.finish().events), 100);
}

#[test]
fn a_body_that_stands_still_gives_its_stream_up_and_the_next_is_served() {
    let upstream = Upstream::echo();
    let gate = h2c(&upstream).key("limits", "{ body_timeout: 300ms }").start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let stream = raw.ask(&head("POST", "/stalled"), false);
    raw.send(&frame(DATA, 0, stream, b"half")).expect("write to the gate");
    assert_eq!(raw.hear(stream).status, Some(503));
    let next = raw.ask(&head("GET", "/next"), true);
    assert_eq!(raw.hear(next).status, Some(200));
    let events = gate.events(2);
    let reasons: Vec<&str> = events.iter().map(|event| event["reason"].as_str().expect("a reason")).collect();
    assert_eq!(reasons, ["body_timeout", "success"]);
    assert_eq!(upstream.arrivals().len(), 1);
    drop(raw);
    assert!(gate.find_message(0, Duration::ZERO, |message, _| message.contains("panic")).is_none());
}
