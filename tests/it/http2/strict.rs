//! What is ambiguous or out of bounds in HTTP/2, written by hand: client libraries refuse to send it.
//!
//! What the gate sees is answered and logged once with its reason. What its HTTP/2 library finds malformed is reset by
//! the library before the gate sees it: nobody is served and nothing is logged. It ends the connection over a header that
//! it cannot read at all.

use crate::harness::http2::frames::{self, DATA, END_STREAM, head};
use crate::harness::http2::raw::{Heard, Raw};
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, STRANGER, Setup, Upstream};

const PROTOCOL_ERROR: u32 = 1;

/// What must come of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Served, with this target at the upstream.
    Served(&'static str),
    /// Answered with this status, and logged with this reason.
    Refused(u16, &'static str),
    /// Reset by the library, and not logged.
    Reset,
    /// No header at all to the library: it ends the connection, and nothing is logged.
    Ended,
    /// Reset by the library while the gate reads the body: logged as abandoned.
    Broken,
}

use Want::{Broken, Ended, Refused, Reset, Served};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

struct Row {
    name: &'static str,
    fields: Fields,
    /// `None`: the header ends the stream.
    body: Option<&'static [u8]>,
    want: Want,
}

fn bytes(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// These fields and no others.
fn whole(name: &'static str, fields: &[(&str, &str)], want: Want) -> Row {
    Row { name, fields: bytes(fields), body: None, want }
}

/// A GET with more fields.
fn with(name: &'static str, more: &[(&str, &str)], want: Want) -> Row {
    let fields = [head("GET", "/hook"), more.to_vec()].concat();
    whole(name, &fields, want)
}

fn target(name: &'static str, path: &[u8], want: Want) -> Row {
    let mut row = with(name, &[], want);
    row.fields[2].1 = path.to_vec();
    row
}

fn method(name: &'static str, method: &str, want: Want) -> Row {
    let mut row = with(name, &[], want);
    row.fields[0].1 = method.as_bytes().to_vec();
    row
}

fn posted(name: &'static str, more: &[(&str, &str)], body: &'static [u8], want: Want) -> Row {
    let mut row = with(name, more, want);
    row.fields[0].1 = b"POST".to_vec();
    row.body = Some(body);
    row
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "http");
const PATH: (&str, &str) = (":path", "/hook");
const AUTHORITY: (&str, &str) = (":authority", "a");

fn hosts() -> Vec<Row> {
    let bad = Refused(400, "bad_host");
    vec![
        whole("neither :authority nor Host", &[METHOD, SCHEME, PATH], bad),
        whole("Host without :authority", &[METHOD, SCHEME, PATH, ("host", "a")], Served("/hook")),
        with("Host repeats :authority", &[("host", "hooks.example")], Served("/hook")),
        with("Host repeats :authority twice", &[("host", "hooks.example"), ("host", "hooks.example")], bad),
        with("Host differs from :authority", &[("host", "b")], bad),
        with("Host differs from :authority in its port", &[("host", "hooks.example:80")], bad),
        whole("two Hosts", &[METHOD, SCHEME, PATH, ("host", "a"), ("host", "a")], bad),
        whole("a list in Host", &[METHOD, SCHEME, PATH, ("host", "a, b")], bad),
        whole("a path in Host", &[METHOD, SCHEME, PATH, ("host", "a/b")], bad),
        whole("userinfo in :authority", &[METHOD, SCHEME, PATH, (":authority", "u@a")], bad),
        whole("a path in :authority", &[METHOD, SCHEME, PATH, (":authority", "a/b")], Reset),
        whole("a space in :authority", &[METHOD, SCHEME, PATH, (":authority", "a b")], Reset),
        whole("an empty :authority", &[METHOD, SCHEME, PATH, (":authority", "")], Reset),
        whole(
            "a scheme that is not HTTP's",
            &[METHOD, (":scheme", "ftp"), PATH, AUTHORITY],
            Refused(400, "bad_target"),
        ),
        whole(
            "https without TLS, as a proxy says it",
            &[METHOD, (":scheme", "https"), PATH, AUTHORITY],
            Served("/hook"),
        ),
    ]
}

fn pseudo() -> Vec<Row> {
    vec![
        whole("no :method", &[SCHEME, PATH, AUTHORITY], Reset),
        whole("no :scheme", &[METHOD, PATH, AUTHORITY], Reset),
        whole("no :path", &[METHOD, SCHEME, AUTHORITY], Reset),
        whole("two :path", &[METHOD, SCHEME, PATH, PATH, AUTHORITY], Reset),
        whole("two :method", &[METHOD, METHOD, SCHEME, PATH, AUTHORITY], Reset),
        whole("two :authority", &[METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY], Reset),
        whole("a pseudo-header behind a field", &[METHOD, SCHEME, ("x", "y"), PATH, AUTHORITY], Reset),
        whole("an unknown pseudo-header", &[METHOD, SCHEME, PATH, AUTHORITY, (":x", "y")], Ended),
        whole("a :status in a request", &[METHOD, SCHEME, PATH, AUTHORITY, (":status", "200")], Reset),
        whole(
            "extended CONNECT",
            &[(":method", "CONNECT"), SCHEME, PATH, AUTHORITY, (":protocol", "websocket")],
            Reset,
        ),
        whole("CONNECT", &[(":method", "CONNECT"), (":authority", "a:443")], Refused(405, "bad_method")),
        whole("CONNECT with a path", &[(":method", "CONNECT"), SCHEME, PATH, AUTHORITY], Reset),
    ]
}

fn heads() -> Vec<Row> {
    vec![
        method("TRACE", "TRACE", Refused(405, "bad_method")),
        method("a method in small letters", "get", Refused(400, "malformed_head")),
        method("a method with a space", "GE T", Ended),
        method("an empty method", "", Ended),
        method("an endless method", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Refused(400, "malformed_head")),
        with("Connection", &[("connection", "close")], Reset),
        with("Connection that names a field of the gate", &[("connection", "x-forwarded-for")], Reset),
        with("Keep-Alive", &[("keep-alive", "timeout=5")], Reset),
        with("Proxy-Connection", &[("proxy-connection", "close")], Reset),
        with("Upgrade", &[("upgrade", "websocket")], Reset),
        with("Transfer-Encoding", &[("transfer-encoding", "chunked")], Reset),
        with("TE that is not trailers", &[("te", "gzip")], Reset),
        with("TE", &[("te", "trailers")], Served("/hook")),
        with("capitals in a name", &[("X-Case", "y")], Ended),
        with("a space in a name", &[("x case", "y")], Ended),
        with("a colon in a name", &[("x:case", "y")], Ended),
        with("an empty name", &[("", "y")], Ended),
        with("a line end in a name", &[("x\r\nhost", "y")], Ended),
        with("a line end in a value", &[("x", "y\r\nx-nexmo-gate-list: admin")], Ended),
        with("NUL in a value", &[("x", "a\0b")], Ended),
        with("a tab in a value", &[("x", "a\tb")], Served("/hook")),
        with("an empty value", &[("x", "")], Served("/hook")),
        with("an expectation that nobody knows", &[("expect", "200-ok")], Refused(417, "bad_expectation")),
        with(
            "two expectations",
            &[("expect", "100-continue"), ("expect", "100-continue")],
            Refused(417, "bad_expectation"),
        ),
    ]
}

fn targets() -> Vec<Row> {
    let bad = Refused(400, "bad_target");
    let mut rows: Vec<Row> = [
        ("an empty segment", &b"//hook"[..]),
        ("an empty segment inside", b"/a//hook"),
        ("a dot segment", b"/a/../hook"),
        ("a single dot segment", b"/./hook"),
        ("a dot segment at the end", b"/hook/.."),
        ("an encoded dot segment", b"/a/%2e%2e/hook"),
        ("an encoded slash", b"/a%2fhook"),
        ("an encoded backslash", b"/a%5Chook"),
        ("an encoded NUL", b"/a%00hook"),
        ("broken percent-encoding", b"/a%zz"),
        ("cut percent-encoding", b"/hook%2"),
        ("a backslash", b"/a\\hook"),
        ("a semicolon", b"/hook;x=1"),
        ("non-ASCII", b"/\xc3\xa9"),
    ]
    .into_iter()
    .map(|(name, path)| target(name, path, bad))
    .collect();
    rows.extend([
        target("a space", b"/a b", Reset),
        target("NUL", b"/a\0b", Reset),
        target("a control byte in the query", b"/hook?a=\x01", Reset),
        target("a line end", b"/hook\r\nx: y", Reset),
        target("nothing", b"", Reset),
        target("no slash", b"hook", Reset),
        target("the asterisk", b"*", Refused(405, "bad_method")),
        target("an absolute form for another host", b"http://evil/hook", Reset),
        target("an absolute form", b"http://hooks.example/hook", Reset),
        // Known: the library cuts a fragment off before anybody sees it.
        target("a fragment", b"/hook#b", Served("/hook")),
        target(
            "a query of raw bytes",
            b"/hook?u=https://x/../y//z;a,b:c%2f%00'[]",
            Served("/hook?u=https://x/../y//z;a,b:c%2f%00'[]"),
        ),
        target("an empty query", b"/hook?", Served("/hook?")),
    ]);
    rows
}

fn lengths() -> Vec<Row> {
    vec![
        posted("a length", &[("content-length", "5")], b"hello", Served("/hook")),
        posted("no length", &[], b"hello", Served("/hook")),
        posted(
            "two equal lengths",
            &[("content-length", "5"), ("content-length", "5")],
            b"hello",
            Refused(400, "bad_framing"),
        ),
        posted(
            "two lengths that differ",
            &[("content-length", "5"), ("content-length", "6")],
            b"hello",
            Reset,
        ),
        posted("lengths in a list", &[("content-length", "5, 5")], b"hello", Reset),
        posted("a sign before a length", &[("content-length", "+5")], b"hello", Reset),
        posted("a hex length", &[("content-length", "0x5")], b"hello", Reset),
        posted("an empty length", &[("content-length", "")], b"hello", Broken),
        posted("a length beyond any integer", &[("content-length", "99999999999999999999")], b"hello", Reset),
        posted("more than announced", &[("content-length", "4")], b"hello", Broken),
        posted("less than announced", &[("content-length", "6")], b"hello", Broken),
        posted(
            "a body over the limit, announced",
            &[("content-length", "2000")],
            &[b'x'; 2000],
            Refused(413, "body_too_large"),
        ),
        posted("a body over the limit", &[], &[b'x'; 2000], Refused(413, "body_too_large")),
        with("a length and no body", &[("content-length", "5")], Reset),
        with("a length of nothing", &[("content-length", "0")], Served("/hook")),
    ]
}

#[test]
fn what_is_ambiguous_is_refused_and_what_the_gate_sees_is_logged() {
    let rows: Vec<Row> =
        hosts().into_iter().chain(pseudo()).chain(heads()).chain(targets()).chain(lengths()).collect();
    assert_eq!(rows.len(), 15 + 12 + 24 + 26 + 15);
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().key("limits", "{ max_body: 1KiB }").start();
    let (mut logged, mut arrived) = (Vec::new(), 0);
    for row in &rows {
        let Row { name, want, .. } = row;
        let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
        let stream = raw.ask(&row.fields, row.body.is_none());
        if let Some(body) = row.body {
            // It may be reset already.
            let _ = raw.send(&frames::frame(DATA, END_STREAM, stream, body));
        }
        let heard = raw.hear(stream);
        match *want {
            Served(_) => assert_eq!((heard.status, heard.whole), (Some(200), true), "{name}: {heard:?}"),
            Refused(status, _) => {
                assert_eq!((heard.status, heard.whole), (Some(status), true), "{name}: {heard:?}");
            }
            Reset | Broken => {
                let wanted = Heard { reset: Some(PROTOCOL_ERROR), ..Heard::default() };
                assert_eq!(heard, wanted, "{name}: goodbye {:?}", raw.goodbye);
            }
            Ended => {
                assert_eq!((heard, raw.goodbye), (Heard::default(), Some(PROTOCOL_ERROR)), "{name}");
                raw = Raw::connect(ADMITTED, gate.addr(), &[]);
            }
        }
        // The connection is in step: the next stream is served.
        let next = raw.ask(&head("GET", "/next"), true);
        assert_eq!(raw.hear(next).status, Some(200), "{name}: the next request");
        let arrivals = upstream.arrivals_from(arrived);
        let targets: Vec<String> = arrivals.iter().map(Arrival::target).collect();
        let wanted: Vec<&str> = match *want {
            Served(target) => vec![target, "/next"],
            _ => vec!["/next"],
        };
        assert_eq!(targets, wanted, "{name}: what the application saw");
        arrived += arrivals.len();
        let reason = match *want {
            Served(_) => Some("success"),
            Refused(_, reason) => Some(reason),
            Broken => Some("sender_gone"),
            Reset | Ended => None,
        };
        let mut wanted: Vec<&str> = reason.into_iter().chain(["success"]).collect();
        let events = gate.events_from(logged.len(), wanted.len());
        let mut reasons: Vec<&str> =
            events.iter().map(|event| event["reason"].as_str().expect("a reason")).collect();
        reasons.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(reasons, wanted, "{name}");
        for event in &events {
            assert_eq!(event["http"], "2", "{name}: {event}");
            assert_eq!(event["delivered"] == true, event["reason"] == "success", "{name}: {event}");
        }
        logged.extend(events);
    }
    assert_eq!(gate.finish().events.len(), logged.len(), "and no event more");
}

#[test]
fn a_stranger_hears_nothing_but_the_deny_answer() {
    let rows: Vec<Row> =
        hosts().into_iter().chain(pseudo()).chain(heads()).chain(targets()).chain(lengths()).collect();
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut denied = 0;
    // Whether the answer or the reset over a lying length comes first, nobody knows.
    for row in rows.iter().filter(|row| row.want != Broken) {
        let mut raw = Raw::connect(STRANGER, gate.addr(), &[]);
        let stream = raw.ask(&row.fields, row.body.is_none());
        if let Some(body) = row.body {
            let _ = raw.send(&frames::frame(DATA, END_STREAM, stream, body));
        }
        let heard = raw.hear(stream);
        match row.want {
            Reset => {
                assert_eq!((heard.status, heard.reset), (None, Some(PROTOCOL_ERROR)), "{}", row.name);
            }
            Ended => assert_eq!(raw.goodbye, Some(PROTOCOL_ERROR), "{}", row.name),
            _ => {
                assert_eq!(heard.status, Some(403), "{}: {heard:?}", row.name);
                denied += 1;
            }
        }
    }
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), denied);
    assert!(events.iter().all(|event| event["reason"] == "not_listed" && event["http"] == "2"), "{events:?}");
}

#[test]
fn a_head_over_its_limit_is_431_or_414_and_logged() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let long = format!("/{}", "a".repeat(17_000));
    let (value, huge) = ("v".repeat(17_000), "v".repeat(40_000));
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("x", "y"), 100).collect();
    let fits: Vec<(&str, &str)> = std::iter::repeat_n(("x", "y"), 99).collect();
    let rows = [
        ("as many fields as may be", [head("GET", "/hook"), fits].concat(), 200, Some("success")),
        ("a field too many", [head("GET", "/hook"), many].concat(), 431, Some("head_too_large")),
        (
            "a long field",
            [head("GET", "/hook"), vec![("x", value.as_str())]].concat(),
            431,
            Some("head_too_large"),
        ),
        ("a long target", head("GET", &long), 414, Some("target_too_long")),
        // Far above the limit the library answers, before the gate sees it.
        ("a huge field", [head("GET", "/hook"), vec![("x", huge.as_str())]].concat(), 431, None),
    ];
    let mut logged = 0;
    for (name, fields, status, reason) in rows {
        let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
        let stream = raw.next_stream();
        let block = crate::harness::http2::hpack::literals(&fields);
        // A frame holds 16 KiB; the rest goes on in CONTINUATION frames.
        let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let end = if at + 1 == pieces.len() { frames::END_HEADERS } else { 0 };
            let frame = if at == 0 {
                frames::frame(frames::HEADERS, end | END_STREAM, stream, piece)
            } else {
                frames::frame(frames::CONTINUATION, end, stream, piece)
            };
            raw.send(&frame).expect("write to the gate");
        }
        assert_eq!(raw.hear(stream).status, Some(status), "{name}");
        if let Some(reason) = reason {
            let event = gate.events_from(logged, 1).remove(0);
            assert_eq!((&event["reason"], &event["http"]), (&reason.into(), &"2".into()), "{name}: {event}");
            logged += 1;
        }
    }
    assert_eq!(upstream.arrivals().len(), 1);
    assert_eq!(gate.finish().events.len(), logged);
}

#[test]
fn cookies_in_fields_of_their_own_reach_the_application_as_one() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")];
    let stream = raw.ask(&[head("GET", "/hook"), crumbs.to_vec()].concat(), true);
    assert_eq!(raw.hear(stream).status, Some(200));
    assert_eq!(upstream.arrivals()[0].head.one("cookie").as_deref(), Some("a=1; b=2; c=3"));
}

#[test]
fn trailers_end_at_the_gate() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let stream = raw.ask(&head("POST", "/hook"), false);
    raw.send(&frames::frame(DATA, 0, stream, b"hello")).expect("write to the gate");
    // The library reads a pseudo-header over here, where RFC 9113 section 8.1 calls it malformed.
    raw.send(&frames::headers(stream, &[(":path", "/other"), ("x-trailer", "1")], true))
        .expect("write to the gate");
    assert_eq!(raw.hear(stream).status, Some(200));
    let arrival = upstream.arrivals().remove(0);
    assert_eq!((arrival.target().as_str(), &*arrival.body), ("/hook", &b"hello"[..]));
    assert_eq!(arrival.head.one("content-length").as_deref(), Some("5"));
    assert!(!arrival.head.text().contains("x-trailer"), "{}", arrival.head.text());
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_h2c().start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let expects = [("expect", "100-continue"), ("content-length", "5")];
    let stream = raw.ask(&[head("POST", "/hook"), expects.to_vec()].concat(), false);
    while raw.streams.get(&stream).is_none_or(|heard| heard.interim.is_none()) {
        assert!(raw.take(), "the connection ended");
    }
    assert_eq!((raw.streams[&stream].interim, raw.streams[&stream].status), (Some(100), None));
    assert!(upstream.arrivals().is_empty());
    raw.send(&frames::frame(DATA, END_STREAM, stream, b"hello")).expect("write to the gate");
    assert_eq!(raw.hear(stream).status, Some(200));
    let arrival = upstream.arrivals().remove(0);
    assert_eq!(arrival.body, b"hello");
    assert!(arrival.head.all("expect").is_empty(), "{}", arrival.head.text());
    // Who is turned away is not asked for a body.
    let mut stranger = Raw::connect(STRANGER, gate.addr(), &[]);
    let stream = stranger.ask(&[head("POST", "/hook"), expects.to_vec()].concat(), false);
    while stranger.streams.get(&stream).is_none_or(|heard| heard.status.is_none()) {
        assert!(stranger.take(), "the connection ended");
    }
    assert_eq!((stranger.streams[&stream].interim, stranger.streams[&stream].status), (None, Some(403)));
}
