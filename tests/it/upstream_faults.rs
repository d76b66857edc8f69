//! Everything an upstream can do wrong. The sender never hears a success that was not said whole, the log says the
//! same, and neither the connection nor the next request suffers.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::echo;
use crate::harness::{ADMITTED, Act, Answer, Sender, Session, Setup, Upstream, post};

/// A fault: its name, what the upstream does, and the status and reasons that must come of it.
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

fn after(bytes: impl Into<Vec<u8>>, end: Act) -> Answer {
    Answer::broken([Act::Send(bytes.into()), end])
}

fn cut_answers() -> Vec<Fault> {
    let fault = |name, answer, reasons| Fault { name, answer, status: 503, reasons };
    vec![
        fault("close-at-once", Answer::broken([Act::Close]), CLOSED),
        fault("reset-at-once", Answer::broken([Act::Reset]), RESET),
        fault("close-before-body-is-read", Answer::broken([Act::Close]).before_body(), EITHER),
        fault("close-in-status-line", after("HTTP/1.1 20", Act::Close), CLOSED),
        fault("close-in-head", after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Act::Close), CLOSED),
        fault("reset-in-head", after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Act::Reset), RESET),
        fault("close-after-head", after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Act::Close), CLOSED),
        fault(
            "close-mid-body",
            after("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Act::Close),
            CLOSED,
        ),
        fault(
            "reset-mid-body",
            after("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Act::Reset),
            RESET,
        ),
        fault(
            "close-mid-chunk",
            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Act::Close),
            CLOSED,
        ),
        fault(
            "no-last-chunk",
            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Act::Close),
            CLOSED,
        ),
        fault(
            "close-in-last-chunk",
            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", Act::Close),
            CLOSED,
        ),
        fault("http-1.0-reset-before-its-end", after("HTTP/1.0 200 OK\r\n\r\nhel", Act::Reset), RESET),
        fault("only-interim", after("HTTP/1.1 100 Continue\r\n\r\n", Act::Close), CLOSED),
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
            answer: after(*bytes, Act::Close),
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
            after(format!("{head}Content-Length: 5000\r\n\r\n{}", "x".repeat(5000)), Act::Hold),
            503,
            LARGE,
        ),
        (
            "only-announced-too-large",
            after(format!("{head}Content-Length: 99999999\r\n\r\n"), Act::Hold),
            503,
            LARGE,
        ),
        (
            "chunks-over-the-limit",
            after(
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
            after(format!("{head}Connection: close\r\n\r\n{}", "x".repeat(9000)), Act::Hold),
            503,
            LARGE,
        ),
        (
            "giant-header-line",
            after(
                format!("{head}X-Big: {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(2_000_000)),
                Act::Close,
            ),
            503,
            &["response_too_large", "upstream_malformed"],
        ),
        (
            "endless-header-lines",
            after(format!("{head}{}Content-Length: 2\r\n\r\nok", "X-A: b\r\n".repeat(200_000)), Act::Close),
            503,
            &["response_too_large", "upstream_malformed"],
        ),
        (
            "interim-flood",
            after(format!("{}{many_interim}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20_000)), Act::Close),
            503,
            MALFORMED,
        ),
        ("never", Answer::broken([Act::Hold]), 504, &["deadline"]),
        ("stalls-in-head", after(head, Act::Hold), 504, &["deadline"]),
        (
            "stalls-in-body",
            after(format!("{head}Content-Length: 10\r\n\r\nhello"), Act::Hold),
            504,
            &["deadline"],
        ),
        ("drips", Answer::broken(drips()), 504, &["deadline"]),
        (
            "too-late",
            after(format!("{head}Content-Length: 2\r\n\r\nok"), Act::Close)
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

/// Every fault meets a fresh upstream connection, and a good request follows it.
fn run(faults: Vec<Fault>, expected_rows: usize) {
    assert_eq!(faults.len(), expected_rows);
    let answers: HashMap<String, Answer> =
        faults.iter().map(|f| (format!("/{}", f.name), f.answer.clone())).collect();
    let upstream = Upstream::start(move |arrival| match answers.get(&arrival.target()) {
        Some(answer) => answer.clone(),
        // Closing after each good answer keeps the next fault on a fresh connection.
        None => {
            let body = arrival.target();
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            Answer::raw(head, Some(200)).then(Act::Close)
        }
    });
    let gate = Setup::new(upstream.url())
        .key("limits", "{ max_response: 4KiB }")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 600ms }"#])
        .start();
    let mut seen = Vec::new();
    let mut session = Session::new(ADMITTED, gate.addr());
    for fault in &faults {
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
    for (fault, event) in faults.iter().zip(events.iter().step_by(2)) {
        assert_eq!(event["path"], format!("/{}", fault.name), "events come in order here");
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
    run(cut_answers(), 14);
}

#[test]
fn a_malformed_answer_is_503_and_undelivered() {
    run(malformed_answers(), 24);
}

#[test]
fn an_answer_too_large_or_too_late_is_undelivered() {
    run(large_and_late_answers(), 12);
}

#[test]
fn an_answer_that_ends_with_its_connection_counts_when_it_ends_cleanly() {
    for bytes in ["HTTP/1.0 200 OK\r\n\r\nwhole", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole"] {
        let upstream = Upstream::start(move |_| Answer::raw(bytes, Some(200)).then(Act::Close));
        let gate = Setup::new(upstream.url()).start();
        let reply = gate.ask(ADMITTED, &post("/", "eof"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "whole"), "{bytes:?}");
        assert_eq!(gate.event()["delivered"], true);
    }
}

#[test]
fn bytes_after_an_answer_never_become_the_next_answer() {
    let upstream = Upstream::start(|arrival| match arrival.target().as_str() {
        "/extra" => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nownHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
            Some(200),
        ),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut session = Session::new(ADMITTED, gate.addr());
    let mut seen = Vec::new();
    for round in 0..200 {
        let (extra, next) = (format!("extra-{round}"), format!("next-{round}"));
        let reply = session.ask(&post("/extra", &extra));
        assert_eq!((reply.status, reply.text().as_str()), (200, "own"), "round {round}");
        let target = format!("/{next}");
        let reply = session.ask(&post(&target, &next));
        assert_eq!((reply.status, reply.text()), (200, target), "round {round}");
        assert_ne!(
            upstream.of_case(&extra)[0].connection,
            upstream.of_case(&next)[0].connection,
            "round {round}"
        );
        seen.extend([Seen::new(&extra, Some(200)), Seen::new(&next, Some(200))]);
    }
    assert_eq!(seen.len(), 400);
    oracle::agree(&seen, &upstream.arrivals(), &gate.finish().events);
}

#[test]
fn an_early_answer_counts_and_its_connection_is_not_used_again() {
    let upstream = Upstream::start(|arrival| match arrival.target().as_str() {
        "/early" => Answer::status(200).before_body().then(Act::Hold),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let body = vec![b'x'; 100_000];
    let early = crate::harness::request("POST", "/early", &[("X-Case", "early")], &body);
    let status = gate.ask(ADMITTED, &early).status;
    // The answer came before the request was written whole: a success of it may be believed or not, but all agree.
    assert!(matches!(status, 200 | 503), "{status}");
    assert_eq!(gate.ask(ADMITTED, &post("/next", "next")).text(), "/next");
    let seen = [Seen::new("early", Some(status)), Seen::new("next", Some(200))];
    oracle::agree(&seen, &upstream.arrivals(), &gate.finish().events);
}

/// What the upstream does about the first `failures` arrivals of `/faulty`; `/warm` leaves an idle connection.
fn after_warming(answer: Answer, failures: usize) -> (u16, usize, serde_json::Value) {
    let count = AtomicUsize::new(0);
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/faulty" if count.fetch_add(1, Ordering::Relaxed) < failures => answer.clone(),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 600ms }"#])
        .start();
    assert_eq!(gate.ask(ADMITTED, &post("/warm", "warm")).status, 200);
    let reply = gate.ask(ADMITTED, &post("/faulty", "faulty"));
    let arrivals = upstream.of_case("faulty");
    assert_eq!(
        arrivals[0].connection,
        upstream.of_case("warm")[0].connection,
        "the idle connection was used"
    );
    let events = gate.finish().events;
    oracle::agree(
        &[Seen::new("warm", Some(200)), Seen::new("faulty", Some(reply.status))],
        &upstream.arrivals(),
        &events,
    );
    let event = events.iter().find(|event| event["path"] == "/faulty").expect("its event");
    (reply.status, arrivals.len(), event.clone())
}

#[test]
fn a_reused_connection_that_fails_before_a_byte_is_tried_once_more() {
    for end in [Act::Close, Act::Reset] {
        let (status, arrivals, event) = after_warming(Answer::broken([end.clone()]), 1);
        assert_eq!((status, arrivals, &event["attempts"]), (200, 2, &2.into()), "{event}");
        let (status, arrivals, event) = after_warming(Answer::broken([end]), 9);
        assert_eq!(
            (status, arrivals, &event["attempts"]),
            (503, 2, &2.into()),
            "never a third time: {event}"
        );
    }
}

#[test]
fn nothing_is_sent_twice_after_a_response_byte_or_a_time_out() {
    let rows = [
        (after("H", Act::Close), 503),
        (after("HTTP/1.1 200 OK\r\n", Act::Reset), 503),
        (after("HTTP/1.1 103 Early Hints\r\n\r\n", Act::Close), 503),
        (Answer::broken([Act::Hold]), 504),
    ];
    for (answer, want) in rows {
        let (status, arrivals, event) = after_warming(answer, 9);
        assert_eq!((status, arrivals, &event["attempts"]), (want, 1, &1.into()), "{event}");
    }
}

/// 200 POSTs over one sender connection to an upstream that hangs up after each answer; all must come through.
fn idle_race<const ACTS: usize>(end: [Act; ACTS]) {
    let upstream = Upstream::start(move |arrival| end.iter().cloned().fold(echo(arrival), Answer::then));
    let gate = Setup::new(upstream.url()).start();
    let mut session = Session::new(ADMITTED, gate.addr());
    let mut seen = Vec::new();
    for round in 0..200 {
        let case = format!("/race/{round}");
        let reply = session.ask(&post(&case, &case));
        assert_eq!((reply.status, reply.text()), (200, case.clone()), "{case}");
        seen.push(Seen::new(&case, Some(reply.status)));
    }
    assert_eq!(seen.len(), 200);
    oracle::agree(&seen, &upstream.arrivals(), &gate.finish().events);
}

#[test]
fn an_upstream_that_closes_some_time_after_each_answer_costs_no_post() {
    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }
    // What comes in while it pauses is lost with an RST.
    idle_race([Act::Close]);
    idle_race([Act::Pause(ms(2)), Act::Close]);
    idle_race([Act::Pause(ms(5)), Act::Close]);
    idle_race([Act::Pause(ms(10)), Act::Close]);
    // Here only idling ends the connection.
    idle_race([Act::CloseIdle(ms(2))]);
    idle_race([Act::CloseIdle(ms(5))]);
    idle_race([Act::CloseIdle(ms(10))]);
}

/// A port that nobody listens on and nobody else can get while the socket lives.
fn bound_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a port");
    let address = socket.local_addr().expect("its address").as_socket().expect("an IP address");
    (socket, address)
}

#[test]
fn a_refused_connection_is_503_at_once() {
    let (_held, address) = bound_port();
    let gate = Setup::new(&format!("http://{address}")).start();
    let begin = Instant::now();
    let reply = gate.ask(ADMITTED, &post("/", "refused"));
    assert!(begin.elapsed() < Duration::from_secs(1), "a refusal needs no time-out");
    assert_eq!((reply.status, reply.header("retry-after").as_deref()), (503, Some("5")));
    let event = gate.event();
    assert_eq!(
        (&event["outcome"], &event["reason"]),
        (&"undelivered".into(), &"connect_refused".into()),
        "{event}"
    );
    assert!(event["upstream_status"].is_null(), "{event}");
}

#[test]
fn a_black_hole_is_503_after_the_connect_time_out() {
    let (socket, address) = bound_port();
    socket.listen(0).expect("listen");
    // A full accept queue drops what comes after: a host that does not answer.
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 100, "this kernel does not fill the queue");
    }
    let gate = Setup::new(&format!("http://{address}")).start();
    let begin = Instant::now();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/", "hole"));
    assert_eq!(sender.reply().status, 503);
    let took = begin.elapsed();
    assert!(
        (Duration::from_millis(900)..Duration::from_millis(2500)).contains(&took),
        "1 s is the time-out: {took:?}"
    );
    assert_eq!(gate.event()["reason"], "connect_timeout");
}
