//! `inspect`: what is kept while somebody asks, what is shown of it, who may ask, and what a replay is.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::gate::lines::{Lines, json};
use crate::harness::gate::setup::binary;
use crate::harness::signer::{Token, shown_secret, signed_form};
use crate::harness::upstream::Arrival;
use crate::harness::{
    ADMITTED, Act, Answer, Gate, PATIENCE, Reply, STRANGER, Setup, Signal, Upstream, post, request, sender,
    wait_until,
};

const NUMBER: &str = "447700900123";
const SECRET: &str = "a-signature-secret-that-is-long-enough";
const ROUTES: [&str; 4] = [
    "{ path: /sms, webhook: sms-inbound, allow: [test] }",
    "{ path: /status, webhook: messages-status, allow: [test], deadline: 1s }",
    "{ path: /answer, webhook: voice-answer, allow: [test] }",
    "{ path: /any/*, webhook: generic, allow: [test] }",
];

fn setup(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).routes(&ROUTES)
}

fn asked(gate: &Gate, method: &str, target: &str, more: &str) -> Reply {
    let host = gate.admin_addr();
    let bytes = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
    sender::ask("127.0.0.1", host, bytes.as_bytes())
}

/// Turns it on; the number of the wish.
fn turn_on(gate: &Gate, bodies: &str) -> u64 {
    let reply = gate.admin("POST", &format!("/inspect?for=10m&bodies={bodies}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    json(&reply.text())["lease"].as_u64().expect("a lease")
}

fn list(gate: &Gate) -> Value {
    json(&gate.admin("GET", "/inspect?bodies=full").text())
}

/// Everything that is shown of an exchange: page, JSON with curl and file.
fn everything(gate: &Gate, number: u64, bodies: &str) -> String {
    let target = format!("/inspect?id={number}&bodies={bodies}");
    let html = asked(gate, "GET", &target, "Accept: text/html\r\n").text();
    let rows = asked(gate, "GET", &format!("/inspect?bodies={bodies}"), "Accept: text/html\r\n").text();
    let page = |text: &str| text.split_once("</style>").expect("a style").1.to_owned();
    let text = gate.admin("GET", &target).text();
    let whole = json(&text);
    let part = |key: &str| whole[key].as_str().unwrap_or_default().to_owned();
    format!(
        "{}\n{}\n{text}\n{}\n{}\n{}",
        page(&html),
        page(&rows),
        part("curl"),
        part("file"),
        gate.admin("GET", &format!("/inspect?bodies={bodies}")).text()
    )
}

/// Seven digits in a row, apart from ids of the gate's own.
fn long_run(text: &str, ids: &[String]) -> Option<String> {
    let text = ids.iter().fold(text.to_owned(), |text, id| text.replace(id, ""));
    let runs = text.split(|c: char| !c.is_numeric());
    runs.filter(|run| run.chars().count() >= 7).map(str::to_owned).next()
}

fn ids(list: &Value) -> Vec<String> {
    let rows = list["exchanges"].as_array().expect("exchanges");
    rows.iter().map(|row| row["request_id"].as_str().expect("an id").to_owned()).collect()
}

fn scripted(arrival: &Arrival) -> Answer {
    match arrival.case().as_deref() {
        Some("broken") => Answer::body(500, "text/html", b"<p>stack trace of Ann</p>"),
        Some("refused") => Answer::status(422),
        Some("never") => Answer::broken([Act::Hold]),
        _ => Answer::body(
            200,
            "application/json",
            format!("{{\"to\":\"{NUMBER}\",\"text\":\"Hello\"}}").as_bytes(),
        ),
    }
}

#[test]
fn exchanges_are_kept_while_somebody_asks_and_forgotten_after() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    let body = format!("{{\"msisdn\":\"{NUMBER}\",\"text\":\"my secret plans\",\"type\":\"text\"}}");
    let sms = request("POST", "/sms", &[("Content-Type", "application/json")], body.as_bytes());
    gate.ask(ADMITTED, &sms);
    let before = list(&gate);
    assert_eq!((&before["on"], before["exchanges"].as_array().map(Vec::len)), (&Value::Bool(false), Some(0)));
    assert_eq!(gate.metric("inspect_on"), 0);
    assert_eq!(gate.admin("GET", "/inspect?id=1").status, 404);

    let lease = turn_on(&gate, "masked");
    gate.wait_message(0, |message, _| {
        message.starts_with("inspect on for 10 min 0 s by 127.0.0.1 (bodies masked)")
    });
    assert_eq!(gate.metric("inspect_on"), 1);
    gate.ask(ADMITTED, &sms);
    gate.ask(STRANGER, &sms);
    gate.ask(ADMITTED, &post("/any/x", "broken"));
    let rows = list(&gate);
    let told: Vec<(u64, &str, u64, &Value)> = rows["exchanges"]
        .as_array()
        .expect("exchanges")
        .iter()
        .map(|row| {
            let number = row["number"].as_u64().expect("a number");
            (
                number,
                row["reason"].as_str().expect("a reason"),
                row["status"].as_u64().expect("a status"),
                &row["upstream_status"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "success", 200, &Value::from(200)),
            (2, "not_listed", 403, &Value::Null),
            (3, "server_error", 500, &Value::from(500))
        ]
    );
    let row = &rows["exchanges"][0];
    assert_eq!(
        (&row["list"], &row["prefix"], &row["webhook"]),
        (&"test".into(), &"127.0.0.2/32".into(), &"sms-inbound".into())
    );
    assert_eq!(row["next"], "200: delivered");
    assert!(row["phases"]["upstream_us"].as_u64() <= row["phases"]["total_us"].as_u64(), "{row}");
    assert!(rows["exchanges"][1]["next"].as_str().expect("words").starts_with("If it was "), "{rows}");

    let whole = json(&gate.admin("GET", "/inspect?id=1").text());
    let shown = json(whole["request"]["body"].as_str().expect("a body"));
    assert_eq!((&shown["msisdn"], &shown["text"]), (&"4477******23".into(), &"(15_characters)".into()));
    assert!(whole["answer"]["body"].as_str().expect("a body").contains("4477******23"), "{whole}");
    assert_eq!(whole["reply"]["line"], "HTTP/1.1 200 OK");
    let denied = json(&gate.admin("GET", "/inspect?id=2").text());
    assert!(denied["answer"].is_null() && denied["forwarded"].is_null(), "{denied}");
    // Whoever wants more than was asked for gets no more.
    let more = everything(&gate, 1, "full");
    assert_eq!(long_run(&more, &ids(&rows)), None, "{more}");
    assert!(!more.contains("secret plans") && !more.contains("Hello"), "{more}");
    assert!(!everything(&gate, 3, "full").contains("Ann"));
    // It is held in the account of the messages.
    assert!(gate.metric("buffered_bytes") > 3000);

    let reply = gate.admin("POST", &format!("/inspect?for=off&lease={lease}"));
    assert_eq!(json(&reply.text())["on"], false);
    assert_eq!((gate.metric("inspect_on"), gate.metric("buffered_bytes")), (0, 0));
    assert_eq!(gate.admin("GET", "/inspect?id=1").status, 404);
    gate.wait_message(0, |message, _| message == "inspect off by 127.0.0.1; nothing is kept");
}

#[test]
fn nothing_secret_and_no_number_leaves_whatever_came() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    turn_on(&gate, "full");
    let body = format!(
        "{{\"to\":\"{NUMBER}\",\"text\":\"hi\",\"api_secret\":\"abcdefgh\",\"password\":\"p4ssw0rd-x\"}}"
    );
    let token = Token::new("a1b2c3", SECRET, body.as_bytes()).bearer();
    let fields = [
        ("Content-Type", "application/json"),
        ("Authorization", token.as_str()),
        ("Cookie", "sid=cookie-of-somebody"),
        ("X-Vonage-Webhook-Auth-Token", token.as_str()),
        ("X-Api-Key", "key-of-somebody"),
        ("X-Other", token.as_str()),
    ];
    gate.ask(ADMITTED, &request("POST", "/status", &fields, body.as_bytes()));
    let form = signed_form(SECRET, &[("msisdn", NUMBER), ("text", "plans"), ("api-key", "a1b2c3")]);
    gate.ask(ADMITTED, &request("GET", &format!("/sms?{form}"), &[], b""));
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    gate.ask(ADMITTED, &request("POST", "/sms", &kind, form.as_bytes()));
    gate.ask(STRANGER, &request("POST", "/sms", &kind, form.as_bytes()));
    gate.ask(
        ADMITTED,
        &request("POST", &format!("/any/{NUMBER}"), &[("Content-Encoding", "gzip")], b"\x1f\x8b\x08\x00"),
    );
    gate.ask(ADMITTED, &request("POST", "/any/binary", &[], &[0, 255, 254, 1]));
    gate.ask(ADMITTED, &request("POST", "/any/empty", &[], b""));
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(40_000));
    gate.ask(
        ADMITTED,
        &request("POST", "/any/long", &[("Content-Type", "application/json")], long.as_bytes()),
    );
    let rows = list(&gate);
    assert_eq!(rows["exchanges"].as_array().map(Vec::len), Some(8), "{rows}");
    let own = ids(&rows);
    for number in 1..=8 {
        let masked = everything(&gate, number, "masked");
        assert_eq!(long_run(&masked, &own), None, "{number}: {masked}");
        assert!(!masked.contains("plans"), "{masked}");
        for shown in [masked, everything(&gate, number, "full")] {
            assert_eq!(shown_secret(&shown), None, "{number}: {shown}");
            for secret in ["abcdefgh", "p4ssw0rd-x", "cookie-of-somebody", "key-of-somebody"] {
                assert!(!shown.contains(secret), "{number}: {secret} in {shown}");
            }
        }
    }
    let full = everything(&gate, 1, "full");
    assert!(
        // HTTP/2 has its names in lower case.
        full.contains(NUMBER) && full.to_ascii_lowercase().contains("authorization"),
        "full is full, and says what was left out: {full}"
    );
    let long = json(&gate.admin("GET", "/inspect?id=8&bodies=full").text());
    assert_eq!(
        (&long["request"]["cut"], &long["file"], &long["curl"]),
        (&true.into(), &Value::Null, &Value::Null)
    );
    gate.admin("POST", "/inspect?for=off");
}

#[test]
fn only_an_operator_on_this_machine_may_change_anything_or_see_all() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).key("metrics", r#"{ address: "127.0.0.1:0" }"#).start();
    for path in ["/inspect?for=1m", "/replay?id=1"] {
        assert_eq!(asked(&gate, "POST", path, "Origin: http://127.0.0.1\r\n").status, 403);
        assert_eq!(asked(&gate, "POST", path, "Sec-Fetch-Site: same-origin\r\n").status, 403);
        let named = format!("POST {path} HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n");
        assert_eq!(sender::ask("127.0.0.1", gate.admin_addr(), named.as_bytes()).status, 403);
    }
    let ready = gate.wait_message(0, |message, _| message == "ready");
    let metrics = ready["metrics"].as_str().expect("an address").parse().expect("an address");
    for method in ["GET", "POST"] {
        let bytes = format!("{method} /inspect HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n");
        assert_eq!(sender::ask("127.0.0.1", metrics, bytes.as_bytes()).status, 404, "{method}");
    }
    assert_eq!(gate.metric("inspect_on"), 0);
    for (query, status) in [("for=2h", 400), ("for=0s", 400), ("bodies=x", 400), ("y=1", 400)] {
        assert_eq!(gate.admin("POST", &format!("/inspect?{query}")).status, status, "{query}");
    }
    for (target, status) in
        [("/inspect?id=x", 400), ("/inspect?id=0", 404), ("/inspect?id=9", 404), ("/replay?id=1", 405)]
    {
        assert_eq!(gate.admin("GET", target).status, status, "{target}");
    }
    assert_eq!((gate.admin("POST", "/replay").status, gate.admin("POST", "/replay?id=1").status), (400, 404));

    let remote = setup(&upstream).key("admin", r#"{ address: "0.0.0.0:0", allow_remote: true }"#).start();
    let port = remote.admin_addr().port();
    let wish = |query: &str| {
        let bytes = format!("POST /inspect?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        sender::ask("127.0.0.1", ([127, 0, 0, 1], port).into(), bytes.as_bytes()).status
    };
    assert_eq!((wish("for=1m&bodies=full"), wish("for=1m&bodies=masked")), (403, 200));
    let never = setup(&upstream).key("inspect", "never").start();
    assert_eq!(never.admin("POST", "/inspect?for=1m").status, 403);
}

#[test]
fn the_configuration_keeps_exchanges_and_stops_when_it_says_so() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).key("inspect", "{ keep: 3, bodies: off }").start();
    assert_eq!(gate.metric("inspect_on"), 1);
    for _ in 0..5 {
        gate.ask(ADMITTED, &post("/any/x", "fine"));
    }
    let kept = list(&gate);
    let numbers: Vec<_> =
        kept["exchanges"].as_array().expect("some").iter().map(|row| row["number"].clone()).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert!(gate.admin("GET", "/inspect?id=1").text().contains("exchange 1 is gone"));
    let whole = json(&gate.admin("GET", "/inspect?id=5&bodies=full").text());
    assert_eq!((&whole["bodies"], &whole["answer"]["body"]), (&"off".into(), &Value::Null));
    gate.setup.clone().key("inspect", "off").write_config();
    assert_eq!(gate.reload().0, 200);
    gate.wait_metric("inspect_on", 0);
    gate.wait_metric("buffered_bytes", 0);
}

#[test]
fn a_replay_is_the_message_of_then_marked_and_counts_nowhere() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    turn_on(&gate, "masked");
    let body = format!("{{\"to\":\"{NUMBER}\"}}");
    let token = Token::new("a1b2c3", SECRET, body.as_bytes()).bearer();
    let fields = [
        ("Content-Type", "application/json"),
        ("Authorization", token.as_str()),
        ("X-Nexmo-Gate-Replay", "1"),
    ];
    gate.ask(ADMITTED, &request("POST", "/status", &fields, body.as_bytes()));
    gate.ask(STRANGER, &request("POST", "/status", &fields, body.as_bytes()));
    gate.ask(ADMITTED, &request("GET", "/answer", &[], b""));
    gate.ask(ADMITTED, &request("POST", "/any/long", &[], &vec![b'x'; 20_000]));
    let events = gate.events(4).len();
    let replay = |query: &str| gate.admin("POST", &format!("/replay?id={query}"));
    let told = replay("1");
    assert_eq!(told.status, 200, "{}", told.text());
    let told = json(&told.text());
    assert_eq!(
        (&told["status"], &told["outcome"], &told["upstream_status"]),
        (&200.into(), &"delivered".into(), &200.into())
    );
    let arrivals = upstream.arrivals();
    let (then, now) = (&arrivals[0], &arrivals[arrivals.len() - 1]);
    assert_eq!(then.head.all("x-nexmo-gate-replay"), Vec::<String>::new(), "nobody else may say it");
    assert_eq!(now.head.all("x-nexmo-gate-replay"), ["1"]);
    assert_eq!((&now.body, now.head.one("authorization")), (&then.body, then.head.one("authorization")));
    let rest: Vec<_> = now
        .head
        .headers()
        .into_iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("x-nexmo-gate-replay"))
        .collect();
    assert_eq!(rest, then.head.headers());
    let line = gate.wait_message(0, |message, _| message == "an exchange was sent to its application again");
    assert_eq!((&line["route"], &line["status"]), (&"/status".into(), &200.into()));
    for (query, status, why) in [
        ("2", 409, "never went to the application"),
        ("3", 409, "anyway=1"),
        ("3&anyway=1", 200, "delivered"),
        ("4", 409, "larger than what is kept"),
        ("5", 404, "there was no exchange 5 yet"),
    ] {
        let told = replay(query);
        assert_eq!(told.status, status, "{query}");
        assert!(told.text().contains(why), "{query}: {}", told.text());
    }
    assert_eq!(gate.metric("requests_total{route=\"/status\",webhook=\"messages-status\",outcome=\"delivered\",reason=\"success\"}"), 1);
    gate.setup.clone().routes(&ROUTES[..1]).write_config();
    assert_eq!(gate.reload().0, 200);
    assert!(replay("1").text().contains("no such route any more"));
    assert_eq!(list(&gate)["last"], 4, "a replay is no exchange");
    let finished = gate.finish();
    assert_eq!(finished.events.len(), events, "and no event");
}

#[test]
fn a_replay_to_an_application_that_hangs_ends_and_hinders_nobody() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    turn_on(&gate, "masked");
    assert_eq!(gate.ask(ADMITTED, &post("/status", "never")).status, 504);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| gate.admin("POST", "/replay?id=1"))).collect();
        // The gate answers all others meanwhile.
        assert_eq!(gate.admin("GET", "/healthz").status, 200);
        assert_eq!(gate.ask(ADMITTED, &post("/any/x", "fine")).status, 200);
        let replies: Vec<Reply> = asked.into_iter().map(|one| one.join().expect("a reply")).collect();
        let told = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((told(200) + told(503), told(200) >= 1), (8, true));
        for reply in replies.iter().filter(|reply| reply.status == 200) {
            let told = json(&reply.text());
            assert_eq!((&told["status"], &told["reason"]), (&504.into(), &"deadline".into()));
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    gate.wait_metric("requests_in_flight", 0);
}

#[test]
fn requests_side_by_side_and_a_switch_in_between_lose_nothing() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).http1().start();
    let mut pipeline = gate.connect(ADMITTED);
    turn_on(&gate, "masked");
    let chunked =
        b"POST /any/c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    pipeline.send(&[&post("/any/1", "fine")[..], chunked, &post("/any/2", "fine")].concat());
    for _ in 0..3 {
        assert_eq!(pipeline.reply().status, 200);
    }
    wait_until(|| list(&gate)["last"] == 3, || list(&gate).to_string());
    assert_eq!(json(&gate.admin("GET", "/inspect?id=2").text())["request"]["bytes"], 3);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut session = gate.session(ADMITTED);
                    (0..50).all(|_| session.ask(&post("/any/x", "fine")).status == 200)
                })
            })
            .collect();
        for round in 0..30 {
            let bodies = ["off", "masked", "full"][round % 3];
            turn_on(&gate, bodies);
            gate.admin("GET", "/inspect");
            assert_eq!(gate.admin("POST", "/inspect?for=off").status, 200);
        }
        assert!(senders.into_iter().all(|one| one.join().expect("a sender")));
    });
    gate.wait_metric("buffered_bytes", 0);
}

#[test]
fn what_a_message_needs_is_given_back_before_it_is_refused() {
    let upstream = Upstream::start(scripted);
    let limits = "{ buffers: 64KiB, max_body: 52KiB, max_response: 1KiB, max_head: 1KiB }";
    let gate = setup(&upstream).http1().key("limits", limits).start();
    turn_on(&gate, "masked");
    for _ in 0..3 {
        assert_eq!(gate.ask(ADMITTED, &post("/any/x", "fine")).status, 200);
    }
    assert!(gate.metric("buffered_bytes") > 3000);
    // All of the account.
    let large = request("POST", "/any/x", &[], &vec![b'x'; 50 << 10]);
    assert_eq!(gate.ask(ADMITTED, &large).status, 200);
    let kept = list(&gate);
    let numbers = kept["exchanges"].as_array().expect("exchanges").iter().map(|row| row["number"].as_u64());
    assert!(numbers.flatten().all(|number| number > 3), "the older ones gave way: {kept}");
    gate.wait_metric("requests_in_flight", 0);
}

/// The command, ended with the test.
struct Command(Child);

impl Command {
    fn start(gate: &Gate, args: &[&str]) -> (Self, Lines, Lines) {
        let admin = gate.admin_addr().to_string();
        let mut command = binary();
        command.args(["inspect", "--admin", &admin]).args(args);
        let mut child = command.spawn().expect("the gate's binary");
        let (out, err) = (child.stdout.take().expect("stdout"), child.stderr.take().expect("stderr"));
        (Self(child), Lines::of(out), Lines::of(err))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).expect("a pid")), signal).expect("a signal");
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[test]
fn the_command_shows_what_comes_and_turns_it_off_by_a_signal() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    let folder = gate.setup.path().join("saved");
    let save = folder.to_str().expect("a path");
    let (mut command, out, err) = Command::start(&gate, &["--follow", "--save", save]);
    gate.wait_metric("inspect_on", 1);
    let body = format!("{{\"msisdn\":\"{NUMBER}\",\"text\":\"my plans\"}}");
    gate.ask(ADMITTED, &request("POST", "/sms", &[("Content-Type", "application/json")], body.as_bytes()));
    gate.ask(STRANGER, &post("/sms", "fine"));
    out.find(0, PATIENCE, |lines| lines.iter().any(|line| line.contains("#2")).then_some(()))
        .expect("two lines");
    command.signal(Signal::SIGTERM);
    assert_eq!(command.0.wait().expect("an end").code(), Some(0), "{:?}", err.all());
    gate.wait_metric("inspect_on", 0);
    let shown = out.all().join("\n");
    assert!(
        shown.contains("200 delivered    POST /sms  127.0.0.2 (test 127.0.0.2/32)  sms-inbound"),
        "{shown}"
    );
    assert!(shown.contains("403 denied") && shown.contains("next: If it was "), "{shown}");
    let saved: Vec<_> =
        fs::read_dir(&folder).expect("a folder").map(|one| one.expect("a file").path()).collect();
    assert_eq!(saved.len(), 2, "{saved:?}");
    for path in &saved {
        let text = fs::read_to_string(path).expect("a file");
        assert!(
            !text.contains(NUMBER) && !text.contains("plans") && text.starts_with("POST /sms HTTP/1.1\r\n"),
            "{text}"
        );
        let explained = binary()
            .args(["explain", ADMITTED, "--request"])
            .arg(path)
            .arg("--config")
            .arg(gate.setup.path().join("config.yaml"))
            .output()
            .expect("the gate's binary");
        assert_eq!(explained.status.code(), Some(0), "{explained:?}");
    }
}

#[test]
fn the_command_waits_for_one_and_a_killed_one_is_ended_by_its_time() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).start();
    let (mut first, out, _err) = Command::start(&gate, &["--json", "--route", "/any/*"]);
    gate.wait_metric("inspect_on", 1);
    gate.ask(ADMITTED, &post("/sms", "fine"));
    gate.ask(ADMITTED, &post("/any/x", "refused"));
    assert_eq!(first.0.wait().expect("an end").code(), Some(0));
    let lines = out.all();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(json(&lines[0])["row"]["path"], "/any/x");
    gate.wait_metric("inspect_on", 0);

    let (killed, _out, _err) = Command::start(&gate, &["--follow", "--for", "2s"]);
    gate.wait_metric("inspect_on", 1);
    killed.signal(Signal::SIGKILL);
    gate.wait_metric("inspect_on", 0);
}

#[test]
#[ignore = "half a minute: make test-long"]
fn a_hundred_thousand_requests_leave_memory_within_its_bound() {
    let upstream = Upstream::start(scripted);
    let gate = setup(&upstream).key("log", "{ access: off }").start();
    turn_on(&gate, "full");
    let load = |requests: usize| {
        std::thread::scope(|scope| {
            for sender in 0..4 {
                let gate = &gate;
                scope.spawn(move || {
                    let from = if sender == 3 { STRANGER } else { ADMITTED };
                    let mut session = gate.session(from);
                    let body = vec![b'x'; 12_000];
                    for number in 0..requests / 4 {
                        let body: &[u8] = if number % 10 == 0 { &body } else { b"{}" };
                        session.ask(&request(
                            "POST",
                            "/any/x",
                            &[("Content-Type", "application/json")],
                            body,
                        ));
                    }
                });
            }
        });
    };
    load(4000);
    let before = gate.usage().resident_kib;
    load(100_000);
    let after = gate.usage().resident_kib;
    assert!(list(&gate)["last"].as_u64() >= Some(100_000));
    assert!(gate.metric("buffered_bytes") <= 1 << 20, "{}", gate.metric("buffered_bytes"));
    assert!(after < before + 4 * 1024, "{before} KiB before, {after} KiB after");
    eprintln!("with capture on: {before} KiB before, {after} KiB after 100,000 requests");
}
