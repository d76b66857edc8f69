//! Everything an upstream can do wrong. The sender never hears a success that was not said whole, the log says the
//! same, and neither the connection nor the next request suffers.

use std::collections::HashMap;
use std::time::Duration;

use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Act, Answer, Setup, Upstream, post};

/// A fault: its name, what the upstream does, and the status and reasons that must come of it.
#[derive(Clone)]
struct Fault {
    name: &'static str,
    answer: Answer,
    status: u16,
    reasons: &'static [&'static str],
}

const CLOSED: &[&str] = &["upstream_closed"];
const RESET: &[&str] = &["upstream_reset"];
/// Closing with unread bytes makes the kernel send an RST.
const EITHER: &[&str] = &["upstream_closed", "upstream_reset"];
const MALFORMED: &[&str] = &["upstream_malformed"];
const LARGE: &[&str] = &["response_too_large"];

fn cut_answers() -> Vec<Fault> {
    let fault = |name, answer, reasons| Fault { name, answer, status: 503, reasons };
    vec![
        fault("close-at-once", Answer::broken([Act::Close]), CLOSED),
        fault("reset-at-once", Answer::broken([Act::Reset]), RESET),
        fault("close-before-body-is-read", Answer::broken([Act::Close]).before_body(), EITHER),
        fault("close-in-status-line", Answer::cut("HTTP/1.1 20", Act::Close), CLOSED),
        fault("close-in-head", Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Act::Close), CLOSED),
        fault("reset-in-head", Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Act::Reset), RESET),
        fault(
            "close-after-head",
            Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Act::Close),
            CLOSED,
        ),
        fault(
            "close-mid-body",
            Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Act::Close),
            CLOSED,
        ),
        fault(
            "reset-mid-body",
            Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Act::Reset),
            RESET,
        ),
        fault(
            "close-mid-chunk",
            Answer::cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Act::Close),
            CLOSED,
        ),
        fault(
            "no-last-chunk",
            Answer::cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Act::Close),
            CLOSED,
        ),
        fault(
            "close-in-last-chunk",
            Answer::cut(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                Act::Close,
            ),
            CLOSED,
        ),
        fault("http-1.0-reset-before-its-end", Answer::cut("HTTP/1.0 200 OK\r\n\r\nhel", Act::Reset), RESET),
        fault("only-interim", Answer::cut("HTTP/1.1 100 Continue\r\n\r\n", Act::Close), CLOSED),
    ]
}

fn malformed_answers() -> Vec<Fault> {
    let rows: &[(&str, &str)] = &[
        ("garbage", "hello there\r\n\r\n"),
        ("no-version", "200 OK\r\n\r\n"),
        ("http-2-version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("status-of-two-digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("status-of-four-digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
        ("status-in-letters", "HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n"),
        ("two-lengths-that-differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello"),
        ("two-lengths-in-a-list", "HTTP/1.1 200 OK\r\nContent-Length: 2, 5\r\n\r\nhello"),
        ("negative-length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        ("plus-length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
        ("hex-length", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"),
        ("empty-length", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok"),
        (
            "length-and-chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ),
        ("unknown-coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("bare-lf", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        ("bare-lf-in-a-header", "HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok"),
        ("obs-fold", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok"),
        ("nul-in-a-value", "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\nok"),
        ("space-before-colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"),
        ("header-without-colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok"),
        (
            "chunk-size-no-number",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        ),
        (
            "chunk-longer-than-said",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        ),
        (
            "chunk-size-overflows",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n",
        ),
        ("upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    ];
    rows.iter()
        .map(|(name, bytes)| Fault {
            name,
            answer: Answer::cut(*bytes, Act::Close),
            status: 503,
            reasons: MALFORMED,
        })
        .collect()
}

fn large_and_late_answers() -> Vec<Fault> {
    let head = "HTTP/1.1 200 OK\r\n";
    let many_interim = format!("{head}Content-Length: 2\r\n\r\nok");
    let rows: Vec<(&str, Answer, u16, &'static [&'static str])> = vec![
        (
            "body-over-the-limit",
            Answer::cut(format!("{head}Content-Length: 5000\r\n\r\n{}", "x".repeat(5000)), Act::Hold),
            503,
            LARGE,
        ),
        (
            "only-announced-too-large",
            Answer::cut(format!("{head}Content-Length: 99999999\r\n\r\n"), Act::Hold),
            503,
            LARGE,
        ),
        (
            "chunks-over-the-limit",
            Answer::cut(
                format!(
                    "{head}Transfer-Encoding: chunked\r\n\r\n{}",
                    format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(8)
                ),
                Act::Hold,
            ),
            503,
            LARGE,
        ),
        (
            "endless-until-close",
            Answer::cut(format!("{head}Connection: close\r\n\r\n{}", "x".repeat(9000)), Act::Hold),
            503,
            LARGE,
        ),
        (
            "giant-header-line",
            Answer::cut(
                format!("{head}X-Big: {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(2_000_000)),
                Act::Close,
            ),
            503,
            &["response_too_large", "upstream_malformed"],
        ),
        (
            "endless-header-lines",
            Answer::cut(
                format!("{head}{}Content-Length: 2\r\n\r\nok", "X-A: b\r\n".repeat(200_000)),
                Act::Close,
            ),
            503,
            &["response_too_large", "upstream_malformed"],
        ),
        (
            "interim-flood",
            Answer::cut(
                format!("{}{many_interim}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20_000)),
                Act::Close,
            ),
            503,
            MALFORMED,
        ),
        ("never", Answer::broken([Act::Hold]), 504, &["deadline"]),
        ("stalls-in-head", Answer::cut(head, Act::Hold), 504, &["deadline"]),
        (
            "stalls-in-body",
            Answer::cut(format!("{head}Content-Length: 10\r\n\r\nhello"), Act::Hold),
            504,
            &["deadline"],
        ),
        ("drips", Answer::broken(drips()), 504, &["deadline"]),
        (
            "too-late",
            Answer::cut(format!("{head}Content-Length: 2\r\n\r\nok"), Act::Close)
                .first(Act::Pause(Duration::from_millis(900))),
            504,
            &["deadline"],
        ),
    ];
    rows.into_iter().map(|(name, answer, status, reasons)| Fault { name, answer, status, reasons }).collect()
}

/// Each byte comes soon enough for a time-out per read; all of them never come.
fn drips() -> Vec<Act> {
    let mut acts = vec![Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec())];
    for _ in 0..20 {
        acts.extend([Act::Pause(Duration::from_millis(60)), Act::Send(b"x".to_vec())]);
    }
    acts.push(Act::Close);
    acts
}

/// Repeats the target, and closes, so that the next fault meets a fresh connection.
fn good(arrival: &Arrival) -> Answer {
    let body = arrival.target();
    let length = body.len();
    let bytes = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    Answer::raw(bytes, Some(200)).then(Act::Close)
}

/// Every fault meets a fresh upstream connection, and a good request follows it.
fn run(faults: &[Fault], expected_rows: usize, over: impl FnOnce(Setup) -> Setup) {
    assert_eq!(faults.len(), expected_rows);
    let answers: HashMap<String, Answer> =
        faults.iter().map(|f| (format!("/{}", f.name), f.answer.clone())).collect();
    let upstream = Upstream::start(move |arrival| {
        answers.get(&arrival.target()).cloned().unwrap_or_else(|| good(arrival))
    });
    let gate = over(Setup::new(upstream.url()))
        .key("limits", "{ max_response: 4KiB }")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 600ms }"#])
        .start();
    let mut seen = Vec::new();
    let mut session = gate.session(ADMITTED);
    for fault in faults {
        let name = fault.name;
        let reply = session.ask(&post(&format!("/{name}"), name));
        assert_eq!(reply.status, fault.status, "{name}");
        if reply.status == 503 {
            assert_eq!(reply.header("retry-after").as_deref(), Some("5"), "{name}");
        }
        seen.push(Seen::new(name, Some(reply.status)));

        let next = format!("/after-{name}");
        let reply = session.ask(&post(&next, &next));
        assert_eq!((reply.status, reply.text()), (200, next.clone()), "the request after {name}");
        seen.push(Seen::new(&next, Some(200)));
        let (bad, good) = (upstream.of_case(name), upstream.of_case(&next));
        assert_eq!((bad.len(), good.len()), (1, 1), "{name}: each arrives once");
        assert_ne!(bad[0].connection, good[0].connection, "{name}: a broken connection is not used again");
    }
    let events = gate.finish().events;
    oracle::agree(&seen, &upstream.arrivals(), &events);
    for fault in faults {
        let path = format!("/{}", fault.name);
        let event = events.iter().find(|event| event["path"] == path.as_str()).expect("an event");
        assert_eq!(event["outcome"], "undelivered", "{event}");
        assert!(
            fault.reasons.contains(&event["reason"].as_str().expect("reason")),
            "{:?}: {event}",
            fault.reasons
        );
        assert_eq!(event["attempts"], 1, "{event}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_503_and_undelivered() {
    run(&cut_answers(), 14, |setup| setup);
}

#[test]
fn a_malformed_answer_is_503_and_undelivered() {
    run(&malformed_answers(), 24, |setup| setup);
}

#[test]
fn the_log_says_what_is_malformed_and_the_events_say_it_once_a_route() {
    let lines = "A: b\r\n".repeat(101);
    let rows = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            "Content-Length twice",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "both Content-Length and Transfer-Encoding",
        ),
        (format!("HTTP/1.1 200 OK\r\n{lines}\r\n"), "more than 100 header lines"),
        ("\x15\x03\x03\0\x02\x02\x32".to_owned(), "looks like TLS"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(), "chunked body"),
    ];
    let answers: Vec<Answer> = rows.iter().map(|(bytes, _)| Answer::cut(bytes.clone(), Act::Close)).collect();
    let upstream =
        Upstream::start(move |arrival| match arrival.target().trim_start_matches('/').parse::<usize>() {
            Ok(number) => answers[number].clone(),
            Err(_) => Answer::raw(
                "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
                Some(200),
            ),
        });
    let gate = Setup::new(upstream.url()).start();
    for (number, (_, words)) in rows.iter().enumerate() {
        assert_eq!(gate.ask(ADMITTED, &post(&format!("/{number}"), "flaw")).status, 503);
        let event = gate.events(number + 1)[number].clone();
        assert_eq!(event["reason"], "upstream_malformed", "{event}");
        assert!(event["note"].as_str().expect("a note").contains(words), "{event}");
    }
    let reply = gate.ask(ADMITTED, &post("/same", "same"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    assert_eq!(reply.head.all("content-length"), ["2"]);
    let warned = |message: &str, _: &_| message == "the application's answer is malformed";
    let warning = gate.wait_message(0, warned);
    assert_eq!((&warning["count"], &warning["level"]), (&1.into(), &"WARN".into()), "{warning}");
    assert_eq!(gate.log().matches("answer is malformed").count(), 1, "once for the route");
}

#[test]
fn an_answer_too_large_or_too_late_is_undelivered() {
    run(&large_and_late_answers(), 12, |setup| setup);
}

/// On the transport that `over` sets up.
pub fn no_broken_answer_is_a_success(over: impl FnOnce(Setup) -> Setup) {
    run(&[cut_answers(), malformed_answers()].concat(), 14 + 24, over);
}

#[test]
fn an_answer_is_bounded_with_its_head_and_a_broken_one_reports_its_status() {
    const HEAD: usize = 17 + 310 + 22 + 2;
    let answer = |length: usize, sent: usize| {
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: {length:04}\r\n\r\n", "x".repeat(300));
        assert_eq!(head.len(), HEAD);
        let bytes = [head.as_bytes(), &vec![b'a'; sent]].concat();
        if sent < length {
            Answer::broken([Act::Send(bytes), Act::Close])
        } else {
            Answer::raw(bytes, Some(200))
        }
    };
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/exact" => answer(4096 - HEAD, 4096 - HEAD),
        "/over" => answer(4097 - HEAD, 4097 - HEAD),
        _ => answer(2, 1),
    });
    let gate = Setup::new(upstream.url()).key("limits", "{ max_response: 4KiB }").start();
    let told = ["/exact", "/over", "/half"].map(|path| gate.ask(ADMITTED, &post(path, "x")).status);
    assert_eq!(told, [200, 503, 503]);
    let said: Vec<_> = gate.finish().events.iter().map(|event| event["upstream_status"].clone()).collect();
    assert_eq!(said, [200, 200, 200], "also where the answer was not whole");
}
