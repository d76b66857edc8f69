//! The table of answers: every finding on a route that notes and on one that requires, with each choice for a bad one.

use serde_json::Value;

use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Answer, Gate, STRANGER, Setup, Upstream, request};

pub const KEY: &str = "a1b2c3d4";
pub const SECRET: &str = "my-signature-secret-of-32-bytes!";
pub const BODY: &[u8] = br#"{"message_uuid":"aaaaaaaa-bbbb-cccc-dddd-0123456789ab","status":"delivered"}"#;

/// A gate with one secret and a route for each need.
pub fn setup(upstream: &Upstream, failure: &str) -> Setup {
    let setup = Setup::new(upstream.url());
    setup.dir.write("secrets/account", &format!("{SECRET}\n"));
    setup
        .key(
            "signatures",
            &format!("{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ], failure: {failure} }}"),
        )
        .routes(&[
            "{ path: /off, webhook: messages-status, allow: [test], signature: off }",
            "{ path: /note, webhook: messages-status, allow: [test], signature: note }",
            "{ path: /require, webhook: messages-status, allow: [test], signature: require }",
            "{ path: /answer, webhook: voice-answer, allow: [test], signature: require }",
            "{ path: /event, webhook: voice-event, allow: [test], signature: require }",
            "{ path: /sms, webhook: sms-inbound, allow: [test], signature: require }",
        ])
}

pub fn with_token(target: &str, token: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut fields = vec![("Content-Type", "application/json")];
    fields.extend(token.map(|token| ("Authorization", token)));
    request("POST", target, &fields, body)
}

/// A signature, and what it is found to be.
struct Row {
    token: Option<String>,
    body: &'static [u8],
    finding: &'static str,
    reason: &'static str,
    /// Whether `failure: forbid` makes the answer final.
    may_be_final: bool,
}

fn rows() -> Vec<Row> {
    let good = || Token::new(KEY, SECRET, BODY);
    let row = |token: Token, finding, reason, may_be_final| Row {
        token: Some(token.bearer()),
        body: BODY,
        finding,
        reason,
        may_be_final,
    };
    let other = |body| Row { body, ..row(good(), "mismatch", "payload_mismatch", true) };
    vec![
        Row { token: None, ..row(good(), "unsigned", "unsigned", false) },
        row(Token::new("other", SECRET, BODY), "unknown_key", "unknown_key", false),
        row(Token::new(KEY, "another secret of its own, as long", BODY), "bad", "bad_signature", true),
        row(good().claim("iss", "Somebody"), "bad", "bad_signature", true),
        row(good().header("alg", "none"), "bad", "bad_signature", true),
        row(good().header("alg", "RS256"), "bad", "bad_signature", true),
        Row { token: Some("Bearer a.b".to_owned()), ..row(good(), "malformed", "bad_signature", true) },
        Row {
            token: Some(format!("Bearer {}", "a".repeat(4097))),
            ..row(good(), "malformed", "bad_signature", true)
        },
        row(good().claim("iat", now() - 26 * 3600), "stale", "stale_signature", true),
        row(good().claim("iat", now() + 600), "stale", "stale_signature", true),
        row(good().claim("exp", now() - 600), "stale", "stale_signature", true),
        other(b"{}"),
        other(b""),
        row(good().claim("payload_hash", Value::Null), "malformed", "bad_signature", true),
    ]
}

/// The last event, once there are so many.
pub fn last(gate: &Gate, count: usize) -> Value {
    gate.events(count)[count - 1].clone()
}

#[test]
fn every_finding_has_its_answer_on_every_kind_of_route() {
    let upstream = Upstream::echo();
    for (failure, bad) in [("retry", 503), ("forbid", 401)] {
        let gate = setup(&upstream, failure).start();
        let mut asked = 0;
        for row in rows() {
            let refused = if row.may_be_final { bad } else { 503 };
            for (target, status) in [("/off", 200), ("/note", 200), ("/require", refused)] {
                let arrived = upstream.arrivals().len();
                let reply = gate.ask(ADMITTED, &with_token(target, row.token.as_deref(), row.body));
                asked += 1;
                let event = last(&gate, asked);
                let shown = format!("{target} {} {event}", row.finding);
                assert_eq!(reply.status, status, "{shown}");
                assert_eq!(reply.header("retry-after").is_some(), status == 503, "{shown}");
                let finding = if target == "/off" { Value::Null } else { row.finding.into() };
                assert_eq!(event["signature"], finding, "{shown}");
                assert_eq!(event["note"].is_null(), target == "/off", "{shown}");
                let (outcome, reason) =
                    if status == 200 { ("delivered", "success") } else { ("denied", row.reason) };
                assert_eq!(
                    (&event["outcome"], &event["reason"]),
                    (&outcome.into(), &reason.into()),
                    "{shown}"
                );
                // Nothing of a bad signature is taken for true, except one that is good and of another body.
                assert_eq!(
                    event["api_key"].is_string(),
                    row.finding == "mismatch" && target != "/off",
                    "{shown}"
                );
                let arrivals = upstream.arrivals_from(arrived);
                assert_eq!(arrivals.len(), usize::from(status == 200), "{shown}");
                for arrival in arrivals {
                    let told = (target == "/note").then(|| row.finding.to_owned());
                    assert_eq!(arrival.head.one("x-nexmo-gate-signature"), told, "{shown}");
                }
            }
        }
        assert_eq!(asked, 3 * 14);
    }
}

#[test]
fn a_good_signature_is_told_to_the_application_and_the_log() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").start();
    let token = Token::new(KEY, SECRET, BODY).claim("iat", now() - 20).bearer();
    for (number, target) in ["/note", "/require"].into_iter().enumerate() {
        // Nobody else's word counts.
        let forged = [
            ("X-Nexmo-Gate-Signature", "valid"),
            ("x_nexmo_gate_api_key", "evil"),
            ("Content-Type", "application/json"),
            ("Authorization", &token),
        ];
        assert_eq!(gate.ask(ADMITTED, &request("POST", target, &forged, BODY)).status, 200);
        let event = last(&gate, number + 1);
        assert_eq!(event["signature"], "valid", "{event}");
        assert_eq!(event["signature_scheme"], "jwt");
        assert_eq!(event["api_key"], KEY);
        assert_eq!(event["application_id"], "aaaaaaaa-bbbb-cccc-dddd-0123456789ab");
        assert_eq!(event["token_id"], "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5");
        assert!(event["signature_age_s"].as_i64().is_some_and(|age| (20..80).contains(&age)), "{event}");
        let head = upstream.arrivals()[number].head.clone();
        assert_eq!(head.one("x-nexmo-gate-signature").as_deref(), Some("valid"));
        assert_eq!(head.one("x-nexmo-gate-api-key").as_deref(), Some(KEY));
        assert_eq!(head.one("authorization").as_deref(), Some(&*token), "the token itself passes");
    }
}

#[test]
fn a_hash_of_nothing_is_enough_where_a_call_waits_and_nowhere_else() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").start();
    let token = Token::new(KEY, SECRET, b"").bearer();
    for (number, (target, status, finding)) in
        [("/answer?to=1&from=2", 200, "valid_head"), ("/event?to=1&from=2", 503, "valid_head")]
            .into_iter()
            .enumerate()
    {
        let bytes = request("GET", target, &[("Authorization", &token)], b"");
        assert_eq!(gate.ask(ADMITTED, &bytes).status, status, "{target}");
        assert_eq!(last(&gate, number + 1)["signature"], finding);
    }
    // The query as compact JSON, and as it came.
    for (number, hashed) in [&br#"{"to":"1","from":"2"}"#[..], b"to=1&from=2"].into_iter().enumerate() {
        let token = Token::new(KEY, SECRET, hashed).bearer();
        let bytes = request("GET", "/event?to=1&from=2", &[("Authorization", &token)], b"");
        assert_eq!(gate.ask(ADMITTED, &bytes).status, 200);
        assert_eq!(last(&gate, 2 * number + 3)["signature"], "valid");
        let changed = request("GET", "/event?to=1&from=3", &[("Authorization", &token)], b"");
        assert_eq!(gate.ask(ADMITTED, &changed).status, 503);
        // Two events a round.
        gate.events(2 * number + 4);
    }
}

#[test]
fn signed_parameters_of_an_sms_are_judged_wherever_they_stand() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").start();
    let stamp = now().to_string();
    let pairs = [
        ("api-key", KEY),
        ("msisdn", "447700900001"),
        ("text", "hello"),
        ("timestamp", &stamp),
        ("nonce", "n-1"),
    ];
    let form = signed_form(SECRET, &pairs);
    let json = {
        let mut object: serde_json::Map<String, Value> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        let sig = form.rsplit('=').next().expect("a signature");
        object.insert("sig".to_owned(), sig.into());
        Value::Object(object).to_string()
    };
    let as_form = [("Content-Type", "application/x-www-form-urlencoded")];
    let as_json = [("Content-Type", "application/json; charset=utf-8")];
    let changed = form.replace("hello", "hallo");
    let unsigned = form.rsplit_once('&').expect("a signature").0;
    let rows = [
        (request("GET", &format!("/sms?{form}"), &[], b""), 200, "valid"),
        (request("POST", "/sms", &as_form, form.as_bytes()), 200, "valid"),
        (request("POST", "/sms", &as_json, json.as_bytes()), 200, "valid"),
        (request("GET", &format!("/sms?{changed}"), &[], b""), 503, "bad"),
        (request("POST", "/sms", &as_form, changed.as_bytes()), 503, "bad"),
        (request("POST", "/sms", &as_form, unsigned.as_bytes()), 503, "unsigned"),
        (request("POST", "/sms?x=y", &as_form, form.as_bytes()), 503, "malformed"),
        (request("POST", "/sms", &as_form, format!("{form}&text=2").as_bytes()), 503, "malformed"),
        (with_token("/sms", Some(&Token::new(KEY, SECRET, BODY).bearer()), BODY), 200, "valid"),
        (with_token("/sms", Some(&Token::new(KEY, "wrong", BODY).bearer()), BODY), 503, "bad"),
    ];
    for (number, (bytes, status, finding)) in rows.iter().enumerate() {
        let reply = gate.ask(ADMITTED, bytes);
        let event = last(&gate, number + 1);
        assert_eq!(
            (reply.status, event["signature"].as_str()),
            (*status, Some(*finding)),
            "row {number}: {event}"
        );
    }
    let event = &gate.events(1)[0];
    assert_eq!(
        (&event["api_key"], &event["signature_scheme"], &event["token_id"]),
        (&KEY.into(), &"sig".into(), &"n-1".into())
    );
}

#[test]
fn observe_says_what_would_be_denied_and_forwards_it() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "forbid").key("mode", "observe").start();
    for (number, row) in rows().into_iter().enumerate() {
        assert_eq!(gate.ask(ADMITTED, &with_token("/require", row.token.as_deref(), row.body)).status, 200);
        let event = last(&gate, number + 1);
        assert_eq!(
            (&event["would_deny"], &event["outcome"]),
            (&row.reason.into(), &"delivered".into()),
            "{event}"
        );
    }
}

#[test]
fn a_listed_sender_hears_503_for_its_signature_where_strangers_hear_nothing() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").key("deny", "drop").start();
    assert_eq!(gate.ask(ADMITTED, &with_token("/require", None, BODY)).status, 503);
    assert!(gate.connect_unless_reset(STRANGER).is_none_or(|mut sender| sender.rest().is_empty()));
}

/// What the head settles needs no body: it is refused before one comes, and none is asked for.
#[test]
fn no_body_is_read_for_a_head_that_cannot_become_good() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").http1().start();
    let token = Token::new(KEY, "wrong", BODY).bearer();
    for token in [None, Some(&*token)] {
        let mut sender = gate.connect(ADMITTED);
        let authorization = token.map(|token| format!("Authorization: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST /require HTTP/1.1\r\nHost: a\r\n{authorization}Content-Length: 90000\r\nExpect: 100-continue\r\n\r\n"
        );
        sender.send(head.as_bytes());
        assert_eq!(sender.reply().status, 503);
    }
    let events = gate.events(2);
    assert!(events.iter().all(|event| event["bytes_in"] == 0 && event["outcome"] == "denied"), "{events:?}");
    assert!(upstream.arrivals().is_empty());
}

/// What was delivered and comes again is marked, or answered; what was not delivered is never taken for a repeat.
#[test]
fn a_message_that_was_delivered_and_comes_again_is_a_repeat() {
    let status = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(500));
    let says = std::sync::Arc::clone(&status);
    let upstream = Upstream::start(move |_| Answer::status(says.load(std::sync::atomic::Ordering::SeqCst)));
    for (repeats, told) in [("forward", 4), ("answer", 3)] {
        let base = setup(&upstream, "retry");
        let gate = base
            .key(
                "signatures",
                &format!(
                    "{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ], repeats: {repeats} }}"
                ),
            )
            .start();
        let arrived = upstream.arrivals().len();
        let bytes = with_token("/note", Some(&Token::new(KEY, SECRET, BODY).bearer()), BODY);
        let other = Token::new(KEY, SECRET, BODY).claim("jti", "another").bearer();
        for (number, (application, bytes, status_told, reason, repeat)) in [
            (500, &bytes, 500, "server_error", false),
            (200, &bytes, 200, "success", false),
            (200, &with_token("/note", Some(&other), BODY), 200, "success", false),
            (200, &bytes, 200, if repeats == "answer" { "repeated" } else { "success" }, true),
        ]
        .into_iter()
        .enumerate()
        {
            status.store(application, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(gate.ask(ADMITTED, bytes).status, status_told, "{repeats}, {number}");
            let event = last(&gate, number + 1);
            assert_eq!(event["reason"], reason, "{event}");
            assert_eq!(event["note"] == "this signed message was delivered before", repeat, "{event}");
        }
        let arrivals = upstream.arrivals_from(arrived);
        assert_eq!(arrivals.len(), told, "{repeats}");
        let marked: Vec<bool> =
            arrivals.iter().map(|arrival| arrival.head.one("x-nexmo-gate-repeat").is_some()).collect();
        assert_eq!(marked, [false, false, false, true][..told]);
    }
}

/// A name of an account is the operator's word for a secret, never a claim: not even who holds a secret can speak as another,
/// or write a line into the head for the application.
#[test]
fn what_a_message_claims_of_its_account_is_no_word_of_the_gate() {
    let upstream = Upstream::echo();
    let base = setup(&upstream, "retry");
    base.dir.write("secrets/video", "another-secret-of-thirty-two-by!\n");
    let named = "another-secret-of-thirty-two-by!";
    let gate = base
        .key(
            "signatures",
            &format!(
                "{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }}, {{ name: video, file: secrets/video }} ] }}"
            ),
        )
        .routes(&[
            "{ path: /video, webhook: generic, allow: [test], signature: { need: require, secrets: [video] } }",
            "{ path: /sms, webhook: sms-inbound, allow: [test], signature: require }",
        ])
        .start();
    let injected = "v\r\nContent-Length: 0\r\n\r\nPOST /evil HTTP/1.1\r\nHost: x\r\nX-Nexmo-Gate-Signature: valid\r\n\r\n";
    let token = |claim: &str| Token::new(claim, named, BODY).bearer();
    for (number, (claim, status)) in
        [(KEY, 200), ("", 200), (injected, 503), ("a\nb", 503), ("a\0b", 503), ("a\u{85}b", 503)]
            .into_iter()
            .enumerate()
    {
        let reply = gate.ask(ADMITTED, &with_token("/video", Some(&token(claim)), BODY));
        let event = last(&gate, number + 1);
        assert_eq!(reply.status, status, "{claim:?}: {event}");
        assert!(event["api_key"].is_null(), "{event}");
    }
    let stamp = now().to_string();
    let pairs =
        |key: &'static str| [("api-key", key), ("text", "hello"), ("timestamp", &*stamp), ("nonce", "n")];
    let form = signed_form(SECRET, &pairs(KEY));
    assert_eq!(gate.ask(ADMITTED, &request("GET", &format!("/sms?{form}"), &[], b"")).status, 200);
    // Decoded, it holds a line end; no secret is of such an account.
    let form = form.replace(KEY, "a%0d%0aX-Evil:%201");
    assert_eq!(gate.ask(ADMITTED, &request("GET", &format!("/sms?{form}"), &[], b"")).status, 503);
    // Without an account, it is that of the secret.
    let form = signed_form(SECRET, &[("text", "hello"), ("timestamp", &stamp), ("nonce", "a\u{1}b")]);
    assert_eq!(
        gate.ask(ADMITTED, &request("GET", &format!("/sms?{}", form.replace('\u{1}', "%01")), &[], b""))
            .status,
        200
    );
    let event = last(&gate, 9);
    assert_eq!((&event["api_key"], &event["token_id"]), (&KEY.into(), &Value::Null), "{event}");
    let arrivals = upstream.arrivals();
    let heads: Vec<String> = arrivals.iter().map(|arrival| arrival.head.text()).collect();
    assert_eq!(arrivals.len(), 4, "{heads:?}");
    let keys: Vec<Option<String>> = arrivals.iter().map(|one| one.head.one("x-nexmo-gate-api-key")).collect();
    assert_eq!(keys, [None, None, Some(KEY.to_owned()), Some(KEY.to_owned())]);
}

/// Only the very message is a repeat: what a signature does not cover must not make another one disappear.
#[test]
fn no_other_message_makes_one_a_repeat() {
    let upstream = Upstream::echo();
    let answer = |setup: Setup| {
        setup
            .key(
                "signatures",
                &format!("{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ], repeats: answer }}"),
            )
            .routes(&[
                "{ path: /other, webhook: generic, allow: [test], signature: note }",
                "{ path: /real, webhook: generic, allow: [test], signature: require }",
            ])
    };
    let gate = answer(setup(&upstream, "retry")).start();
    let token = Token::new(KEY, SECRET, BODY).bearer();
    let with = |method: &str, target: &str, kind: &str, token: &str, body: &[u8]| {
        request(method, target, &[("Content-Type", kind), ("Authorization", token)], body)
    };
    let json = "application/json";
    let real = with("POST", "/real?a=1", json, &token, BODY);
    let other_body = Token::new(KEY, SECRET, b"{}").bearer();
    let of_nothing = Token::new(KEY, SECRET, b"").bearer();
    for bytes in [
        with("POST", "/other", json, &token, BODY),
        with("POST", "/real?a=2", json, &token, BODY),
        with("PUT", "/real?a=1", json, &token, BODY),
        with("POST", "/real?a=1", "text/plain", &token, BODY),
        with("POST", "/real?a=1", json, &other_body, b"{}"),
        with("GET", "/other?a=1", json, &of_nothing, b""),
        real.clone(),
        // A hash of nothing is never the first delivery of anything.
        with("GET", "/other?a=1", json, &of_nothing, b""),
    ] {
        assert_eq!(gate.ask(ADMITTED, &bytes).status, 200, "{}", String::from_utf8_lossy(&bytes));
    }
    let events = gate.events(8);
    assert!(events.iter().all(|event| event["reason"] == "success"), "{events:?}");
    assert_eq!(gate.ask(ADMITTED, &real).status, 200);
    assert_eq!(last(&gate, 9)["reason"], "repeated");
    assert_eq!(upstream.arrivals().len(), 8);
    // A stranger that only `observe` lets pass cannot make one disappear either.
    let gate = answer(setup(&upstream, "retry")).key("mode", "observe").start();
    assert_eq!(gate.ask(STRANGER, &real).status, 200);
    assert_eq!(last(&gate, 1)["would_deny"], "signed_stranger");
    assert_eq!(gate.ask(ADMITTED, &real).status, 200);
    assert_eq!(last(&gate, 2)["reason"], "success");
    assert!(gate.log().contains("proved itself by its signature"), "{}", gate.log());
}

#[test]
fn a_hash_of_nothing_covers_no_query_whatever_the_method() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").start();
    let token = Token::new(KEY, SECRET, b"").bearer();
    for (number, (target, status, finding)) in
        [("/require?to=1", 503, "valid_head"), ("/require", 200, "valid")].into_iter().enumerate()
    {
        assert_eq!(gate.ask(ADMITTED, &with_token(target, Some(&token), b"")).status, status, "{target}");
        let event = last(&gate, number + 1);
        assert_eq!(event["signature"], finding, "{event}");
        assert_eq!(event["note"].is_null(), status == 200, "{event}");
    }
}

#[test]
fn connection_cannot_take_a_signature_away() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").http1().start();
    let token = Token::new(KEY, SECRET, BODY).bearer();
    for named in ["authorization", "close, Authorization", "Vonage-Signature"] {
        let fields = [("Authorization", &*token), ("Connection", named)];
        assert_eq!(gate.ask(ADMITTED, &request("POST", "/require", &fields, BODY)).status, 400, "{named}");
    }
}

/// The target, the header lines, the body, and what the signature is found to be.
type InTwoWays<'r> = (&'r str, &'r [(&'r str, &'r str)], &'r [u8], &'r str);

/// A message counts only in the one way in which its application reads it too.
#[test]
fn what_can_be_read_in_two_ways_is_not_valid() {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").start();
    let stamp = now().to_string();
    let genuine = |nonce: &str| {
        signed_form(SECRET, &[("api-key", KEY), ("nonce", nonce), ("text", "hello"), ("timestamp", &stamp)])
    };
    // As JSON it is another message; as a form it is the genuine one and two names without a value.
    let two_texts = format!(r#"{{"text":"other","x":"&{}&"}}"#, genuine("1"));
    let good = Token::new(KEY, SECRET, BODY).bearer();
    let forged = Token::new(KEY, "a secret of the forger's, long enough", BODY).bearer();
    let form = genuine("2").into_bytes();
    let rows: [InTwoWays<'_>; 11] = [
        ("/sms", &[("Content-Type", FORM)], two_texts.as_bytes(), "bad"),
        ("/sms", &[("Content-Type", FORM), ("Content-Type", JSON)], &form, "malformed"),
        ("/sms", &[("Content-Type", FORM), ("Content_Type", JSON)], &form, "malformed"),
        (
            "/sms",
            &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-16")],
            &form,
            "malformed",
        ),
        ("/sms", &[("Content-Type", FORM), ("Authorization", &forged)], &form, "bad"),
        (
            "/require",
            &[("Authorization", &good), ("X-Vonage-Webhook-Auth-Token", &forged)],
            BODY,
            "malformed",
        ),
        ("/require", &[("Authorization", &good), ("Vonage-Signature", &forged)], BODY, "malformed"),
        (
            "/require",
            &[("Authorization", &forged), ("X-Vonage-Webhook-Auth-Token", &good)],
            BODY,
            "malformed",
        ),
        (
            "/require",
            &[("Authorization", "Basic YTpi"), ("X-Vonage-Webhook-Auth-Token", &good)],
            BODY,
            "valid",
        ),
        ("/sms", &[("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")], &form, "valid"),
        ("/sms", &[("Content-Type", FORM), ("Authorization", "Basic YTpi")], form.as_slice(), "valid"),
    ];
    for (number, (target, fields, body, finding)) in rows.into_iter().enumerate() {
        let reply = gate.ask(ADMITTED, &request("POST", target, fields, body));
        let event = last(&gate, number + 1);
        assert_eq!(event["signature"], finding, "row {number}: {event}");
        assert_eq!(reply.status, if finding == "valid" { 200 } else { 503 }, "row {number}: {event}");
    }
    assert_eq!(upstream.arrivals().len(), 3);
}
