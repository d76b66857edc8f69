//! What is ambiguous or out of bounds in HTTP/2, written by hand: client libraries refuse to send it.
//!
//! What the gate sees is answered and logged once with its reason. What its HTTP/2 library finds malformed is reset by
//! the library before the gate sees it: nobody is served and nothing is logged. It ends the connection over a header that
//! it cannot read at all.

mod rows;

use crate::harness::http2::frames::{self, DATA, END_STREAM, PROTOCOL_ERROR, head};
use crate::harness::http2::raw::{Heard, Raw};
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, STRANGER, Setup, Upstream};
use rows::Want::{Broken, Ended, Refused, Reset, Served};
use rows::*;

#[test]
fn what_is_ambiguous_is_refused_and_what_the_gate_sees_is_logged() {
    let rows: Vec<Row> =
        hosts().into_iter().chain(pseudo()).chain(heads()).chain(targets()).chain(lengths()).collect();
    assert_eq!(rows.len(), 15 + 12 + 24 + 26 + 15);
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().key("limits", "{ max_body: 1KiB }").start();
    let (mut logged, mut arrived) = (Vec::new(), 0);
    for row in &rows {
        let Row { name, want, .. } = row;
        let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
        let stream = raw.next_stream();
        let mut bytes = frames::headers(stream, &row.fields, row.body.is_none());
        // In one write: the gate has both before it answers either.
        bytes
            .extend(row.body.map(|body| frames::frame(DATA, END_STREAM, stream, body)).into_iter().flatten());
        raw.send(&bytes).expect("write to the gate");
        let heard = raw.hear(stream);
        match *want {
            Served(_) => assert_eq!((heard.status, heard.whole), (Some(200), true), "{name}: {heard:?}"),
            Refused(status, _) => {
                assert_eq!((heard.status, heard.whole), (Some(status), true), "{name}: {heard:?}");
            }
            Reset | Broken => {
                let wanted = Heard { reset: Some(PROTOCOL_ERROR), ..Heard::default() };
                assert_eq!(heard, wanted, "{name}: goodbye {:?}", raw.goodbye);
            }
            Ended => {
                assert_eq!((heard, raw.goodbye), (Heard::default(), Some(PROTOCOL_ERROR)), "{name}");
                raw = Raw::connect(ADMITTED, gate.addr(), &[]);
            }
        }
        // The connection is in step: the next stream is served.
        let next = raw.ask(&head("GET", "/next"), true);
        assert_eq!(raw.hear(next).status, Some(200), "{name}: the next request");
        let arrivals = upstream.arrivals_from(arrived);
        let targets: Vec<String> = arrivals.iter().map(Arrival::target).collect();
        let wanted: Vec<&str> = match *want {
            Served(target) => vec![target, "/next"],
            _ => vec!["/next"],
        };
        assert_eq!(targets, wanted, "{name}: what the application saw");
        arrived += arrivals.len();
        let reason = match *want {
            Served(_) => Some("success"),
            Refused(_, reason) => Some(reason),
            Broken => Some("sender_gone"),
            Reset | Ended => None,
        };
        let mut wanted: Vec<&str> = reason.into_iter().chain(["success"]).collect();
        let events = gate.events_from(logged.len(), wanted.len());
        let mut reasons: Vec<&str> =
            events.iter().map(|event| event["reason"].as_str().expect("a reason")).collect();
        reasons.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(reasons, wanted, "{name}");
        for event in &events {
            assert_eq!(event["http"], "2", "{name}: {event}");
            assert_eq!(event["delivered"] == true, event["reason"] == "success", "{name}: {event}");
        }
        logged.extend(events);
    }
    assert_eq!(gate.finish().events.len(), logged.len(), "and no event more");
}

#[test]
fn a_stranger_hears_nothing_but_the_deny_answer() {
    let rows: Vec<Row> =
        hosts().into_iter().chain(pseudo()).chain(heads()).chain(targets()).chain(lengths()).collect();
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut denied = 0;
    // Whether the answer or the reset over a lying length comes first, nobody knows.
    for row in rows.iter().filter(|row| row.want != Broken) {
        let mut raw = Raw::connect(STRANGER, gate.addr(), &[]);
        let stream = raw.ask(&row.fields, row.body.is_none());
        if let Some(body) = row.body {
            let _ = raw.send(&frames::frame(DATA, END_STREAM, stream, body));
        }
        let heard = raw.hear(stream);
        match row.want {
            Reset => {
                assert_eq!((heard.status, heard.reset), (None, Some(PROTOCOL_ERROR)), "{}", row.name);
            }
            Ended => assert_eq!(raw.goodbye, Some(PROTOCOL_ERROR), "{}", row.name),
            _ => {
                assert_eq!(heard.status, Some(403), "{}: {heard:?}", row.name);
                denied += 1;
            }
        }
    }
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), denied);
    assert!(events.iter().all(|event| event["reason"] == "not_listed" && event["http"] == "2"), "{events:?}");
}

#[test]
fn a_head_over_its_limit_is_431_or_414_and_logged() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let long = format!("/{}", "a".repeat(17_000));
    let (value, huge) = ("v".repeat(17_000), "v".repeat(40_000));
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("x", "y"), 100).collect();
    let fits: Vec<(&str, &str)> = std::iter::repeat_n(("x", "y"), 99).collect();
    let rows = [
        ("as many fields as may be", [head("GET", "/hook"), fits].concat(), 200, Some("success")),
        ("a field too many", [head("GET", "/hook"), many].concat(), 431, Some("head_too_large")),
        (
            "a long field",
            [head("GET", "/hook"), vec![("x", value.as_str())]].concat(),
            431,
            Some("head_too_large"),
        ),
        ("a long target", head("GET", &long), 414, Some("target_too_long")),
        // Far above the limit the library answers, before the gate sees it.
        ("a huge field", [head("GET", "/hook"), vec![("x", huge.as_str())]].concat(), 431, None),
    ];
    let mut logged = 0;
    for (name, fields, status, reason) in rows {
        let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
        let stream = raw.next_stream();
        let block = crate::harness::http2::hpack::literals(&fields);
        // A frame holds 16 KiB; the rest goes on in CONTINUATION frames.
        let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let end = if at + 1 == pieces.len() { frames::END_HEADERS } else { 0 };
            let frame = if at == 0 {
                frames::frame(frames::HEADERS, end | END_STREAM, stream, piece)
            } else {
                frames::frame(frames::CONTINUATION, end, stream, piece)
            };
            raw.send(&frame).expect("write to the gate");
        }
        assert_eq!(raw.hear(stream).status, Some(status), "{name}");
        if let Some(reason) = reason {
            let event = gate.events_from(logged, 1).remove(0);
            assert_eq!((&event["reason"], &event["http"]), (&reason.into(), &"2".into()), "{name}: {event}");
            logged += 1;
        }
    }
    assert_eq!(upstream.arrivals().len(), 1);
    assert_eq!(gate.finish().events.len(), logged);
}

#[test]
fn cookies_in_fields_of_their_own_reach_the_application_as_one() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")];
    let stream = raw.ask(&[head("GET", "/hook"), crumbs.to_vec()].concat(), true);
    assert_eq!(raw.hear(stream).status, Some(200));
    assert_eq!(upstream.arrivals()[0].head.one("cookie").as_deref(), Some("a=1; b=2; c=3"));
}

#[test]
fn trailers_end_at_the_gate() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let stream = raw.ask(&head("POST", "/hook"), false);
    raw.send(&frames::frame(DATA, 0, stream, b"hello")).expect("write to the gate");
    // The library reads a pseudo-header over here, where RFC 9113 section 8.1 calls it malformed.
    raw.send(&frames::headers(stream, &[(":path", "/other"), ("x-trailer", "1")], true))
        .expect("write to the gate");
    assert_eq!(raw.hear(stream).status, Some(200));
    let arrival = upstream.arrivals().remove(0);
    assert_eq!((arrival.target().as_str(), &*arrival.body), ("/hook", &b"hello"[..]));
    assert_eq!(arrival.head.one("content-length").as_deref(), Some("5"));
    assert!(!arrival.head.text().contains("x-trailer"), "{}", arrival.head.text());
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let expects = [("expect", "100-continue"), ("content-length", "5")];
    let stream = raw.ask(&[head("POST", "/hook"), expects.to_vec()].concat(), false);
    while raw.streams.get(&stream).is_none_or(|heard| heard.interim.is_none()) {
        assert!(raw.take(), "the connection ended");
    }
    assert_eq!((raw.streams[&stream].interim, raw.streams[&stream].status), (Some(100), None));
    assert!(upstream.arrivals().is_empty());
    raw.send(&frames::frame(DATA, END_STREAM, stream, b"hello")).expect("write to the gate");
    assert_eq!(raw.hear(stream).status, Some(200));
    let arrival = upstream.arrivals().remove(0);
    assert_eq!(arrival.body, b"hello");
    assert!(arrival.head.all("expect").is_empty(), "{}", arrival.head.text());
    // Who is turned away is not asked for a body.
    let mut stranger = Raw::connect(STRANGER, gate.addr(), &[]);
    let stream = stranger.ask(&[head("POST", "/hook"), expects.to_vec()].concat(), false);
    while stranger.streams.get(&stream).is_none_or(|heard| heard.status.is_none()) {
        assert!(stranger.take(), "the connection ended");
    }
    assert_eq!((stranger.streams[&stream].interim, stranger.streams[&stream].status), (None, Some(403)));
}
