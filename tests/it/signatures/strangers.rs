//! Clients that no list holds and whose signatures are good: they may be the provider on a new range.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};

use super::answers::{BODY, KEY, SECRET, last, setup, with_token};
use crate::harness::gate::setup::binary;
use crate::harness::latch::Latch;
use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Answer, Gate, PROXY, STRANGER, Setup, Upstream, request};

fn unlisted(upstream: &Upstream, unlisted: &str) -> Setup {
    let secrets =
        format!("{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ], unlisted: {unlisted} }}");
    setup(upstream, "retry").key("signatures", &secrets)
}

/// Parameters with an id of their own, signed.
fn form(nonce: &str) -> String {
    let stamp = now().to_string();
    signed_form(SECRET, &[("api-key", KEY), ("nonce", nonce), ("text", "hello"), ("timestamp", &stamp)])
}

fn posted(target: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    request("POST", target, &[("Content-Type", kind)], body)
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A client that no list holds and that a secret of ours signed for may be the provider on a new range: it loses nothing.
#[test]
fn a_stranger_with_a_good_and_fresh_token_is_told_to_try_again() {
    let upstream = Upstream::echo();
    let good = Token::new(KEY, SECRET, BODY);
    let rows = [
        (good.bearer(), "retry", 503, "signed_stranger"),
        (good.clone().claim("iat", now() - 400).bearer(), "retry", 403, "not_listed"),
        (Token::new(KEY, "wrong", BODY).bearer(), "retry", 403, "not_listed"),
        (Token::new("other", SECRET, BODY).bearer(), "retry", 403, "not_listed"),
        (good.bearer(), "deny", 403, "not_listed"),
    ];
    for (token, unlisted, status, reason) in rows {
        let gate = setup(&upstream, "retry")
            .key(
                "signatures",
                &format!(
                    "{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ], unlisted: {unlisted} }}"
                ),
            )
            .start();
        for target in ["/note", "/require"] {
            let reply = gate.ask(STRANGER, &with_token(target, Some(&token), BODY));
            assert_eq!(
                (reply.status, reply.header("retry-after").is_some()),
                (status, status == 503),
                "{reason}"
            );
        }
        // Where no signature is asked for, a token says nothing.
        assert_eq!(gate.ask(STRANGER, &with_token("/off", Some(&token), BODY)).status, 403);
        let events = gate.events(3);
        assert!(
            events[..2].iter().all(|event| event["reason"] == reason && event["bytes_in"] == 0),
            "{events:?}"
        );
        let metric = format!("reason=\"{reason}\"");
        assert!(gate.admin("GET", "/metrics").text().contains(&metric));
        let told = gate.log().matches("proved itself by its signature").count();
        assert_eq!(told, usize::from(status == 503), "once for a network: {}", gate.log());
    }
    assert!(upstream.arrivals().is_empty());
}

/// Parameters stand in the query or in a body, which is read only where it is small enough.
#[test]
fn a_stranger_with_signed_parameters_is_told_to_try_again() {
    let upstream = Upstream::echo();
    let gate = unlisted(&upstream, "retry").start();
    let json: Vec<String> =
        form("n").split('&').map(|pair| format!("\"{}\"", pair.replace('=', "\":\""))).collect();
    let json = format!("{{{}}}", json.join(","));
    let wrong = form("n").replace("hello", "hallo");
    let long = format!("{}&more={}", form("n"), "x".repeat(16 * 1024));
    let chunked = format!(
        "POST /sms HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    );
    let with_bad_token = request(
        "POST",
        "/sms",
        &[("Content-Type", FORM), ("Authorization", &Token::new(KEY, "wrong", b"").bearer())],
        form("n").as_bytes(),
    );
    let rows = [
        (request("GET", &format!("/sms?{}", form("n")), &[], b""), 503, 0),
        (posted("/sms", FORM, form("n").as_bytes()), 503, form("n").len()),
        (posted("/sms", "application/json", json.as_bytes()), 503, json.len()),
        (posted("/sms", FORM, wrong.as_bytes()), 403, wrong.len()),
        (posted("/sms", FORM, b"text=hello"), 403, 10),
        // Nothing of these is read.
        (request("GET", &format!("/sms?{wrong}"), &[], b""), 403, 0),
        (posted("/sms", FORM, long.as_bytes()), 403, 0),
        (posted("/sms", "text/plain", form("n").as_bytes()), 403, 0),
        (posted("/note", FORM, form("n").as_bytes()), 403, 0),
        (with_bad_token, 403, 0),
        (chunked.into_bytes(), 403, 0),
    ];
    for (number, (bytes, status, read)) in rows.into_iter().enumerate() {
        let shown = String::from_utf8_lossy(&bytes).chars().take(300).collect::<String>();
        if shown.contains("chunked") && gate.setup.version() != "1.1" {
            continue;
        }
        assert_eq!(gate.ask(STRANGER, &bytes).status, status, "{shown}");
        let event = last(&gate, number + 1);
        let reason = if status == 503 { "signed_stranger" } else { "not_listed" };
        assert_eq!((&event["reason"], &event["bytes_in"]), (&reason.into(), &read.into()), "{shown} {event}");
        let (signature, key) =
            if status == 503 { ("valid".into(), KEY.into()) } else { (Value::Null, Value::Null) };
        assert_eq!((&event["signature"], &event["api_key"]), (&signature, &key), "{event}");
    }
    assert!(upstream.arrivals().is_empty());
}

/// Only a whole message that its signature covers is forwarded, and once.
#[test]
fn a_stranger_that_proves_itself_is_admitted_where_the_operator_says_so() {
    let upstream = Upstream::echo();
    let gate = unlisted(&upstream, "admit").start();
    let token = |id: &str, body: &[u8]| Token::new(KEY, SECRET, body).claim("jti", id);
    let signed = |target: &str, token: &Token, body: &[u8]| with_token(target, Some(&token.bearer()), body);
    let (good, large) = (token("1", BODY), vec![b'x'; 64 * 1024 + 1]);
    let no_id = Token::new(KEY, SECRET, BODY).claim("jti", "");
    let stale = token("2", BODY).claim("iat", now() - 400);
    let of_nothing = token("3", b"");
    let get =
        |target: &str, token: &Token| request("GET", target, &[("Authorization", &token.bearer())], b"");
    let rows = [
        (signed("/require", &good, BODY), 200, "success", "valid"),
        // It comes again, whole or in part: the application does not see it from a stranger.
        (signed("/require", &good, BODY), 200, "repeated", "valid"),
        (signed("/note", &good, BODY), 503, "signed_stranger", "valid"),
        (signed("/require?a=1", &good, BODY), 503, "signed_stranger", "valid"),
        // Its signature does not cover it.
        (signed("/require", &token("4", BODY), b"{}"), 503, "signed_stranger", ""),
        (signed("/require", &token("5", &large), &large), 503, "signed_stranger", "valid_head"),
        // Without an id it cannot be admitted, so its body is not looked at.
        (signed("/require", &no_id, BODY), 503, "signed_stranger", "valid_head"),
        (get("/answer?to=1", &of_nothing), 503, "signed_stranger", "valid_head"),
        (signed("/require", &stale, BODY), 403, "not_listed", ""),
        (signed("/off", &token("6", BODY), BODY), 403, "not_listed", ""),
        (request("GET", &format!("/sms?{}", form("a")), &[], b""), 200, "success", "valid"),
        (posted("/sms", FORM, form("b").as_bytes()), 200, "success", "valid"),
        (posted("/sms", FORM, form("").as_bytes()), 503, "signed_stranger", "valid"),
        (posted("/sms", FORM, form("c").replace("hello", "hallo").as_bytes()), 403, "not_listed", ""),
        // What a list admitted is known too.
        (signed("/require", &token("7", BODY), BODY), 200, "success", "valid"),
    ];
    for (number, (bytes, status, reason, signature)) in rows.into_iter().enumerate() {
        let from = if number == 14 { ADMITTED } else { STRANGER };
        assert_eq!(gate.ask(from, &bytes).status, status, "row {number}");
        let event = last(&gate, number + 1);
        let shown = event["signature"].as_str().unwrap_or_default();
        assert_eq!((event["reason"].as_str(), shown), (Some(reason), signature), "row {number}: {event}");
        assert_eq!(event["list"].is_null(), from == STRANGER);
        let by_signature =
            event["note"] == "no list of the route holds the client; its signature admitted it";
        assert_eq!(by_signature, from == STRANGER && reason == "success", "row {number}: {event}");
    }
    assert_eq!(gate.ask(STRANGER, &signed("/note", &token("7", BODY), BODY)).status, 503);
    let arrivals = upstream.arrivals();
    let told = |name: &str| arrivals.iter().map(|one| one.head.one(name)).collect::<Vec<_>>();
    assert_eq!(told("x-nexmo-gate-signature"), vec![Some("valid".to_owned()); 4]);
    assert_eq!(told("x-nexmo-gate-list"), [None, None, None, Some("test".to_owned())]);
    assert_eq!(told("x-nexmo-gate-api-key"), vec![Some(KEY.to_owned()); 4]);
    let metrics = gate.admin("GET", "/metrics").text();
    for line in [
        "nexmo_gate_signed_strangers_total{route=\"/require\",webhook=\"messages-status\"} 2",
        "nexmo_gate_signed_strangers_total{route=\"/sms\",webhook=\"sms-inbound\"} 2",
        "nexmo_gate_signed_stranger_networks 1",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
}

/// Who recorded a message brings it while it is under way, after it failed, and from many addresses.
#[test]
fn copies_of_a_strangers_message_reach_no_application_and_raise_no_alarm() {
    let (latch, fails) = (Latch::default(), Arc::new(AtomicBool::new(true)));
    let (held, told) = (latch.clone(), Arc::clone(&fails));
    let upstream = Upstream::start(move |arrival| {
        if arrival.target() == "/note" {
            held.wait();
        }
        Answer::status(if told.load(SeqCst) { 503 } else { 200 })
    });
    let gate = unlisted(&upstream, "admit").without_tls().http1().start();
    let signed = |target: &str, id: &str| {
        with_token(target, Some(&Token::new(KEY, SECRET, BODY).claim("jti", id).bearer()), BODY)
    };
    // It fails: the same message may come again, and its copy elsewhere may not.
    assert_eq!(gate.ask(STRANGER, &signed("/require", "1")).status, 503);
    assert_eq!(gate.ask("127.0.0.4", &signed("/note", "1")).status, 503);
    fails.store(false, SeqCst);
    assert_eq!(gate.ask(STRANGER, &signed("/require", "1")).status, 200);
    assert_eq!(upstream.arrivals().len(), 2);
    // It is under way: no copy of it is forwarded meanwhile.
    let mut first = gate.connect(STRANGER);
    first.send(&signed("/note", "2"));
    gate.wait_metric("requests_in_flight", 1);
    for (from, target) in [("127.0.0.4", "/note"), ("127.0.0.5", "/require"), (STRANGER, "/note")] {
        assert_eq!(gate.ask(from, &signed(target, "2")).status, 503, "{from} {target}");
    }
    latch.release();
    assert_eq!(first.reply().status, 200);
    assert_eq!(upstream.arrivals().len(), 3);
    // A copied token speaks for one address, whatever its body is.
    let copied = Token::new(KEY, SECRET, BODY).claim("jti", "3").bearer();
    for (mode, body, status) in [("enforce", &b"another"[..], 503), ("observe", BODY, 200)] {
        let gate = unlisted(&upstream, "retry").key("mode", mode).without_tls().http1().start();
        for number in 1..=20 {
            let copy = with_token("/require", Some(&copied), body);
            assert_eq!(gate.ask(&format!("127.0.{number}.1"), &copy).status, status, "{mode}");
        }
        gate.events(20);
        assert_eq!(gate.metric("signed_stranger_networks"), 1, "{mode}");
    }
    let arrived = upstream.arrivals().len();
    // What was signed before the gate began may have been delivered by another process.
    let gate = unlisted(&upstream, "admit").without_tls().http1().start();
    let old = Token::new(KEY, SECRET, BODY).claim("iat", now() - 100).claim("jti", "4").bearer();
    assert_eq!(gate.ask(STRANGER, &with_token("/require", Some(&old), BODY)).status, 503);
    assert_eq!(upstream.arrivals().len(), arrived);
}

/// `observe` forwards, and says what `enforce` would do.
#[test]
fn observe_says_what_would_become_of_a_signed_stranger() {
    let upstream = Upstream::echo();
    for (setting, reason) in
        [("retry", "signed_stranger".into()), ("admit", Value::Null), ("deny", "not_listed".into())]
    {
        let gate = unlisted(&upstream, setting).key("mode", "observe").start();
        let good = Token::new(KEY, SECRET, BODY).bearer();
        let rows = [
            (with_token("/require", Some(&good), BODY), &reason),
            (posted("/sms", FORM, form("n").as_bytes()), &reason),
            (request("GET", &format!("/sms?{}", form("m")), &[], b""), &reason),
            (posted("/sms", FORM, b"text=hello"), &"not_listed".into()),
        ];
        for (number, (bytes, wanted)) in rows.into_iter().enumerate() {
            assert_eq!(gate.ask(STRANGER, &bytes).status, 200);
            assert_eq!(&last(&gate, number + 1)["would_deny"], wanted, "{setting}, {number}");
        }
        let would = if setting == "admit" { 1 } else { 4 };
        let counted: u64 = ["/require", "/sms"].map(|route| would_deny(&gate, route)).iter().sum();
        assert_eq!(counted, would, "{setting}");
    }
}

fn would_deny(gate: &Gate, route: &str) -> u64 {
    let metrics = gate.admin("GET", "/metrics").text();
    let wanted = format!("nexmo_gate_would_deny_total{{route=\"{route}\"");
    let line = metrics.lines().find(|line| line.starts_with(&wanted)).expect("a line of the route");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}

/// Those who claim that `sig` is in their bodies hold few places, and none of those whose tokens are good.
#[test]
fn few_strangers_are_heard_at_once_and_each_hears_its_denial() {
    let upstream = Upstream::echo();
    let gate = unlisted(&upstream, "admit").without_tls().http1().start();
    let head = format!("POST /sms HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 400\r\n");
    let hearings: Vec<_> = (1..=8)
        .map(|number| {
            let mut sender = gate.connect(&format!("127.0.5.{number}"));
            sender.send(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes());
            assert_eq!(sender.interim(), 100, "its body is read");
            sender
        })
        .collect();
    assert_eq!(gate.ask(STRANGER, &posted("/sms", FORM, form("a").as_bytes())).status, 403);
    let event = last(&gate, 1);
    assert!(event["note"].as_str().is_some_and(|note| note.contains("was not looked at")), "{event}");
    let good = Token::new(KEY, SECRET, BODY).bearer();
    assert_eq!(gate.ask(STRANGER, &with_token("/require", Some(&good), BODY)).status, 200);
    drop(hearings);
    gate.events_until(|events| events.len() == 10);
    assert_eq!(gate.ask(STRANGER, &posted("/sms", FORM, form("b").as_bytes())).status, 200);
    // A body that does not come in time is no reason for another answer.
    let mut slow = gate.connect(STRANGER);
    slow.send(format!("{head}\r\n").as_bytes());
    assert_eq!(slow.reply().status, 403);
}

#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// What was seen is kept over restarts, and becomes a part of a range file with its source.
#[test]
fn what_to_add_to_a_list_is_suggested_from_what_was_seen() {
    let upstream = Upstream::echo();
    let base = unlisted(&upstream, "retry")
        .behind_proxy()
        .key("state", "state")
        .range("test", "127.0.0.2/32\n8.8.6.1\n");
    std::fs::create_dir(base.path().join("state")).expect("a state folder");
    let gate = base.start();
    let ask = |client: &str, number: usize| {
        let token = Token::new(KEY, SECRET, BODY).claim("jti", number.to_string()).bearer();
        let fields =
            [("Content-Type", "application/json"), ("Authorization", &*token), ("X-Forwarded-For", client)];
        gate.ask(PROXY, &request("POST", "/require", &fields, BODY)).status
    };
    let clients =
        ["8.8.4.1", "8.8.4.14", "8.8.5.1", "8.8.5.200", "8.8.6.2", "8.8.6.3", "10.1.2.3", "8.8.4.1"];
    for (number, client) in clients.into_iter().enumerate() {
        assert_eq!(ask(client, number), 503, "{client}");
    }
    gate.events(clients.len());
    let strangers: Value = serde_json::from_str(&gate.admin("GET", "/strangers").text()).expect("JSON");
    let first = &strangers["clients"][0];
    assert_eq!(
        (&first["address"], &first["signed_by"], &first["routes"]),
        (&"8.8.4.1".into(), &format!("api_key {KEY}").into(), &json!(["/require"]))
    );
    let page = crate::admin::status_page::page(&gate);
    assert!(
        page.contains("no list holds 7 senders that proved themselves by a signature, in 8 requests"),
        "{page}"
    );

    let config = gate.setup.path().join("config.yaml").display().to_string();
    let admin = gate.admin_addr().to_string();
    let suggest = |more: &[&str]| {
        let mut command = binary();
        let out = command.args(["ranges", "suggest", "test", "--config", &config]).args(more).output();
        let out = out.expect("the command");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: out.status.code(), stdout: text(out.stdout), stderr: text(out.stderr) }
    };
    let networks = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let wanted = ["8.8.4.0/28", "8.8.5.0/24", "8.8.6.2/32", "8.8.6.3/32"];
    let said = suggest(&["--admin", &admin]);
    assert_eq!(
        (said.code, networks(&said.stdout)),
        (Some(0), wanted.map(str::to_owned).to_vec()),
        "{said:?}"
    );
    assert!(
        said.stdout.starts_with(&format!(
            "# source: seen by this gate, signed by api_key {KEY}: 3 requests from 2 addresses, 20"
        )),
        "{said:?}"
    );
    assert!(said.stderr.contains("left out: 1 of 7 senders"), "{said:?}");
    // The access log says the same.
    let lines: Vec<String> = gate.events(clients.len()).iter().map(Value::to_string).collect();
    gate.setup.dir.write("access.log", &format!("{}\nnot JSON\n", lines.join("\n")));
    let log = gate.setup.path().join("access.log").display().to_string();
    assert_eq!(networks(&suggest(&["--from", &log]).stdout), wanted);
    // The gate ends, and what it saw is in its folder; another one has it too.
    let finished = gate.finish();
    let said = suggest(&["--admin", &admin, "--json"]);
    let suggestions: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((said.code, suggestions.as_array().map(Vec::len)), (Some(0), Some(4)), "{said:?}");
    assert!(said.stderr.contains("is read instead"), "{said:?}");
    let gate = finished.setup.start();
    let again: Value = serde_json::from_str(&gate.admin("GET", "/strangers").text()).expect("JSON");
    assert_eq!(again, strangers);
    assert_eq!(gate.metric("signed_stranger_networks"), 4);
    // What was suggested is added, and nothing is left to suggest.
    let added = format!("127.0.0.2/32\n8.8.6.1\n{}\n", wanted.join("\n"));
    gate.setup.dir.write("ranges/test.txt", &added);
    assert_eq!(gate.reload().0, 200);
    let admin = gate.admin_addr().to_string();
    let said = suggest(&["--admin", &admin]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(3), ""), "{said:?}");
}
