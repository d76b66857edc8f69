//! The command `signature`, and what `explain --request` says of a signature.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::answers::{BODY, KEY, SECRET, setup, with_token};
use crate::harness::gate::setup::binary;
use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Setup, Upstream, request};

const OTHER: &str = "another secret of its own, as long";

/// A folder with a configuration and its secret.
fn stand() -> (Setup, String) {
    let setup = setup(&Upstream::echo(), "retry");
    setup.write_config();
    let config = setup.path().join("config.yaml").display().to_string();
    (setup, config)
}

/// Runs the program; what it reads from standard input is `input`.
fn ran(args: &[&str], input: &[u8]) -> Output {
    let mut command = binary();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the gate's binary");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("standard input").write_all(input);
    child.wait_with_output().expect("its output")
}

fn code_and_text(args: &[&str], input: &[u8]) -> (i32, String) {
    let output = ran(args, input);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(text).expect("text"))
}

fn judged(config: &str, input: &[u8]) -> (i32, Value) {
    let output = ran(&["signature", "-", "--json", "--config", config], input);
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("an exit code"), serde_json::from_str(&text).expect(&error))
}

fn count(report: &Value, result: &str) -> usize {
    let steps = report["signature"]["steps"].as_array().expect("steps");
    steps.iter().filter(|step| step["result"] == result).count()
}

/// The question of the step that fails.
fn failed(report: &Value) -> &str {
    let steps = report["signature"]["steps"].as_array().expect("steps");
    let failed = steps.iter().find(|step| step["result"] == "failed");
    failed.and_then(|step| step["question"].as_str()).unwrap_or_default()
}

#[test]
fn the_command_names_the_step_that_fails_and_exits_by_the_verdict() {
    let (_setup, config) = stand();
    let good = || Token::new(KEY, SECRET, BODY);
    let day = 86_400;
    let sms = |secret: &str| {
        let stamp = now().to_string();
        signed_form(secret, &[("api-key", KEY), ("text", "hello"), ("timestamp", &stamp)])
    };
    let get = |form: &str| request("GET", &format!("/sms?{form}"), &[], b"");
    let post = |target: &str, token: &Token, body: &[u8]| with_token(target, Some(&token.bearer()), body);
    let rows = [
        (post("/require", &good(), BODY), "valid", "jwt", "", Value::Null),
        (post("/off", &good(), BODY), "valid", "jwt", "", Value::Null),
        (get(&sms(SECRET)), "valid", "sig", "", Value::Null),
        (with_token("/require", None, BODY), "unsigned", "", "holds a signature", "unsigned".into()),
        (with_token("/note", None, BODY), "unsigned", "", "holds a signature", Value::Null),
        (
            post("/require", &Token::new("other", SECRET, BODY), BODY),
            "unknown_key",
            "jwt",
            "a secret for the account",
            "unknown_key".into(),
        ),
        (
            post("/require", &Token::new(KEY, OTHER, BODY), BODY),
            "bad",
            "jwt",
            "was made with it",
            "bad_signature".into(),
        ),
        (
            post("/require", &good().claim("iat", now() - 2 * day), BODY),
            "stale",
            "jwt",
            "neither too old",
            "stale_signature".into(),
        ),
        (
            post("/require", &good(), b"{}"),
            "mismatch",
            "jwt",
            "this body or query",
            "payload_mismatch".into(),
        ),
        (
            post("/require", &good().header("alg", "none"), BODY),
            "bad",
            "jwt",
            "asks for HS256",
            "bad_signature".into(),
        ),
        (get(&sms(OTHER)), "bad", "sig", "was made with it", "bad_signature".into()),
    ];
    assert_eq!(rows.len(), 11);
    for (bytes, finding, scheme, step, reason) in rows {
        let (code, report) = judged(&config, &bytes);
        let signature = &report["signature"];
        assert_eq!(code, if finding == "valid" { 0 } else { 3 }, "{report:#}");
        assert_eq!(report["good"], finding == "valid", "{report:#}");
        assert_eq!(signature["finding"], finding, "{report:#}");
        assert_eq!(signature["scheme"].as_str().unwrap_or_default(), scheme, "{report:#}");
        assert_eq!(signature["reason"], reason, "{report:#}");
        assert_eq!(count(&report, "failed"), usize::from(!step.is_empty()), "{report:#}");
        assert!(failed(&report).contains(step), "{report:#}");
        let judged = ["good", "failed", "not_judged"].map(|result| count(&report, result));
        let all_good = judged[0] > 4 && judged[1..] == [0, 0];
        assert_eq!(all_good, finding == "valid", "{report:#}");
    }
}

#[test]
fn what_a_gate_would_refuse_or_deny_for_it_is_not_good() {
    let (_setup, config) = stand();
    let of = |body: &[u8]| Token::new(KEY, SECRET, body).bearer();
    let (good, of_nothing) = (of(BODY), of(b""));
    let post = |target: &str, lines: &[(&str, &str)]| request("POST", target, lines, BODY);
    let rows = [
        (post("/note", &[("Authorization", &good), ("Connection", "authorization")]), "bad_connection"),
        (post("/note?", &[("Authorization", &good), ("Expect", "x")]), "bad_expectation"),
        (request("PUT", "/note", &[("Authorization", &good)], BODY), "bad_method"),
        (request("put", "/note", &[("Authorization", &good)], BODY), "malformed_head"),
        // Its token covers nothing that the application reads, and no answer webhook brings it.
        (request("POST", "/note?a=b", &[("Authorization", &of_nothing)], b""), ""),
        (request("POST", "/require?a=b", &[("Authorization", &of_nothing)], b""), "payload_mismatch"),
    ];
    assert_eq!(rows.len(), 6);
    for (bytes, wanted) in rows {
        let (code, report) = judged(&config, &bytes);
        assert_eq!((code, report["good"].as_bool()), (3, Some(false)), "{report:#}");
        let told = format!("{} {}", report["notes"], report["signature"]["reason"]);
        assert!(told.contains(wanted), "{report:#}");
        let output = ran(&["explain", ADMITTED, "--request", "-", "--json", "--config", &config], &bytes);
        let explained: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let row = &explained["routes"][0];
        assert_eq!(row["reason"].as_str().unwrap_or_default(), wanted, "{explained:#}");
        assert_eq!(row["verdict"] == "admitted", wanted.is_empty(), "{explained:#}");
    }
    let answer = request("GET", "/answer?a=b", &[("Authorization", &of_nothing)], b"");
    assert_eq!(judged(&config, &answer).0, 0, "an answer webhook is fetched so");
}

#[test]
fn json_stays_json_whatever_a_request_says() {
    let (_setup, config) = stand();
    for hidden in ["\u{202e}", "\u{200e}", "\u{2028}", "\u{feff}", "\u{e0041}", "\u{9b}"] {
        let path = format!("/n/{hidden}");
        let explain = ["explain", ADMITTED, "--path", &path, "--json", "--config", &config];
        let text = String::from_utf8(ran(&explain, b"").stdout).expect("text");
        let told: Value = serde_json::from_str(&text).expect(&text);
        assert_eq!(told["path"], path.as_str(), "{told:#}");
        assert!(!text.contains(hidden), "{text}");
        // What controls a terminal is in no claim.
        if !hidden.chars().all(char::is_control) {
            let application = format!("a{hidden}");
            let token = Token::new(KEY, SECRET, BODY).claim("application_id", application.clone()).bearer();
            let (code, report) = judged(&config, &with_token("/require", Some(&token), BODY));
            assert_eq!((code, report["signature"]["application"].as_str()), (0, Some(&*application)));
        }
    }
}

#[test]
fn a_header_that_is_none_is_not_repeated() {
    let (_setup, config) = stand();
    for line in ["Authorization Bearer TOKEN", "Authorization: Bearer TOKEN\n"] {
        let args =
            ["explain", ADMITTED, "--path", "/", "--header", "A: b", "--header", line, "--config", &config];
        let (code, shown) = code_and_text(&args, b"");
        assert_eq!(code, 2, "{shown}");
        assert!(shown.contains("--header, number 2:") && !shown.contains("TOKEN"), "{shown}");
    }
}

#[test]
fn a_recorded_request_is_judged_from_a_file_and_for_another_time() {
    let (setup, config) = stand();
    let then = 1_700_000_000;
    let token = Token::new(KEY, SECRET, BODY).claim("iat", then).bearer();
    // As an editor leaves it: LF alone, and a newline behind the body.
    let text = format!(
        "POST /require HTTP/2\nhost: hooks.example\nauthorization: {token}\ncontent-type: application/json\n\
         content-length: {}\n\n{}\n",
        BODY.len(),
        String::from_utf8_lossy(BODY)
    );
    setup.dir.write("recorded.txt", &text);
    setup.dir.write("alone", SECRET);
    let path = |name: &str| setup.path().join(name).display().to_string();
    setup.dir.write("other", "a secret of nobody's, long enough");
    let (file, secret, other) = (path("recorded.txt"), path("alone"), path("other"));
    let run = |more: &[&str]| code_and_text(&[&["signature", &file], more].concat(), b"");
    let (code, shown) = run(&["--config", &config]);
    assert!(code == 3 && shown.contains("it is older than `max_age`"), "{shown}");
    for time in ["1700000060", "2023-11-14T22:14:20Z", "2023-11-14T23:14:20+01:00"] {
        let (code, shown) = run(&["--config", &config, "--at", time]);
        assert_eq!(code, 0, "{shown}");
        for line in
            ["age          60 s\n", "covers       the body, byte for byte (body)\n", "verdict      GOOD"]
        {
            assert!(shown.contains(line), "{line}: {shown}");
        }
    }
    let at = ["--at", "1700000060", "--secret-file", &secret];
    for (more, wanted) in [
        (&[][..], 0),
        (&["--api-key", KEY], 0),
        (&["--api-key", "somebody"], 3),
        (&["--secret-file", &other], 0),
        (&["--secret-file", &file], 78),
        (&["--secret-file", "/nowhere"], 78),
    ] {
        let (code, shown) = run(&[&at, more].concat());
        assert_eq!(code, wanted, "{more:?}: {shown}");
    }
}

#[test]
fn what_cannot_be_judged_says_why_and_is_wrong_usage() {
    let (setup, config) = stand();
    let token = Token::new(KEY, SECRET, BODY).bearer();
    let whole = with_token("/require", Some(&token), BODY);
    let cut = &whole[..whole.len() - 1];
    let large = [&whole[..], &vec![b'x'; 1 << 20]].concat();
    let from_input = ["signature", "-", "--config", &config];
    let without = Setup::new("http://127.0.0.1:1");
    without.write_config();
    let without = without.path().join("config.yaml").display().to_string();
    setup.dir.write("key.pem", "-----BEGIN PRIVATE KEY-----\nMIIE\n");
    let pem = setup.path().join("key.pem").display().to_string();
    for (args, input, code, wanted) in [
        (&from_input[..], &b""[..], 2, "not an HTTP request"),
        (&from_input, b"hello\n", 2, "not an HTTP request"),
        (&from_input, cut, 2, "the body is not whole"),
        (&from_input, &large, 2, "has more than 1048576 bytes"),
        (&["signature", "/nowhere"], b"", 2, "/nowhere: "),
        (&["signature", "-", "--api-key", "x"], &whole, 2, "--secret-file"),
        (&["signature", "-", "--at", "noon"], &whole, 2, "wanted a time such as"),
        (&["signature", "-", "--method", "sha-256"], &whole, 2, "md5hash, md5, sha1, sha256, sha512"),
        (&["signature", "-", "--config", &config, "--route", "/no"], &whole, 2, "there is no route \"/no\""),
        (&["signature", "-", "--config", &without], &whole, 2, "there is no secret to judge by"),
        (&["signature", "-", "--config", "/nowhere.yaml"], &whole, 78, "/nowhere.yaml"),
        (&["signature", "-", "--secret-file", &pem], &whole, 78, "holds a PEM key"),
    ] {
        let (got, shown) = code_and_text(args, input);
        assert_eq!(got, code, "{args:?}: {shown}");
        assert!(shown.contains(wanted), "{args:?}: {shown}");
        assert!(!shown.contains(SECRET) && !shown.contains("MIIE"), "{shown}");
    }
}

#[test]
fn nothing_that_the_command_prints_holds_a_secret_or_a_signature() {
    let (setup, config) = stand();
    setup.dir.write("alone", OTHER);
    let alone = setup.path().join("alone").display().to_string();
    let stamp = now().to_string();
    let forms = [SECRET, OTHER].map(|secret| {
        signed_form(secret, &[("api-key", KEY), ("text", "a-text-of-its-own"), ("timestamp", &stamp)])
    });
    let tokens = [SECRET, OTHER].map(|secret| Token::new(KEY, secret, BODY).bearer());
    let mut requests: Vec<Vec<u8>> =
        forms.iter().map(|form| request("GET", &format!("/sms?{form}"), &[], b"")).collect();
    requests.extend(tokens.iter().map(|token| with_token("/require", Some(token), BODY)));
    requests.push(with_token("/require", Some(&tokens[0]), b"a-text-of-its-own"));
    let mut told = vec![SECRET, OTHER, "a-text-of-its-own"];
    told.extend(forms.iter().filter_map(|form| form.rsplit('=').next()));
    told.extend(tokens.iter().flat_map(|token| token.trim_start_matches("Bearer ").split('.').skip(1)));
    let mut shown = String::new();
    for bytes in &requests {
        for more in [&["--config", &config][..], &["--config", &config, "--json"], &["--secret-file", &alone]]
        {
            shown += &code_and_text(&[&["signature", "-"], more].concat(), bytes).1;
        }
        let explain = ["explain", ADMITTED, "--request", "-", "--config", &config];
        shown += &code_and_text(&explain, bytes).1;
        shown += &code_and_text(&[&explain[..], &["--json"]].concat(), bytes).1;
    }
    assert!(
        shown.contains("GOOD") && shown.contains("NOT GOOD") && shown.contains("secrets/account"),
        "{shown}"
    );
    for secret in told {
        assert!(!shown.contains(secret), "{secret} is shown in {shown}");
    }
}

#[test]
fn explain_tells_what_becomes_of_a_signature() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "forbid").without_tls().http1().start();
    let config = gate.setup.path().join("config.yaml").display().to_string();
    let admin = gate.admin_addr().to_string();
    let good = Token::new(KEY, SECRET, BODY).bearer();
    let bad = Token::new(KEY, OTHER, BODY).bearer();
    let sent = |token: Option<&str>, body| with_token("/require", token, body);
    let rows = [
        (sent(Some(&good), BODY), "admitted", Some("valid"), ""),
        (sent(Some(&good), b"{}"), "denied", Some("mismatch"), "payload_mismatch"),
        (sent(Some(&bad), BODY), "denied", Some("bad"), "bad_signature"),
        (sent(None, BODY), "denied", Some("unsigned"), "unsigned"),
        (with_token("/note", Some(&bad), BODY), "admitted", Some("bad"), ""),
        (with_token("/off", Some(&bad), BODY), "admitted", None, ""),
    ];
    assert_eq!(rows.len(), 6);
    for (bytes, verdict, finding, reason) in rows {
        let served = gate.ask(ADMITTED, &bytes).status;
        for running in [false, true] {
            let mut args = vec!["explain", ADMITTED, "--request", "-", "--json", "--config", &config];
            if running {
                args.extend(["--running", "--admin", &admin]);
            }
            let output = ran(&args, &bytes);
            let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let row = &told["routes"][0];
            assert_eq!(row["verdict"], verdict, "{told:#}");
            assert_eq!(output.status.code(), Some(if verdict == "admitted" { 0 } else { 3 }));
            assert_eq!(row["signature"]["finding"].as_str(), finding, "{told:#}");
            assert_eq!(row["reason"].as_str().unwrap_or_default(), reason, "{told:#}");
            assert_eq!(row["status"].as_u64().unwrap_or(200), u64::from(served), "{told:#}");
        }
    }
    // The head alone: what the body would settle is left open.
    let whole = sent(Some(&good), BODY);
    let head = &whole[..whole.len() - BODY.len()];
    let (code, text) = code_and_text(&["explain", ADMITTED, "--request", "-", "--config", &config], head);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("signed   good as far as the head shows (jwt); its body is not given"), "{text}");
    let path = ["explain", ADMITTED, "--path", "/require", "--config", &config];
    let (code, text) = code_and_text(&path, b"");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("signed   not judged: give the whole request (--request)"), "{text}");
    // A body that does not fit into a question is not sent to the running gate.
    let large = vec![b'x'; 100_000];
    let token = Token::new(KEY, SECRET, &large).bearer();
    let running =
        ["explain", ADMITTED, "--request", "-", "--config", &config, "--running", "--admin", &admin];
    let (code, text) = code_and_text(&running, &sent(Some(&token), &large));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("its head alone is judged") && text.contains("its body is not given"), "{text}");
    let (code, text) = code_and_text(&running[..6], &sent(Some(&token), &large));
    assert!(code == 0 && text.contains("signed   valid (jwt); signature: require"), "{text}");
}

/// The sample of the documents is what the program prints.
#[test]
fn the_documents_show_what_the_command_prints() {
    let page = include_str!("../../../docs/operations.md");
    let setup = setup(&Upstream::echo(), "retry").routes(&[
        "{ path: /webhooks/message-status, webhook: messages-status, allow: [test], signature: require }",
    ]);
    setup.write_config();
    let config = setup.path().join("config.yaml").display().to_string();
    let token = Token::new(KEY, OTHER, BODY).bearer();
    let bytes = with_token("/webhooks/message-status", Some(&token), BODY);
    let (code, text) =
        code_and_text(&["signature", "-", "--config", &config, "--at", "2026-11-27T21:30:00Z"], &bytes);
    assert_eq!(code, 3, "{text}");
    assert!(
        page.contains(&format!("\n```\n{text}```\n")),
        "docs/operations.md shows something else than:\n{text}"
    );
}
