//! The harness tries itself, with no gate between its two ends: a test tool that cannot see a fault proves nothing.

use std::io::ErrorKind;
use std::panic::catch_unwind;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::oracle::{Seen, agree};
use crate::harness::signer::{Token, shown_secret, signed_form};
use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{Act, Answer, PATIENCE, Sender, Upstream, get, post};

fn direct(upstream: &Upstream) -> Sender {
    let address =
        upstream.url().strip_prefix("http://").expect("a TCP upstream").parse().expect("an address");
    Sender::connect("127.0.0.2", address)
}

/// What every gate of every test is searched for.
#[test]
fn a_secret_a_token_and_a_sig_in_a_log_are_seen() {
    let token = Token::new("key", "a secret that only this test has", b"").bearer();
    let form = signed_form("and another one of its own", &[("a", "b")]);
    for line in [token.as_str(), &form, "x a secret that only this test has x", "and another one of its own"]
    {
        assert!(shown_secret(line).is_some(), "{line}");
    }
    assert_eq!(shown_secret("route=/hook signature=valid api_key=key"), None);
}

#[test]
fn the_upstream_records_and_answers_and_the_sender_reads_by_framing() {
    let chunked = "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/chunked" => Answer::raw(chunked, Some(200)),
        "/none" => Answer::status(204),
        _ => echo(arrival),
    });
    let mut sender = direct(&upstream);
    sender.send(&[post("/a", "one"), get("/chunked"), get("/none"), get("/b?c")].concat());
    assert_eq!(sender.reply().text(), "/a");
    let reply = sender.reply();
    assert_eq!((reply.text().as_str(), reply.interim.as_slice()), ("abcde", &[103][..]));
    assert_eq!(sender.reply().status, 204);
    assert_eq!(sender.reply().text(), "/b?c");
    let arrivals = upstream.arrivals();
    assert_eq!((arrivals.len(), upstream.connections()), (4, 1));
    assert_eq!(upstream.of_case("one").len(), 1);
    assert_eq!((arrivals[0].body.as_slice(), arrivals[0].said), (&br#"{"n":1}"#[..], Some(200)));
}

#[test]
fn faults_look_like_faults() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let send = || Act::Send(head.into());
    let rows = [
        (vec![Act::Close], ErrorKind::UnexpectedEof, 0),
        (vec![Act::Reset], ErrorKind::ConnectionReset, 0),
        (vec![send(), Act::Close], ErrorKind::UnexpectedEof, head.len()),
        (vec![send(), Act::CloseIdle(Duration::from_millis(20))], ErrorKind::UnexpectedEof, head.len()),
    ];
    for (acts, why, got) in rows {
        let upstream = Upstream::start(move |_| Answer::broken(acts.clone()));
        let mut sender = direct(&upstream);
        sender.send(&post("/", "fault"));
        let cut = sender.try_reply().expect_err("a cut answer");
        assert_eq!((cut.why, cut.got.len()), (why, got));
        assert_eq!(upstream.arrivals()[0].said, None);
    }
    let upstream = Upstream::start(|_| Answer::broken([Act::Hold]));
    let mut sender = direct(&upstream);
    sender.send(&get("/"));
    assert!(!sender.is_closed_within(Duration::from_millis(50)), "held open");
    sender.half_close();
    assert!(sender.is_closed_within(PATIENCE), "until the other side hangs up");
}

fn event(outcome: &str, status: u16, attempts: u64) -> Value {
    json!({ "request_id": "r1", "outcome": outcome, "delivered": outcome == "delivered", "status": status, "attempts": attempts })
}

fn arrival(said: Option<u16>) -> Arrival {
    let mut arrival = Arrival { said, ..Arrival::default() };
    arrival.head.raw = b"POST / HTTP/1.1\r\nX-Case: c\r\nX-Request-Id: r1\r\n\r\n".to_vec();
    arrival
}

#[test]
fn the_oracle_accepts_true_records_and_refuses_false_ones() {
    let verdict = |heard: Option<u16>, arrivals: &[Arrival], events: &[Value]| {
        let seen = [Seen::new("c", heard)];
        catch_unwind(|| agree(&seen, arrivals, events)).is_ok()
    };
    let (said, cut) = (arrival(Some(200)), arrival(None));
    let one = |arrival: &Arrival| vec![arrival.clone()];
    assert!(verdict(Some(200), &one(&said), &[event("delivered", 200, 1)]));
    assert!(verdict(Some(503), &one(&cut), &[event("undelivered", 503, 1)]));
    assert!(verdict(Some(200), &[cut.clone(), said.clone()], &[event("delivered", 200, 2)]));
    assert!(!verdict(Some(200), &one(&cut), &[event("delivered", 200, 1)]), "nobody said it");
    assert!(!verdict(Some(200), &one(&said), &[event("undelivered", 200, 1)]), "the log denies it");
    assert!(!verdict(Some(503), &one(&said), &[event("delivered", 503, 1)]), "the sender did not hear it");
    assert!(!verdict(Some(503), &one(&said), &[event("undelivered", 504, 1)]), "another status in the log");
    assert!(!verdict(Some(200), &one(&said), &[]), "not logged");
    assert!(
        !verdict(Some(200), &one(&said), &[event("delivered", 200, 1), event("delivered", 200, 1)]),
        "logged twice"
    );
    assert!(
        !verdict(Some(503), &[cut.clone(), cut.clone(), cut.clone()], &[event("undelivered", 503, 2)]),
        "sent thrice"
    );
    assert!(
        !verdict(Some(503), &[cut.clone(), cut], &[event("undelivered", 503, 1)]),
        "a resend the log hides"
    );
    assert!(!verdict(None, &[], &[event("delivered", 200, 1)]), "delivered to nobody");
}
