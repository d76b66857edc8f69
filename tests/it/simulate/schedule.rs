//! The moments of the tries are those of the vendor's documents, whichever way an application fails.
//!
//! The tables here are written from the documents, not from the program: support articles 226572227 and 360028543292, the
//! application specification and the Voice webhook reference.

use super::{first_try, json, run};
use crate::harness::{Act, Answer, Port, Upstream};

/// What becomes of a try: again by the schedule, once more and then elsewhere, elsewhere at once, or nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Again,
    Elsewhere,
    Unstated,
}
use Then::{Again, Elsewhere, Unstated};

/// How an application fails, how the program calls it, and what then becomes of a message of SMS or Messages, of Verify, and
/// of an answer webhook.
struct Failure {
    name: &'static str,
    answer: fn() -> Answer,
    ended: &'static str,
    messages: Then,
    verify: Then,
    voice: Then,
}

const fn failure(
    name: &'static str,
    answer: fn() -> Answer,
    ended: &'static str,
    then: [Then; 3],
) -> Failure {
    let [messages, verify, voice] = then;
    Failure { name, answer, ended, messages, verify, voice }
}

const FAILURES: [Failure; 12] = [
    failure("503", || Answer::status(503), "status", [Again, Again, Again]),
    failure("429", || Answer::status(429), "status", [Again, Again, Again]),
    failure("500", || Answer::status(500), "status", [Again, Again, Elsewhere]),
    failure("504", || Answer::status(504), "status", [Again, Again, Again]),
    failure("404", || Answer::status(404), "status", [Unstated, Again, Elsewhere]),
    failure(
        "302",
        || Answer::raw("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", Some(302)),
        "status",
        [Unstated, Again, Elsewhere],
    ),
    failure("206", || Answer::status(206), "status", [Unstated, Unstated, Elsewhere]),
    failure("close", || Answer::broken([Act::Close]), "closed", [Again, Again, Again]),
    failure("reset", || Answer::broken([Act::Reset]), "closed", [Again, Again, Again]),
    failure(
        "half a head",
        || Answer::cut("HTTP/1.1 200 OK\r\nContent-", Act::Close),
        "closed",
        [Again, Again, Again],
    ),
    failure(
        "half a body",
        || Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Act::Close),
        "closed",
        [Again, Again, Again],
    ),
    failure(
        "no HTTP",
        || Answer::cut("220 mail.example ESMTP\r\n", Act::Close),
        "garbled",
        [Again, Again, Elsewhere],
    ),
];

const FAST: [&str; 4] = ["--until", "success", "--speed", "1000000"];

/// After 5 s, doubling to 15 minutes, for 24 hours.
fn doubling() -> Vec<u64> {
    let (mut moments, mut at, mut wait) = (Vec::new(), 0, 5);
    while at <= 24 * 3600 {
        moments.push(at);
        at += wait;
        wait = (wait * 2).min(15 * 60);
    }
    moments
}

fn every_minute(hours: u64) -> Vec<u64> {
    (0..=hours * 60).map(|minute| minute * 60).collect()
}

/// The moments of all tries, how each ended, and what came after the last.
fn tries(args: &[&str]) -> (Vec<u64>, Vec<String>, String) {
    let (code, document) = json(&[args, &FAST].concat());
    assert_eq!(code, 3, "{args:?}");
    let tries = document["messages"][0]["tries"].as_array().expect("tries").clone();
    let word = |one: &serde_json::Value, key: &str| one[key].as_str().expect("a word").to_owned();
    let last = word(tries.last().expect("a try"), "next");
    (
        tries.iter().map(|one| one["at_s"].as_u64().expect("a moment")).collect(),
        tries.iter().map(|one| word(one, "ended")).collect(),
        last,
    )
}

fn wanted(then: Then, schedule: Vec<u64>, end: &'static str) -> (Vec<u64>, &'static str) {
    match then {
        Again => (schedule, end),
        Elsewhere => (vec![0], end),
        Unstated => (vec![0], "unstated"),
    }
}

#[test]
#[ignore = "seven thousand tries: make test-long"]
fn each_way_to_fail_has_the_tries_of_the_documents() {
    let mut seen = 0;
    for failure in &FAILURES {
        let upstream = Upstream::start(|_| (failure.answer)());
        let mut hold = |webhook: &str, extra: &[&str], (moments, end): (Vec<u64>, &str)| {
            let before = upstream.arrivals().len();
            let (at, ended, last) = tries(&[&[webhook, "--to", upstream.url()], extra].concat());
            assert_eq!((&at, last.as_str()), (&moments, end), "{webhook} {}", failure.name);
            assert!(ended.iter().all(|word| word == failure.ended), "{webhook} {}: {ended:?}", failure.name);
            assert_eq!(upstream.arrivals().len() - before, moments.len(), "{webhook} {}", failure.name);
            seen += 1;
        };
        for webhook in ["messages-inbound", "messages-status", "video"] {
            hold(webhook, &[], wanted(failure.messages, doubling(), "lost"));
        }
        hold("sms-inbound", &["--other-schedule"], wanted(failure.messages, doubling(), "lost"));
        hold("verify", &[], wanted(failure.verify, doubling(), "lost"));
        hold("voice-answer", &[], wanted(failure.voice, vec![0, 0], "fallback"));
        hold("voice-event", &[], voice_event(failure));
        hold("voice-fallback", &[], wanted(failure.voice, vec![0, 0], "lost"));
        for webhook in ["number-insight", "rtc-event"] {
            hold(webhook, &[], (vec![0], "unstated"));
        }
    }
    assert_eq!(seen, 12 * 10);
}

/// An event has no answer that must be an NCCO.
fn voice_event(failure: &Failure) -> (Vec<u64>, &'static str) {
    wanted(failure.voice, vec![0, 0], "fallback")
}

#[test]
#[ignore = "seven thousand tries: make test-long"]
fn sms_is_tried_each_minute_for_a_day_and_a_receipt_for_three() {
    let upstream = Upstream::start(|_| Answer::status(500));
    for (webhook, hours) in [("sms-inbound", 24), ("short-code", 24), ("sms-delivery-receipt", 72)] {
        let (at, _, last) = tries(&[webhook, "--to", upstream.url()]);
        assert_eq!((at, last.as_str()), (every_minute(hours), "lost"), "{webhook}");
    }
}

#[test]
fn a_refused_connection_is_tried_again_by_messages_and_not_by_voice() {
    let port = Port::free("127.0.0.1");
    let (at, ended, last) = tries(&["messages-inbound", "--to", &port.url()]);
    assert_eq!((at, last.as_str()), (doubling(), "lost"));
    assert!(ended.iter().all(|word| word == "no_connection"), "{ended:?}");
    let (at, _, last) = tries(&["voice-answer", "--to", &port.url()]);
    assert_eq!((at, last.as_str()), (vec![0], "fallback"));
}

#[test]
fn the_first_success_ends_the_tries() {
    let failures = std::sync::atomic::AtomicU32::new(3);
    let upstream = Upstream::start(move |_| {
        let left = failures.load(std::sync::atomic::Ordering::SeqCst);
        failures.store(left.saturating_sub(1), std::sync::atomic::Ordering::SeqCst);
        Answer::status(if left > 0 { 503 } else { 200 })
    });
    let (code, document) = json(&[&["messages-inbound", "--to", upstream.url()], &FAST[..]].concat());
    let tries = document["messages"][0]["tries"].as_array().expect("tries").clone();
    let at: Vec<u64> = tries.iter().filter_map(|one| one["at_s"].as_u64()).collect();
    assert_eq!((code, at), (0, vec![0, 5, 15, 35]), "{document}");
    assert_eq!(tries[3]["next"], "delivered");
    let bodies: Vec<Vec<u8>> = upstream.arrivals().into_iter().map(|arrival| arrival.body).collect();
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "each try is the same message");
}

#[test]
fn a_lost_success_is_tried_to_the_end_and_must_be_taken_each_time() {
    let upstream = Upstream::start(|_| Answer::status(200));
    let args = ["messages-inbound", "--to", upstream.url(), "--until", "lost", "--speed", "1000000"];
    let (code, document) = json(&args);
    assert_eq!((code, document["good"].as_u64()), (0, Some(1)));
    let tries = document["messages"][0]["tries"].as_array().expect("tries").len();
    assert_eq!((tries, upstream.arrivals().len()), (doubling().len(), doubling().len()));
    // An application that takes a message once and chokes on the repeat.
    let first = std::sync::atomic::AtomicBool::new(true);
    let upstream = Upstream::start(move |_| {
        Answer::status(if first.swap(false, std::sync::atomic::Ordering::SeqCst) { 200 } else { 500 })
    });
    let args = ["messages-inbound", "--to", upstream.url(), "--until", "lost", "--speed", "1000000"];
    assert_eq!(json(&args).0, 3);
}

#[test]
#[ignore = "waits for real time-outs: make test-long"]
fn time_outs_are_those_of_the_sender_and_voice_tries_twice() {
    let upstream = Upstream::start(|_| Answer::broken([Act::Hold]));
    let voice = || {
        let (at, ended, last) = tries(&["voice-answer", "--to", upstream.url()]);
        assert_eq!((at, last.as_str()), (vec![0, 5], "fallback"), "a time-out counts on the sender's clock");
        assert_eq!(ended, ["timed_out", "timed_out"]);
    };
    let once = |webhook: &'static str, seconds: u64| {
        let (code, document) = json(&[webhook, "--to", upstream.url()]);
        let took = first_try(&document)["took_ms"].as_u64().expect("a time");
        assert_eq!(code, 3);
        assert!((seconds * 1000..seconds * 1000 + 900).contains(&took), "{webhook}: {took} ms");
    };
    std::thread::scope(|scope| {
        scope.spawn(voice);
        scope.spawn(|| once("voice-event", 10));
        scope.spawn(|| once("sms-inbound", 15));
    });
}

#[test]
#[ignore = "waits for real time-outs: make test-long"]
fn a_body_that_comes_byte_by_byte_is_too_late() {
    let drip: Vec<Act> =
        std::iter::once(Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_vec()))
            .chain(
                (0..100).flat_map(|_| {
                    [Act::Pause(std::time::Duration::from_millis(300)), Act::Send(b"x".to_vec())]
                }),
            )
            .collect();
    let upstream = Upstream::start(move |_| Answer::broken(drip.clone()));
    let ran = run(&["voice-answer", "--to", upstream.url()]);
    assert_eq!(ran.code, 3);
    assert!(ran.text.contains("no answer in time: Voice sends it again at once"), "{}", ran.text);
    assert!(
        ran.text.contains("Voice waits 1 s for a connection and then 5 s for the whole answer"),
        "{}",
        ran.text
    );
}
