//! Faults of the sender's side that need more than one odd request: mutations by the hundred, floods of heads.

use std::time::{Duration, Instant};

use crate::harness::gate::lines::requests;
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Gate, PATIENCE, Setup, Upstream, get};
use crate::logs::access_log::only_event;

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn half_a_head_and_then_silence_is_408_at_the_head_time_out() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().key("limits", "{ head_timeout: 500ms }").start();
    let begin = Instant::now();
    let mut sender = gate.connect(ADMITTED);
    sender.send(b"POST /half HTTP/1.1\r\nHost: a\r\nContent-Le");
    assert_eq!(sender.reply().status, 408);
    assert!(sender.is_closed_within(PATIENCE));
    assert!(
        (Duration::from_millis(450)..Duration::from_secs(4)).contains(&begin.elapsed()),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(upstream.connections(), 0);
    only_event(gate, "rejected", "head_timeout");
}

#[test]
fn odd_methods_end_here_and_in_the_log() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1_alone().start();
    let long = "A".repeat(10_000);
    let rows: [(String, u16); 9] = [
        ("TRACE /a HTTP/1.1".into(), 405),
        ("CONNECT a:443 HTTP/1.1".into(), 405),
        ("OPTIONS * HTTP/1.1".into(), 405),
        ("PRI * HTTP/2.0".into(), 400),
        ("get /a HTTP/1.1".into(), 400),
        ("Post /a HTTP/1.1".into(), 400),
        (format!("{long} /a HTTP/1.1"), 400),
        ("GE\tT /a HTTP/1.1".into(), 400),
        (" GET /a HTTP/1.1".into(), 400),
    ];
    for (line, status) in &rows {
        let reply = gate.ask(ADMITTED, format!("{line}\r\nHost: a\r\nCookie: s=1\r\n\r\n").as_bytes());
        assert_eq!(reply.status, *status, "{}", &line[..line.len().min(60)]);
        assert!(!reply.text().contains("s=1"), "nothing of the request is repeated: {line}");
    }
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), rows.len());
    assert!(events.iter().all(|event| event["outcome"] == "rejected"), "{events:?}");
    let refused = |status: u16| events.iter().filter(|event| event["status"] == status).count();
    assert_eq!((refused(405), refused(400)), (3, 6));
}

#[test]
fn every_form_of_a_target_arrives_in_origin_form_with_one_host_or_not_at_all() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let served: [(&str, &str); 5] = [
        ("http://a/hook?b=c", "/hook?b=c"),
        ("HTTP://A/hook", "/hook"),
        ("https://a/hook", "/hook"),
        ("http://a", "/"),
        ("/hook?x=http://b/", "/hook?x=http://b/"),
    ];
    for (target, origin) in served {
        let reply = gate.ask(ADMITTED, format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!((reply.status, reply.text().as_str()), (200, origin), "{target}");
    }
    for arrival in upstream.arrivals() {
        assert_eq!(arrival.head.all("host"), ["a"], "{}", arrival.head.text());
    }
    let refused: [(Vec<u8>, u16); 14] = [
        (b"http://b/hook".to_vec(), 400),
        (b"http://a:81/hook".to_vec(), 400),
        (b"http://u@a/hook".to_vec(), 400),
        (b"ftp://a/hook".to_vec(), 400),
        (b"http:///hook".to_vec(), 400),
        (b"http://a?x".to_vec(), 400),
        (b"a:80".to_vec(), 400),
        (b"*".to_vec(), 405),
        (b"/hook#fragment".to_vec(), 400),
        (b"/ho ok".to_vec(), 400),
        (b"/ho\0ok".to_vec(), 400),
        (b"/h\xc3\xb6k".to_vec(), 400),
        (b"/hook\x7f".to_vec(), 400),
        ([b"/".as_slice(), &vec![b'a'; 70_000]].concat(), 414),
    ];
    for (target, status) in &refused {
        let bytes = [b"GET ", target.as_slice(), b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let shown = String::from_utf8_lossy(&target[..target.len().min(40)]).into_owned();
        assert_eq!(gate.ask(ADMITTED, &bytes).status, *status, "{shown}");
    }
    assert_eq!(upstream.arrivals().len(), served.len());
    assert_eq!(gate.finish().events.len(), served.len() + refused.len());
}

/// Sends everything, hangs up the sending side, reads to the end: what came back, and what arrived meanwhile.
fn exchange(gate: &Gate, upstream: &Upstream, bytes: &[u8]) -> (String, Vec<Arrival>) {
    let before = upstream.arrivals().len();
    let mut sender = gate.connect(ADMITTED);
    let _ = sender.try_send(bytes);
    sender.half_close();
    let heard = String::from_utf8_lossy(&sender.rest()).into_owned();
    (heard, upstream.arrivals_from(before))
}

/// Values of Transfer-Encoding and whether they mean `chunked` and nothing else.
const CODINGS: [(&str, bool); 26] = [
    ("chunked", true),
    ("Chunked", true),
    ("CHUNKED", true),
    ("\tchunked ", true),
    ("chunked, chunked", false),
    ("chunked, identity", false),
    ("identity, chunked", false),
    ("identity", false),
    ("gzip, chunked", false),
    ("chunked, gzip", false),
    ("chunked,", false),
    (",chunked", false),
    ("xchunked", false),
    ("chunkedx", false),
    ("chunk ed", false),
    ("chunked;q=1", false),
    ("chunked; foo=bar", false),
    ("\"chunked\"", false),
    ("'chunked'", false),
    ("\x0bchunked", false),
    ("chunked\x0b", false),
    ("chunked\x0c", false),
    ("chunked\0", false),
    ("", false),
    ("cow", false),
    ("chunked\r\nTransfer-Encoding: cow", false),
];

#[test]
fn no_mix_of_framings_makes_two_requests_of_one() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let body = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let whole = body.len().to_string();
    let lengths = ["", "0", "4", whole.as_str(), "99999", "4\r\nContent-Length: 4"];
    let (mut tried, mut served) = (0, 0);
    for version in ["1.1", "1.0"] {
        for (coding, is_chunked) in CODINGS {
            for length in lengths {
                for coding_first in [true, false] {
                    let te = format!("Transfer-Encoding: {coding}\r\n");
                    let cl = if length.is_empty() {
                        String::new()
                    } else {
                        format!("Content-Length: {length}\r\n")
                    };
                    let framing = if coding_first { te + &cl } else { cl + &te };
                    let bytes = format!("POST /front HTTP/{version}\r\nHost: a\r\n{framing}\r\n{body}");
                    let (heard, arrived) = exchange(&gate, &upstream, bytes.as_bytes());
                    let may_pass = is_chunked && length.is_empty() && version == "1.1";
                    assert_eq!(arrived.len(), usize::from(may_pass), "{framing:?} in {version}: {heard}");
                    let status = if may_pass { "HTTP/1.1 200" } else { "HTTP/1.1 400|HTTP/1.1 501" };
                    assert!(status.split('|').any(|one| heard.starts_with(one)), "{framing:?}: {heard}");
                    assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "one request, one answer: {heard}");
                    for arrival in arrived {
                        assert_eq!(arrival.body, SMUGGLED.as_bytes(), "{framing:?}");
                        served += 1;
                    }
                    tried += 1;
                }
            }
        }
    }
    assert_eq!((tried, served), (2 * 26 * 6 * 2, 4 * 2));
    assert_eq!(requests(&gate.finish().events), tried);
}

/// Names that some server takes for Transfer-Encoding: the length alone frames the message, or it is refused.
#[test]
fn a_header_that_only_looks_like_a_framing_one_frames_nothing() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let body = format!("0\r\n\r\n{SMUGGLED}");
    let lines = [
        "Transfer_Encoding: chunked",
        "TransferEncoding: chunked",
        "X-Transfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encodin: chunked",
        "Transfer\0-Encoding: chunked",
        "Transfer-Encoding\x0b: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Content_Length: 5",
        "Content-Length : 5",
        "X-Content-Length: 5",
        "Content-Length\0: 5",
    ];
    for line in lines {
        let bytes = format!(
            "POST /front HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{line}\r\n\r\n{body}",
            body.len()
        );
        let (heard, arrived) = exchange(&gate, &upstream, bytes.as_bytes());
        assert!(heard.starts_with("HTTP/1.1 200") || heard.starts_with("HTTP/1.1 400"), "{line:?}: {heard}");
        assert_eq!(arrived.len(), usize::from(heard.starts_with("HTTP/1.1 200")), "{line:?}: {heard}");
        for arrival in arrived {
            assert_eq!(arrival.body, body.as_bytes(), "{line:?}");
            let folded: Vec<String> =
                arrival.head.headers().into_iter().map(|(name, _)| name.replace('_', "-")).collect();
            assert!(
                !folded.iter().any(|name| name == "transfer-encoding"),
                "{line:?}: {}",
                arrival.head.text()
            );
            let lengths = folded.iter().filter(|name| *name == "content-length").count();
            assert_eq!(lengths, 1, "{line:?}: {}", arrival.head.text());
        }
    }
    assert_eq!(gate.finish().events.len(), lines.len());
}

/// `*( BWS ";" BWS token [ BWS "=" BWS token ] )`: nothing here is quoted.
fn is_extension(text: &[u8]) -> bool {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let token = |part: &[u8]| {
        !part.is_empty()
            && part.iter().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte))
    };
    let mut parts = text.split(|byte| *byte == b';');
    let before = parts.next().unwrap_or_default();
    before.iter().all(blank)
        && (before.is_empty() || text.contains(&b';'))
        && !text.last().is_some_and(blank)
        && parts.all(|part| {
            let mut sides = part.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
            sides.all(token)
        })
}

/// RFC 9112 section 7.1 in its plainest words: the decoded body and the bytes that it took, if the syntax is right.
fn decode(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let plain = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    let line = |at: usize| {
        let end = at + bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let line = &bytes[at..end];
        line.iter().all(plain).then_some((line, end + 2))
    };
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let (text, next) = line(at)?;
        let (digits, extension) =
            text.split_at(text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count());
        if digits.is_empty() || digits.len() > 8 || !is_extension(extension) {
            return None;
        }
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        at = next;
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
        if bytes.get(at - 2..at)? != b"\r\n" {
            return None;
        }
    }
    loop {
        let (trailer, next) = line(at)?;
        at = next;
        if trailer.is_empty() {
            return Some((body, at));
        }
        let name = &trailer[..trailer.iter().position(|byte| *byte == b':')?];
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            return None;
        }
    }
}

/// Every byte of a chunked body replaced, removed and doubled, each judged by the decoder above.
#[test]
fn a_mutated_chunk_is_refused_or_read_as_it_must_be() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let good =
        format!("3;a=b\r\nabc\r\n{:x}\r\n{SMUGGLED}\r\n0\r\nX-T: v\r\n\r\n", SMUGGLED.len()).into_bytes();
    let mut bodies = vec![good.clone()];
    for at in 0..good.len() {
        for byte in *b"\n\r ;0f-g\0\x0b\xff" {
            bodies.push([&good[..at], &[byte], &good[at + 1..]].concat());
        }
        bodies.push([&good[..at], &good[at + 1..]].concat());
        bodies.push([&good[..=at], &good[at..]].concat());
    }
    assert!(bodies.len() >= 600, "{}", bodies.len());
    let mut served = 0;
    for body in &bodies {
        let front = b"POST /front HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (heard, arrived) = exchange(&gate, &upstream, &[front.as_slice(), body].concat());
        let shown = String::from_utf8_lossy(body).into_owned();
        match decode(body) {
            None => assert!(arrived.is_empty() && !heard.contains("HTTP/1.1 200"), "{shown:?}: {heard}"),
            Some((decoded, used)) => {
                let first = arrived.first().unwrap_or_else(|| panic!("not served: {shown:?}: {heard}"));
                assert_eq!(first.body, decoded, "{shown:?}");
                // What follows the message is the sender's next request, if it is one.
                assert_eq!(arrived.len() > 1, body[used..].starts_with(b"GET "), "{shown:?}: {heard}");
                served += 1;
            }
        }
    }
    eprintln!("{} chunked bodies, {served} of them well-formed", bodies.len());
    assert!(served > 20, "{served}");
    assert_eq!(gate.ask(ADMITTED, &get("/after")).text(), "/after");
}

#[test]
fn heads_beyond_every_bound_cost_no_memory() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    assert_eq!(gate.ask(ADMITTED, &get("/warm")).status, 200);
    let rows: [String; 4] = [
        format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(257)),
        format!("GET /a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000)),
        format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(170_000)),
        format!("GET /a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(2_000_000)),
    ];
    let flood = |rounds: usize| {
        for row in rows.iter().cycle().take(rounds * rows.len()) {
            let mut sender = gate.connect(ADMITTED);
            // The gate hangs up before it has read all of it.
            let _ = sender.try_send(row.as_bytes());
            assert_eq!(sender.reply().status, 431, "{}", row.len());
        }
    };
    flood(20);
    let before = gate.usage();
    flood(60);
    let after = gate.usage();
    eprintln!("240 heads of up to 2 MB: {before:?} then {after:?}");
    // A worker that had nothing to do before takes some MiB for its heap; what was sent is ten times this bound.
    assert!(after.resident_kib <= before.resident_kib + 12 * 1024, "{after:?} after {before:?}");
    let events = gate.finish().events;
    let all = 80 * rows.len() as u64;
    assert_eq!(requests(&events), 1 + all);
    assert_eq!(requests(events.iter().filter(|event| event["reason"] == "head_too_large")), all);
}

/// A peer without an address could never be denied, so there is no such listener.
#[test]
fn a_unix_socket_cannot_be_listened_on() {
    let upstream = Upstream::echo();
    for address in ["unix:/tmp/gate.sock", "/tmp/gate.sock", "unix:gate.sock"] {
        let exit =
            Setup::new(upstream.url()).key("listen", &format!("[{{ address: {address:?} }}]")).run_to_exit();
        assert_eq!(exit.code, Some(78), "{:?}", exit.stderr);
        assert!(exit.stderr.iter().any(|line| line.starts_with("error: listen[0]")), "{:?}", exit.stderr);
    }
}
