//! The access log: one request, one parsable line, complete and free of message content.

use serde_json::Value;

use crate::harness::gate::lines::json;
use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Upstream, post, request};

/// Asserts that the gate logged exactly one event, with this outcome and reason, and gives it.
pub fn only_event(gate: Gate, outcome: &str, reason: &str) -> Value {
    let mut events = gate.finish().events;
    assert_eq!(events.len(), 1, "logged exactly once: {events:?}");
    let event = events.remove(0);
    assert_eq!((&event["outcome"], &event["reason"]), (&outcome.into(), &reason.into()), "{event}");
    event
}

#[test]
fn whatever_a_path_holds_one_request_is_one_parsable_log_line() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let paths: [&[u8]; 10] = [
        br#"/quote"and\backslash"#,
        br#"/"},{"outcome":"delivered"#,
        b"/escape\x1b[31mred",
        b"/tab\there",
        b"/cr\rhere",
        b"/nul\0here",
        b"/latin1-\xe9\xff",
        b"/cut-utf8-\xe2\x82",
        "/ls-ps-\u{2028}\u{2029}".as_bytes(),
        b"/del\x7f",
    ];
    for (number, path) in paths.iter().enumerate() {
        for (from, place) in [(ADMITTED, 0), (STRANGER, 1)] {
            let bytes = [b"GET ", *path, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            let status = gate.ask(from, &bytes).status;
            assert!(matches!(status, 200 | 400 | 403), "{:?}: {status}", String::from_utf8_lossy(path));
            assert_eq!((status == 403), place == 1, "{:?}", String::from_utf8_lossy(path));
            // `events` parses every line; a line too many or too few would shift the count.
            let events = gate.events(2 * number + place + 1);
            assert_eq!(events.len(), 2 * number + place + 1);
            let told = events.last().expect("an event")["outcome"] == "delivered";
            assert_eq!(told, status == 200, "{:?}", String::from_utf8_lossy(path));
        }
    }
    let events = gate.finish().events;
    assert_eq!(events.len(), 2 * paths.len());
    let forwarded = events.iter().filter(|event| event["outcome"] == "delivered").count();
    assert_eq!(upstream.arrivals().len(), forwarded);
}

#[test]
fn every_event_has_every_key() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    gate.ask(ADMITTED, &post("/ok", "ok"));
    gate.ask(STRANGER, &post("/no", "no"));
    gate.ask(ADMITTED, b"nonsense\r\n\r\n");
    let keys = [
        "ts",
        "request_id",
        "outcome",
        "reason",
        "client_ip",
        "peer_ip",
        "list",
        "prefix",
        "route",
        "webhook",
        "method",
        "path",
        "status",
        "upstream_status",
        "delivered",
        "attempts",
        "bytes_in",
        "bytes_out",
        "duration_ms",
        "upstream_ms",
        "generation",
        "tls",
        "http",
    ];
    let events = gate.finish().events;
    assert_eq!(events.len(), 3);
    for event in events {
        let object = event.as_object().expect("an object");
        for key in keys {
            assert!(object.contains_key(key), "{key} in {event}");
        }
        assert!(event["delivered"].is_boolean(), "{event}");
    }
}

#[test]
fn the_access_log_never_holds_a_query_a_header_or_a_body() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let bytes = request("POST", "/hook?msisdn=14845552121", &[("X-Secret", "in-a-header")], b"in-a-body");
    assert_eq!(gate.ask(ADMITTED, &bytes).status, 200);
    let line = gate.event().to_string();
    assert!(line.contains("\"/hook\""), "{line}");
    for secret in ["14845552121", "in-a-header", "in-a-body"] {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
}

/// A container's runtime cuts lines at 16 KiB, and half a line is no JSON.
#[test]
fn a_path_of_any_bytes_and_length_makes_a_line_of_at_most_8_kib() {
    let upstream = Upstream::echo();
    let key = "{ format: json, level: info, access: ./access.log }";
    let gate = Setup::new(upstream.url()).http1().key("log", key).start();
    let _folder = std::sync::Arc::clone(&gate.setup.dir);
    let file = gate.setup.path().join("access.log");
    for byte in [b"\"", b"a"] {
        let bytes = [b"GET /", byte.repeat(15_000).as_slice(), b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        gate.ask(STRANGER, &bytes);
    }
    assert_eq!(gate.finish().code, Some(0));
    let text = std::fs::read_to_string(&file).expect("a log file");
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        assert!(line.len() < 8192, "{} bytes", line.len());
        let path = json(line)["path"].as_str().expect("a path").to_owned();
        assert!(path.starts_with('/') && path.ends_with('…') && path.len() > 1000, "{path}");
    }
}

#[test]
fn a_log_file_is_opened_anew_at_a_reload_so_that_it_can_be_rotated() {
    let upstream = Upstream::echo();
    let gate =
        Setup::new(upstream.url()).key("log", "{ format: json, level: info, access: ./access.log }").start();
    let _folder = std::sync::Arc::clone(&gate.setup.dir);
    let (file, rotated) = (gate.setup.path().join("access.log"), gate.setup.path().join("access.log.1"));
    assert_eq!(gate.ask(ADMITTED, &post("/before", "before")).status, 200);
    // The line follows the answer; a rotation before it would be one of nothing.
    let begin = std::time::Instant::now();
    while std::fs::metadata(&file).expect("a log file").len() == 0
        && begin.elapsed() < crate::harness::PATIENCE
    {
        std::thread::yield_now();
    }
    std::fs::rename(&file, &rotated).expect("rotate");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.ask(ADMITTED, &post("/after", "after")).status, 200);
    assert_eq!(gate.finish().code, Some(0));
    let paths = |file: &std::path::Path| -> Vec<Value> {
        let text = std::fs::read_to_string(file).expect("a log file");
        text.lines().map(|line| json(line)["path"].clone()).collect()
    };
    // The writer is behind the requests, so an event from before may come into the new file; none may be lost, and
    // none from after may go where nobody looks any more.
    let (old, new) = (paths(&rotated), paths(&file));
    assert_eq!([old.as_slice(), new.as_slice()].concat(), ["/before", "/after"], "{old:?} then {new:?}");
    assert_eq!(new.last(), Some(&"/after".into()), "{old:?} then {new:?}");
}

#[test]
fn bytes_out_is_what_the_sender_got_whatever_the_version_of_http() {
    let upstream = Upstream::echo();
    for (setup, sent) in
        [(Setup::new(upstream.url()).plainly(), 14), (Setup::new(upstream.url()).over_h2c(), 0)]
    {
        let gate = setup.start();
        let reply = gate.ask(STRANGER, &crate::harness::get("/hook"));
        assert_eq!((reply.status, reply.body.len()), (403, sent));
        assert_eq!(gate.event()["bytes_out"], sent, "HTTP/2 leaves out a body that only repeats the status");
    }
}
