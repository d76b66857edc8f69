//! Copies of signed messages: who recorded one on its way brings it again, elsewhere, or under another spelling.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use serde_json::Value;

use super::answers::{BODY, KEY, SECRET, last, setup, with_token};
use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Answer, Gate, STRANGER, Upstream, request};

const FORM: &str = "application/x-www-form-urlencoded";

fn signed(target: &str, id: &str) -> Vec<u8> {
    with_token(target, Some(&Token::new(KEY, SECRET, BODY).claim("jti", id).bearer()), BODY)
}

/// The setting, with these secrets in front of the account's.
fn settings(before: &str, unlisted: &str, repeats: &str) -> String {
    format!(
        "{{ secrets: [ {before}{{ api_key: {KEY}, file: secrets/account }} ], unlisted: {unlisted}, repeats: {repeats} }}"
    )
}

fn started(upstream: &Upstream, unlisted: &str, repeats: &str) -> Gate {
    setup(upstream, "retry").key("signatures", &settings("", unlisted, repeats)).start()
}

/// The first step of the documented rotation moves every other secret by a place.
#[test]
fn a_delivered_message_is_known_after_a_secret_was_added_before_its_own() {
    let upstream = Upstream::echo();
    let added = format!("{{ api_key: {KEY}, file: secrets/new }}, ");
    for (unlisted, from, status, reason) in
        [("deny", ADMITTED, 200, "repeated"), ("admit", STRANGER, 200, "repeated")]
    {
        let gate = started(&upstream, unlisted, "answer");
        assert_eq!(gate.ask(ADMITTED, &signed("/require", "1")).status, 200);
        gate.setup.dir.write("secrets/new", "the secret that follows, as long as the other one");
        gate.setup.clone().key("signatures", &settings(&added, unlisted, "answer")).write_config();
        assert_eq!(gate.reload().0, 200);
        let arrived = upstream.arrivals().len();
        assert_eq!(gate.ask(from, &signed("/require", "1")).status, status, "{unlisted}");
        assert_eq!(last(&gate, 2)["reason"], reason, "{unlisted}");
        assert_eq!(upstream.arrivals().len(), arrived, "{unlisted}");
    }
}

/// What takes the place of a secret has not signed what that one signed.
#[test]
fn a_message_of_a_new_secret_is_no_repeat_of_one_with_the_same_id() {
    let upstream = Upstream::echo();
    let gate = started(&upstream, "deny", "answer");
    assert_eq!(gate.ask(ADMITTED, &signed("/require", "1")).status, 200);
    let other = "another secret, which is as long as the first one";
    gate.setup.dir.write("secrets/account", other);
    assert_eq!(gate.reload().0, 200);
    let token = Token::new(KEY, other, BODY).claim("jti", "1").bearer();
    assert_eq!(gate.ask(ADMITTED, &with_token("/require", Some(&token), BODY)).status, 200);
    assert_eq!(last(&gate, 2)["reason"], "success");
    assert_eq!(upstream.arrivals().len(), 2);
}

/// A listed sender brings it again; a copy of it is of no other message, and speaks for nobody else.
#[test]
fn a_copy_of_what_a_listed_sender_brought_in_vain_goes_nowhere_else() {
    let fails = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&fails);
    let upstream = Upstream::start(move |_| Answer::status(if told.load(SeqCst) { 503 } else { 200 }));
    let gate = started(&upstream, "admit", "forward");
    assert_eq!(gate.ask(ADMITTED, &signed("/require", "1")).status, 503);
    fails.store(false, SeqCst);
    let arrived = upstream.arrivals().len();
    assert_eq!(gate.ask(STRANGER, &signed("/note", "1")).status, 503);
    assert_eq!(gate.ask(STRANGER, &signed("/require?a=1", "1")).status, 503);
    assert_eq!(upstream.arrivals().len(), arrived);
    assert_eq!(gate.ask(ADMITTED, &signed("/require", "1")).status, 200);
    let (fails, gate) = (fails, started(&upstream, "retry", "forward"));
    fails.store(true, SeqCst);
    assert_eq!(gate.ask(ADMITTED, &signed("/require", "2")).status, 503);
    // The body of a listed sender's message is another one.
    let token = Token::new(KEY, SECRET, BODY).claim("jti", "3").bearer();
    assert_eq!(gate.ask(ADMITTED, &with_token("/require", Some(&token), b"{}")).status, 503);
    for id in ["2", "3"] {
        assert_eq!(gate.ask(STRANGER, &signed("/require", id)).status, 503);
    }
    gate.events(4);
    assert_eq!(gate.metric("signed_stranger_networks"), 0);
}

/// What a signature does not cover, a stranger could have written.
#[test]
fn a_stranger_is_admitted_only_with_what_its_signature_covers() {
    let upstream = Upstream::echo();
    let gate = started(&upstream, "admit", "forward");
    let of_nothing = Token::new(KEY, SECRET, b"").claim("jti", "2").bearer();
    let bare = [("Authorization", &*of_nothing)];
    for (row, bytes) in [
        signed("/require?evil=1", "1"),
        request("GET", "/answer", &bare, b""),
        request("POST", "/require", &bare, b""),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(gate.ask(STRANGER, &bytes).status, 503, "row {row}");
        assert_eq!(last(&gate, row + 1)["reason"], "signed_stranger", "row {row}");
    }
    assert!(upstream.arrivals().is_empty());
    assert_eq!(gate.ask(STRANGER, &signed("/require", "3")).status, 200);
}

/// The signed text has one character for three.
#[test]
fn a_nonce_in_another_spelling_is_the_same_nonce() {
    let upstream = Upstream::echo();
    let gate = started(&upstream, "admit", "forward");
    let stamp = now().to_string();
    let form =
        signed_form(SECRET, &[("api-key", KEY), ("nonce", "a_b"), ("text", "x"), ("timestamp", &stamp)]);
    let ask = |from, form: &str| {
        gate.ask(from, &request("POST", "/sms", &[("Content-Type", FORM)], form.as_bytes())).status
    };
    assert_eq!(ask(ADMITTED, &form), 200);
    for spelling in ["a%26b", "a%3Db"] {
        let other = form.replace("a_b", spelling);
        assert_ne!(other, form);
        assert_eq!(ask(STRANGER, &other), 503, "{spelling}");
    }
    assert_eq!(upstream.arrivals().len(), 1);
}

/// They hold all places for bodies, and a query is no body.
#[test]
fn slow_strangers_do_not_turn_a_signed_query_away() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").key("signatures", &settings("", "admit", "forward"));
    let gate = gate.without_tls().http1().start();
    let head = format!(
        "POST /sms HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 400\r\nExpect: 100-continue\r\n\r\n"
    );
    let _slow: Vec<_> = (1..=8)
        .map(|number| {
            let mut sender = gate.connect(&format!("127.0.5.{number}"));
            sender.send(head.as_bytes());
            assert_eq!(sender.interim(), 100, "its body is read");
            sender
        })
        .collect();
    let stamp = now().to_string();
    let form = signed_form(SECRET, &[("api-key", KEY), ("nonce", "n"), ("text", "x"), ("timestamp", &stamp)]);
    assert_eq!(gate.ask(STRANGER, &request("GET", &format!("/sms?{form}"), &[], b"")).status, 200);
    assert_eq!(upstream.arrivals().len(), 1);
}

/// The head settles that no body makes it good.
#[test]
fn a_token_that_no_body_can_fit_is_refused_before_the_body_is_read() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").without_tls().http1().start();
    for (number, claim) in [Value::Null, "zz".into()].into_iter().enumerate() {
        let token = Token::new(KEY, SECRET, BODY).claim("payload_hash", claim).bearer();
        let mut sender = gate.connect(ADMITTED);
        sender.send(
            format!(
                "POST /require HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n\
                 Content-Length: 60000\r\n\r\n"
            )
            .as_bytes(),
        );
        assert_eq!(sender.reply().status, 503);
        assert_eq!(last(&gate, number + 1)["bytes_in"], 0);
    }
}
