//! Who stands between the doctor and the gate and says something else than the gate: the proof tells them apart.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use serde_json::Value;

use super::attacks::{OLD_MARK, doctor, only, place, token_of};
use crate::harness::{Setup, Upstream};

/// Passes on what both sides say, until the gate has ended.
fn pass(mut stream: TcpStream, mut gate: TcpStream, retell: impl Fn(&[u8]) -> Vec<u8>) {
    let (Ok(mut from), Ok(mut to)) = (stream.try_clone(), gate.try_clone()) else { return };
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = gate.read(&mut piece) {
        let _ = stream.write_all(&retell(&piece[..count]));
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Passes the connections on to these in turn.
fn balancer(gates: [SocketAddr; 2]) -> SocketAddr {
    let turn = AtomicUsize::new(0);
    let pass = move |stream: TcpStream| {
        let Ok(gate) = TcpStream::connect(gates[turn.fetch_add(1, SeqCst) % 2]) else { return };
        pass(stream, gate, <[u8]>::to_vec);
    };
    place("127.0.0.1", pass).0
}

/// Passes each connection on to the gate, with one exchange at a time; `change` sees the request first, and may answer it.
pub fn before(
    gate: SocketAddr,
    change: impl Fn(&[u8]) -> Option<&'static str> + Send + Sync + 'static,
) -> SocketAddr {
    between(gate, change, <[u8]>::to_vec)
}

/// The same; `retell` changes what the gate says.
fn between(
    gate: SocketAddr,
    change: impl Fn(&[u8]) -> Option<&'static str> + Send + Sync + 'static,
    retell: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> SocketAddr {
    let pass = move |mut stream: TcpStream| {
        let mut first = [0; 16 * 1024];
        let Ok(count) = stream.read(&mut first) else { return };
        if let Some(answer) = change(&first[..count]) {
            let _ = stream.write_all(answer.as_bytes());
            return;
        }
        let Ok(mut gate) = TcpStream::connect(gate) else { return };
        let _ = gate.write_all(&first[..count]);
        pass(stream, gate, &retell);
    };
    place("127.0.0.1", pass).0
}

#[test]
fn who_imitates_the_gate_is_told_from_it_whatever_it_copies() {
    let gate = Setup::new(Upstream::echo().url()).plainly().start();
    let token = token_of(&gate);
    // A front that knows the form of a proof, and all that travels: it answers with the proof of an id as key.
    let imitate = |first: &[u8]| {
        let line = String::from_utf8_lossy(first);
        let rest = line.split("/nexmo-gate/").nth(1)?;
        let (id, nonce) = (rest.get(..40)?, rest.get(41..73)?);
        let body = r#"{"client":"192.0.2.1","forwarded_header":"x-forwarded-for","listener":"[::]:80","method":"GET","named_by":"connection","peer":"192.0.2.1","target":"/","version":"0.1.0"}"#;
        let proof = super::token::proof(id, nonce, 200, body.as_bytes());
        let text = format!(
            "HTTP/1.1 200 OK\r\nX-Nexmo-Gate-Doctor: {proof}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Some(&*Box::leak(text.into_boxed_str()))
    };
    for place in [before(gate.addr(), imitate), before(gate.addr(), |_| Some(OLD_MARK))] {
        let (check, evidence) = only(&doctor("http", place, &token));
        assert_eq!(check, "proof.answer", "{evidence}");
        assert!(evidence.contains("its proof is wrong"), "{evidence}");
    }
}

#[test]
fn an_answer_of_the_gate_that_is_changed_on_the_way_is_told() {
    let gate = Setup::new(Upstream::echo().url()).plainly().start();
    let retell = |said: &[u8]| {
        let text = String::from_utf8_lossy(said);
        text.replace("\"client\":\"127.0.0.1\"", "\"client\":\"127.0.0.9\"").into_bytes()
    };
    let place = between(gate.addr(), |_| None, retell);
    let (check, evidence) = only(&doctor("http", place, &token_of(&gate)));
    assert_eq!(check, "truth.answer", "{evidence}");
    assert!(evidence.contains("changed on the way"), "{evidence}");
}

#[test]
fn two_gates_that_take_turns_are_told_until_both_know_the_token() {
    let upstream = Upstream::echo();
    let start = || {
        let route = r#"{ path: "/*", webhook: generic, allow: [test], deadline: 100ms }"#;
        Setup::new(upstream.url()).plainly().routes(&[route]).start()
    };
    let (gate, other) = (start(), start());
    let token = token_of(&gate);
    for first in [gate.addr(), other.addr()] {
        let second = if first == gate.addr() { other.addr() } else { gate.addr() };
        let place = balancer([first, second]);
        let report: Value = serde_json::from_slice(&doctor("http", place, &token).stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("findings");
        let fails: Vec<&Value> = findings.iter().filter(|one| one["verdict"] == "fail").collect();
        let [fail] = fails[..] else { panic!("{report}") };
        assert_eq!(fail["check"], "proof.answer", "{report}");
        assert!(fail["evidence"].as_str().is_some_and(|text| text.contains("two gates answer")), "{fail}");
        assert!(fail["change"].as_str().is_some_and(|text| text.contains("--share")), "{fail}");
    }
    assert_eq!(other.admin("POST", &format!("/doctor?token={token}")).status, 200);
    let place = balancer([gate.addr(), other.addr()]);
    let report: Value = serde_json::from_slice(&doctor("http", place, &token).stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    assert!(findings.iter().all(|one| one["verdict"] != "fail"), "{report}");
}

/// What the doctor says where the front refuses these questions by itself: the only fail, and its words.
fn refusing(which: fn(usize) -> bool, answer: &'static str) -> (String, String) {
    let gate = Setup::new(Upstream::echo().url()).plainly().start();
    let asked = AtomicUsize::new(0);
    let refuse = move |_: &[u8]| which(asked.fetch_add(1, SeqCst)).then_some(answer);
    let output = doctor("http", before(gate.addr(), refuse), &token_of(&gate));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let fails: Vec<&Value> = findings.iter().filter(|one| one["verdict"] == "fail").collect();
    let [fail] = fails[..] else { panic!("{report}") };
    let text = |key: &str| fail[key].as_str().unwrap_or_default().to_owned();
    (text("check"), text("evidence"))
}

#[test]
fn a_front_that_refuses_after_proofs_is_no_token_that_ended_and_no_second_gate() {
    const LIMITED: &str = "HTTP/1.1 429 X\r\nServer: limits\r\nContent-Length: 0\r\n\r\n";
    const CLOSED: &str = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";
    for (which, answer, says, later) in [
        ((|at| at > 4) as fn(usize) -> bool, LIMITED, "429 through limits", "0 of 4"),
        // The proof after the first questions, and no other.
        (|at| at == 7, CLOSED, "503", "4 of 4"),
    ] {
        let (check, evidence) = refusing(which, answer);
        assert_eq!(check, "proof.answer", "{evidence}");
        for part in ["the front refuses by itself", says, later] {
            assert!(evidence.contains(part), "{part} in {evidence}");
        }
    }
}
