//! A place that means harm: it hangs, says nonsense, never ends, leads elsewhere. The doctor ends, and says so.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::impostors::before;
use crate::harness::gate::setup::binary;
use crate::harness::{Gate, Port, Setup, Upstream};

const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567.89abcdef0123456789abcdef0123456789abcdef";
/// What the gate said before its answers were proven.
pub const OLD_MARK: &str = "HTTP/1.1 200 OK\r\nX-Nexmo-Gate-Doctor: 1\r\nContent-Length: 2\r\n\r\nok";

/// Serves each connection on a thread of its own; counts them. It ends with the test's process.
pub fn place(ip: &str, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((ip, 0)).expect("a listener");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let serve = Arc::new(serve);
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, SeqCst);
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    (address, count)
}

pub fn doctor(scheme: &str, address: SocketAddr, token: &str) -> Output {
    let url = format!("{scheme}://{address}");
    binary().args(["doctor", "--json", "--outside", &url, "--token", token]).output().expect("the doctor")
}

/// The only finding.
pub fn only(output: &Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [finding] = report["findings"].as_array().expect("findings").as_slice() else { panic!("{report}") };
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    (text("check"), text("evidence"))
}

/// Says the same to everybody, after the first bytes came.
fn says(text: &'static str) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(text.as_bytes());
    }
}

#[test]
fn nonsense_is_no_gate_and_one_connection_is_enough_to_see_it() {
    for (text, says_so) in [
        ("SSH-2.0-OpenSSH\r\n", "not HTTP"),
        ("", "without an answer"),
        ("HTTP/1.1 2", "not HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200, and not by the token"),
        (OLD_MARK, "its proof is wrong"),
        (
            "HTTP/1.1 200 OK\r\nX-Nexmo-Gate-Doctor: 1\r\nContent-Length: 16\r\n\r\n{\"version\": \"9\"}",
            "its proof is wrong",
        ),
        ("HTTP/1.1 404 F\r\nServer: \u{1b}[31m\r\nContent-Length: 0\r\n\r\n", ""),
    ] {
        let (address, count) = place("127.0.0.1", says(text));
        let (check, evidence) = only(&doctor("http", address, TOKEN));
        assert_eq!(check, "proof.answer", "{text:?}");
        assert!(evidence.contains(says_so), "{text:?}: {evidence}");
        assert_eq!(count.load(SeqCst), 1, "nothing is probed before the proof");
    }
}

#[test]
fn a_redirect_is_told_and_never_followed() {
    let (elsewhere, followed) = place("127.0.0.1", says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let text =
        format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/a?b=c\r\nContent-Length: 0\r\n\r\n");
    let (address, _) = place("127.0.0.1", says(Box::leak(text.into_boxed_str())));
    let (check, evidence) = only(&doctor("http", address, TOKEN));
    assert_eq!(check, "truth.redirect");
    assert!(evidence.contains(&format!("to http://{elsewhere}/a:")), "{evidence}");
    assert_eq!(followed.load(SeqCst), 0);
}

#[test]
fn an_answer_without_end_is_read_to_a_bound() {
    let (address, _) = place("127.0.0.1", |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let many = vec![b'a'; 65_536];
        while stream.write_all(&many).is_ok() {}
    });
    let began = Instant::now();
    let (check, _) = only(&doctor("http", address, TOKEN));
    assert_eq!(check, "proof.answer");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
#[ignore = "waits for time-outs: make test-long"]
fn a_place_that_hangs_or_drips_costs_seconds() {
    let silent = |stream: TcpStream| {
        thread::sleep(Duration::from_secs(15));
        drop(stream);
    };
    let dripping = |mut stream: TcpStream| {
        for byte in b"HTTP/1.1 200 OK\r\nA: ".iter().chain(std::iter::repeat_n(&b'a', 300)) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    };
    let hangs = [
        ("http", place("127.0.0.1", silent).0),
        ("https", place("127.0.0.1", silent).0),
        ("http", place("127.0.0.1", dripping).0),
        ("https", place("127.0.0.1", dripping).0),
    ];
    for (scheme, address) in hangs {
        let began = Instant::now();
        let (check, evidence) = only(&doctor(scheme, address, TOKEN));
        assert_eq!(check, "proof.answer", "{scheme}: {evidence}");
        assert!(began.elapsed() < Duration::from_secs(8), "{scheme}: {:?}", began.elapsed());
    }
}

#[test]
fn a_front_that_lets_post_alone_through_is_told_to_let_get_through() {
    let gate = Setup::new(Upstream::echo().url()).plainly().start();
    let refuse = |first: &[u8]| {
        let refused = "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
        first.starts_with(b"GET").then_some(refused)
    };
    let (check, evidence) = only(&doctor("http", before(gate.addr(), refuse), &token_of(&gate)));
    assert_eq!(check, "proof.answer");
    assert_eq!(evidence, "a GET is refused with 403 of nginx, and a POST reaches the gate");
}

#[test]
fn a_token_that_ends_during_a_run_is_one_fail() {
    let gate = Arc::new(Setup::new(Upstream::echo().url()).plainly().start());
    let (token, asked, others) = (token_of(&gate), AtomicUsize::new(0), Arc::downgrade(&gate));
    let end = move |_: &[u8]| {
        // In the questions about the client, four others make a token each.
        if asked.fetch_add(1, SeqCst) == 9 {
            // The place is never closed, and must not keep the gate.
            let others = others.upgrade()?;
            (0..4).for_each(|_| drop(token_of(&others)));
        }
        None
    };
    let output = doctor("http", before(gate.addr(), end), &token);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let of =
        |verdict: &str| -> Vec<&Value> { findings.iter().filter(|one| one["verdict"] == verdict).collect() };
    let [fail] = of("fail")[..] else { panic!("{report}") };
    assert_eq!(fail["check"], "proof.answer", "{report}");
    assert!(
        fail["evidence"].as_str().is_some_and(|text| text.contains("the token ended during the run")),
        "{fail}"
    );
    for check in ["client.forged", "front.method", "truth.codes", "protocol.framing", "bypass.gate"] {
        assert!(of("skip").iter().any(|one| one["check"] == check), "{check} in {report}");
    }
}

pub fn token_of(gate: &Gate) -> String {
    let answer: Value = serde_json::from_str(&gate.admin("POST", "/doctor").text()).expect("JSON");
    answer["token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_token_of_another_gate_proves_nothing() {
    let upstream = Upstream::echo();
    let start = || Setup::new(upstream.url()).plainly().start();
    let (gate, other) = (start(), start());
    let (check, evidence) = only(&doctor("http", gate.addr(), &token_of(&other)));
    assert_eq!((check.as_str(), evidence.as_str()), ("proof.answer", "403, and not by the token"));
    assert_eq!(gate.finish().events.len(), 2, "nothing but a GET and a POST for the proof");
}

#[test]
fn a_gate_on_ipv6_alone_is_looked_at_like_any_other() {
    let upstream = Upstream::echo();
    let listen = r#"[{ address: "[::1]:0" }]"#;
    let route = r#"{ path: "/*", webhook: generic, allow: [test], deadline: 100ms }"#;
    let gate = Setup::new(upstream.url()).key("listen", listen).routes(&[route]).start();
    let output = doctor("http", gate.addr(), &token_of(&gate));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let verdict =
        |check: &str| findings.iter().find(|one| one["check"] == check).map(|one| one["verdict"].clone());
    assert_eq!(verdict("client.address"), Some("pass".into()), "{report}");
    assert!(findings.len() > 20, "{report}");
    assert!(findings.iter().all(|one| one["verdict"] != "fail"), "{report}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure_of_the_doctor() {
    let address = Port::free("127.0.0.1").address();
    let mut command = binary();
    command.args(["doctor", "--outside", &format!("http://{address}"), "--token", TOKEN]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the doctor");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("a status").code(), Some(1), "what it found counts");
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    for (words, says) in [
        (&["--outside", "https://a.example"][..], "--token"),
        (&["--token", TOKEN], "--outside"),
        (&["--outside", "a.example", "--token", TOKEN], "does not begin with https://"),
        (&["--outside", "https://user:x@a.example", "--token", TOKEN], "more than scheme"),
        (&["--outside", "https://a.example", "--token", "short"], "not a token"),
        (&["--outside", "https://a.example", "--token"], "not a token"),
        (&["--drill"], "--outside"),
    ] {
        let output = binary().arg("doctor").args(words).output().expect("the doctor");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
}

#[test]
fn a_token_may_come_from_a_file_or_from_standard_input() {
    let gate = Setup::new(Upstream::echo().url()).plainly().start();
    gate.setup.dir.write("token", &format!("{}\n", token_of(&gate)));
    let file = gate.setup.path().join("token");
    let url = format!("http://{}", gate.addr());
    let ask = |words: &[&std::ffi::OsStr]| {
        let input = std::fs::File::open(&file).expect("the token");
        let mut command = binary();
        command.args(["doctor", "--json", "--outside", &url]).args(words).stdin(input);
        let output = command.output().expect("the doctor");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        report["findings"][0]["verdict"].clone()
    };
    assert_eq!(ask(&["--token-file".as_ref(), file.as_os_str()]), "pass");
    assert_eq!(ask(&["--token".as_ref(), "-".as_ref()]), "pass");
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_anything_is_asked() {
    let (address, count) = place("127.0.0.1", says(OLD_MARK));
    let url = format!("http://{address}");
    let mut command = binary();
    command.args(["doctor", "--outside", &url, "--token", TOKEN, "--html", "/nonexistent/page.html"]);
    let output = command.output().expect("the doctor");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("--html: /nonexistent"), "{said}");
    assert_eq!(count.load(SeqCst), 0);
}
