//! A hundred thousand requests whose senders, proxies and applications want to break the log: every line is short, and
//! JSON for a program that nobody here wrote.

use std::fs;
use std::process::Command;
use std::thread;

use crate::harness::numbers::Numbers;
use crate::harness::{ADMITTED, Answer, Gate, PROXY, Setup, Upstream};

/// The longest line, its line end with it.
const MOST: usize = 8 << 10;
const REQUESTS: usize = 100_000;
const SENDERS: usize = 4;

/// A text of up to `most` bytes out of `letters`; one in twenty is long.
fn text(numbers: &mut Numbers, letters: &[u8], most: usize) -> Vec<u8> {
    let long = numbers.below(20) == 0;
    let length = 1 + numbers.below(if long { most } else { 30 });
    (0..length).map(|_| numbers.one(letters)).collect()
}

/// What JSON, a terminal or a reader of lines may trip over, as far as a path may hold it.
const PATH: &[u8] = b"\"\"'<>{}[],:|^`~*aZ9-_.!$&()+=@";
const VALUE: &[u8] = b"\"\\'<>{}[],:\x80\xff\xc3\xa9\xe2\x80\xa8\t aZ9";

fn request(numbers: &mut Numbers) -> Vec<u8> {
    let method: &[u8] = match numbers.below(20) {
        0 => b"BREW",
        1 => b"PO\"ST",
        2..8 => b"GET",
        _ => b"POST",
    };
    let path = match numbers.below(12) {
        0 => text(numbers, b"\x80\xff\xc3\xa9\xe2\x80\xa8\\;#/.", 9000),
        _ => text(numbers, PATH, 15_000),
    };
    let id = text(numbers, b"\"\\'{}[]:;,+/=aZ9-", 200);
    let host: &[u8] = if numbers.below(30) == 0 { b"\"a b\"" } else { b"hooks.example" };
    let forwarded: &[u8] = match numbers.below(12) {
        0 => b"127.0.0.3",
        1 => b"\"}{",
        2 => b"",
        _ => b"127.0.0.2",
    };
    let other = text(numbers, VALUE, 200);
    [
        method,
        b" /",
        &path,
        b"?secret=",
        &text(numbers, PATH, 100),
        b" HTTP/1.1\r\nHost: ",
        host,
        b"\r\nX-Request-Id: ",
        &id,
        b"\r\nX-Forwarded-For: ",
        forwarded,
        b"\r\nX-Other: ",
        &other,
        b"\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat()
}

/// An application that is as hostile: redirects and content types of its own making.
fn answer(number: usize) -> Answer {
    let mut numbers = Numbers::from(number as u64);
    let location = text(&mut numbers, VALUE, 5000);
    match numbers.below(8) {
        0 => Answer::raw(
            [b"HTTP/1.1 302 \"\r\nLocation: //a@", &location[..], b"\r\nContent-Length: 0\r\n\r\n"].concat(),
            Some(302),
        ),
        1 => Answer::raw(
            [b"HTTP/1.1 200 OK\r\nContent-Type: ", &location[..], b"\r\nContent-Length: 1\r\n\r\n{"].concat(),
            Some(200),
        ),
        2 => Answer::status(400 + u16::try_from(numbers.below(199)).expect("small")),
        _ => Answer::status(200),
    }
}

fn send_all(gate: &Gate, sender: usize) {
    let mut numbers = Numbers::from(sender as u64 + 1);
    let from = [ADMITTED, PROXY, PROXY, ADMITTED][sender % SENDERS];
    let mut session = gate.session(from);
    for number in 0..REQUESTS / SENDERS {
        let reply = session.try_ask(&request(&mut numbers));
        assert!(reply.is_ok(), "{from}, request {number}: {reply:?}");
    }
}

#[test]
#[ignore = "a hundred thousand requests: make test-long"]
fn a_hundred_thousand_hostile_requests_leave_short_lines_that_jq_reads() {
    let arrived = std::sync::atomic::AtomicUsize::new(0);
    let upstream =
        Upstream::start(move |_| answer(arrived.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
    let gate = Setup::new(upstream.url())
        .http1()
        .behind_proxy()
        .routes(&["{ path: /*, webhook: voice-answer, allow: [test] }"])
        .key("log", "{ format: json, level: info, access: ./access.log }")
        .start();
    let folder = std::sync::Arc::clone(&gate.setup.dir);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let gate = &gate;
            scope.spawn(move || send_all(gate, sender));
        }
    });
    drop(gate.finish());
    let path = folder.path().join("access.log");
    let log = fs::read(&path).expect("the access log");
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let longest = lines.iter().map(|line| line.len()).max().unwrap_or_default();
    assert!(longest <= MOST, "a line of {longest} bytes");
    assert!(!log.windows(b"secret".len()).any(|text| text == b"secret"), "a query is in the log");

    // One line for each request, or a summary that counts it.
    let jq = Command::new("jq")
        .args(["-n", "-c"])
        .arg(
            "reduce inputs as $line ({lines: 0, requests: 0, cut: 0, longest: 0}; \
             .lines += 1 | .requests += ($line.suppressed // 1) \
             | .longest = ([.longest, ($line.path // \"\" | utf8bytelength)] | max) \
             | .cut += (if ($line.path // \"\") | endswith(\"\u{2026}\") then 1 else 0 end))",
        )
        .arg(&path)
        .output()
        .expect("jq");
    assert!(jq.status.success(), "{}", String::from_utf8_lossy(&jq.stderr));
    let found: serde_json::Value = serde_json::from_slice(&jq.stdout).expect("what jq found");
    eprintln!("{found}, the longest line has {longest} bytes");
    assert_eq!(found["lines"], lines.len());
    assert_eq!(found["requests"], REQUESTS, "each request is there once");
    assert!(found["cut"].as_u64().is_some_and(|cut| cut > 100), "no path was cut");
    assert!(lines.len() > REQUESTS / 2, "{} lines", lines.len());
}
