//! Connections to the upstream: when one may be used again, when a request may be sent again, and none at all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Latch, Port, Setup, Upstream, post};

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
    let mut session = gate.session(ADMITTED);
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
fn bytes_that_nobody_asked_for_on_an_idle_connection_end_its_use() {
    let (idle, poisoned) = (Latch::default(), Latch::default());
    let (wait, tell) = (idle.clone(), poisoned.clone());
    let poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/first" => echo(arrival)
            .then(Act::Until(wait.clone()))
            .then(Act::Send(poison.to_vec()))
            .then(Act::Tell(tell.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut session = gate.session(ADMITTED);
    assert_eq!(session.ask(&post("/first", "first")).text(), "/first");
    idle.release();
    poisoned.wait();
    let reply = session.ask(&post("/next", "next"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "/next"));
    assert_ne!(upstream.of_case("first")[0].connection, upstream.of_case("next")[0].connection);
    let seen = [Seen::new("first", Some(200)), Seen::new("next", Some(200))];
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

#[test]
fn a_refusal_counts_though_the_application_never_reads_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.sock");
    let over = Latch::default();
    let held = over.clone();
    let upstream = Upstream::start_unix(&path, move |arrival| {
        let status = arrival.target()[1..].parse().unwrap();
        let refusal = format!("HTTP/1.1 {status} No\r\nRetry-After: 77\r\nContent-Length: 2\r\n\r\nno");
        Answer::raw(refusal, Some(status)).before_body().then(Act::Until(held.clone()))
    });
    let gate = Setup::new(upstream.url()).start();
    let body = vec![b'x'; 400_000];
    for status in [413, 503] {
        let target = format!("/{status}");
        let reply = gate.ask(ADMITTED, &crate::harness::request("POST", &target, &[], &body));
        assert_eq!((reply.status, reply.text().as_str()), (status, "no"));
    }
    over.release();
    let events = gate.finish().events;
    assert!(events.iter().all(|event| event["upstream_status"] == event["status"]), "{events:#?}");
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
    thread::sleep(RESTED);
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
        (Answer::cut("H", Act::Close), 503),
        (Answer::cut("HTTP/1.1 200 OK\r\n", Act::Reset), 503),
        (Answer::cut("HTTP/1.1 103 Early Hints\r\n\r\n", Act::Close), 503),
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
    let mut session = gate.session(ADMITTED);
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

#[test]
fn a_refused_connection_is_503_at_once() {
    let port = Port::free("127.0.0.1");
    let gate = Setup::new(&port.url()).start();
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

/// An application that answers some requests twice: the second answer comes a little late.
fn twice(late: Duration) -> Upstream {
    let poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    Upstream::start(move |arrival| {
        if arrival.target().starts_with("/twice") {
            echo(arrival).then(Act::Pause(late)).then(Act::Send(poison.to_vec()))
        } else {
            echo(arrival)
        }
    })
}

#[test]
fn an_application_that_answers_twice_is_found_out_and_no_later_sender_pays() {
    for late in [0, 1, 2, 4] {
        let upstream = twice(Duration::from_millis(late));
        let gate = Setup::new(upstream.url()).start();
        let mut session = gate.session(ADMITTED);
        let mut foreign = 0;
        for number in 0..300 {
            let target =
                if number % 50 == 0 { format!("/twice/{number}") } else { format!("/once/{number}") };
            foreign += usize::from(session.ask(&post(&target, &target)).text() != target);
        }
        assert_eq!(foreign, 0, "{late} ms late");
        gate.wait_message(0, |message, line| {
            line["level"] == "WARN" && message.contains("more than one answer")
        });
    }
}

#[test]
fn a_408_on_a_kept_connection_is_no_answer_to_the_request_that_met_it() {
    for announced in ["Connection: close\r\n", ""] {
        let upstream = Upstream::start(move |arrival| {
            // Whoever comes second on a connection has met its end.
            if arrival.target() == "/second" && arrival.connection == 0 {
                let bytes = format!("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n{announced}\r\n");
                return Answer::raw(bytes, Some(408)).then(Act::Close);
            }
            echo(arrival)
        });
        let gate = Setup::new(upstream.url()).start();
        let mut session = gate.session(ADMITTED);
        assert_eq!(session.ask(&post("/first", "first")).status, 200);
        thread::sleep(RESTED);
        assert_eq!(session.ask(&post("/second", "second")).text(), "/second");
        let events = gate.events(2);
        let second = &events[1];
        assert_eq!((&second["attempts"], &second["delivered"]), (&2.into(), &true.into()), "{second}");
    }
}

/// Longer than a connection rests, and shorter than it is kept.
pub const RESTED: Duration = Duration::from_millis(50);

#[test]
fn a_connection_is_not_kept_after_an_answer_that_has_no_body() {
    let upstream = Upstream::start(|arrival| {
        let status = arrival.target()[1..].parse().unwrap_or(200);
        Answer::status(status)
    });
    let gate = Setup::new(upstream.url()).start();
    let mut session = gate.session(ADMITTED);
    for (round, status) in [204, 205, 304].into_iter().enumerate() {
        let before = upstream.connections();
        session.ask(&post(&format!("/{status}"), "none"));
        thread::sleep(RESTED);
        session.ask(&post("/200", "next"));
        let arrivals = upstream.arrivals();
        let [.., none, next] = &arrivals[..] else { panic!("two requests") };
        assert_ne!(none.connection, next.connection, "{status}, round {round}, {before} connections before");
        thread::sleep(RESTED);
    }
    session.ask(&post("/200", "kept"));
    let arrivals = upstream.arrivals();
    let [.., next, kept] = &arrivals[..] else { panic!("two requests") };
    assert_eq!(next.connection, kept.connection, "an ordinary answer's connection is kept");
}
