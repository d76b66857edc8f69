//! Requests that two parsers could read differently never reach the application, from whomever they come.

use crate::harness::{ADMITTED, PATIENCE, Setup, Upstream, get};

/// Name, bytes, and the statuses that are right.
type Row = (&'static str, Vec<u8>, &'static [u16]);

fn row(name: &'static str, bytes: impl Into<Vec<u8>>) -> Row {
    (name, bytes.into(), &[400])
}

/// A transfer coding that is not `chunked` may be called unknown instead of wrong.
fn coded(name: &'static str, coding: &str) -> Row {
    let (name, bytes, _) = framed(name, &format!("Transfer-Encoding: {coding}"), "5\r\nhello\r\n0\r\n\r\n");
    (name, bytes, &[400, 501])
}

/// A POST to `/hook` with these header lines and this body.
fn framed(name: &'static str, headers: &str, body: &str) -> Row {
    row(name, format!("POST /hook HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}"))
}

fn target(name: &'static str, target: &[u8]) -> Row {
    row(name, [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat())
}

fn framings() -> Vec<Row> {
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    vec![
        framed("length with chunked", "Content-Length: 4\r\nTransfer-Encoding: chunked", chunked),
        framed("chunked with length", "Transfer-Encoding: chunked\r\nContent-Length: 4", chunked),
        framed("two equal lengths", "Content-Length: 5\r\nContent-Length: 5", "hello"),
        framed("two lengths that differ", "Content-Length: 5\r\nContent-Length: 6", "hello"),
        framed("lengths in a list", "Content-Length: 5, 5", "hello"),
        framed("plus before a length", "Content-Length: +5", "hello"),
        framed("minus before a length", "Content-Length: -5", "hello"),
        framed("a hex length", "Content-Length: 0x5", "hello"),
        framed("an empty length", "Content-Length: ", "hello"),
        framed("a length with a space in it", "Content-Length: 1 0", "hello"),
        coded("chunked twice", "chunked, chunked"),
        coded("chunked not last", "chunked, gzip"),
        coded("identity and chunked", "identity\r\nTransfer-Encoding: chunked"),
        coded("gzip then chunked", "gzip, chunked"),
        coded("a coding that only looks like chunked", "xchunked"),
        coded("chunked with a vertical tab", "\x0bchunked"),
        framed("a length hidden behind a space", "Content-Length : 5", "hello"),
        framed("bare LF after a chunk size", "Transfer-Encoding: chunked", "5\nhello\r\n0\r\n\r\n"),
        framed("LF in a chunk extension", "Transfer-Encoding: chunked", "5;a\nX\r\nhello\r\n0\r\n\r\n"),
        framed("a chunk extension without a name", "Transfer-Encoding: chunked", "5;\r\nhello\r\n0\r\n\r\n"),
        framed(
            "a blank in a chunk extension",
            "Transfer-Encoding: chunked",
            "5;bad name\r\nhello\r\n0\r\n\r\n",
        ),
        framed("a trailer without a colon", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nnone\r\n\r\n"),
        framed("a chunk longer than said", "Transfer-Encoding: chunked", "5\r\nhelloXX0\r\n\r\n"),
        framed("a chunk size that is none", "Transfer-Encoding: chunked", "xyz\r\nhello\r\n0\r\n\r\n"),
        framed("a chunk size with 0x", "Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"),
        framed("a negative chunk size", "Transfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"),
        framed("a chunk size with a sign", "Transfer-Encoding: chunked", "+5\r\nhello\r\n0\r\n\r\n"),
        row(
            "chunked in HTTP/1.0",
            format!("POST /hook HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        ),
    ]
}

fn heads() -> Vec<Row> {
    vec![
        row("no Host", "GET /hook HTTP/1.1\r\n\r\n"),
        row("no Host in HTTP/1.0", "GET /hook HTTP/1.0\r\n\r\n"),
        row("empty Host", "GET /hook HTTP/1.1\r\nHost: \r\n\r\n"),
        row("two equal Hosts", "GET /hook HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        row("two Hosts that differ", "GET /hook HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        row("a list in Host", "GET /hook HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        row("a path in Host", "GET /hook HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        row("userinfo in Host", "GET /hook HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        row("an empty label in Host", "GET /hook HTTP/1.1\r\nHost: a..b\r\n\r\n"),
        row("two last dots in Host", "GET /hook HTTP/1.1\r\nHost: a..\r\n\r\n"),
        row("a leading dot in Host", "GET /hook HTTP/1.1\r\nHost: .a\r\n\r\n"),
        row("an address in another notation", "GET /hook HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n"),
        row("an address as one number", "GET /hook HTTP/1.1\r\nHost: 2130706433\r\n\r\n"),
        row("absolute form for another host", "GET http://evil/hook HTTP/1.1\r\nHost: a\r\n\r\n"),
        row("bare LF everywhere", "GET /hook HTTP/1.1\nHost: a\n\n"),
        row("bare LF after a header", "GET /hook HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        row("bare CR in a value", "GET /hook HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n"),
        row("obs-fold", "GET /hook HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
        row("obs-fold right after the request line", "GET /hook HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"),
        row("NUL in a value", "GET /hook HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        row("space before a colon", "GET /hook HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n"),
        row("space in a name", "GET /hook HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n"),
        row("no name", "GET /hook HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"),
        row("no colon", "GET /hook HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
        row("a method that is no token", "GE(T /hook HTTP/1.1\r\nHost: a\r\n\r\n"),
        row("two spaces in the request line", "GET  /hook HTTP/1.1\r\nHost: a\r\n\r\n"),
        row("tabs in the request line", "GET\t/hook\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        row("HTTP/0.9", "GET /hook\r\n\r\n"),
        (("HTTP/2.0 in words"), b"GET /hook HTTP/2.0\r\nHost: a\r\n\r\n".to_vec(), &[400, 505]),
        (("the HTTP/2 preface"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 405, 505]),
        row("a TLS ClientHello", b"\x16\x03\x01\x00\x05hello\r\n\r\n".to_vec()),
        row("Connection names X-Real-IP", "GET /hook HTTP/1.1\r\nHost: a\r\nConnection: X-Real-IP\r\n\r\n"),
        row(
            "Connection names X-Forwarded-For",
            "GET /hook HTTP/1.1\r\nHost: a\r\nConnection: close, x-forwarded-for\r\n\r\n",
        ),
        row(
            "Connection names a thousand",
            format!("GET /hook HTTP/1.1\r\nHost: a\r\nConnection: {}\r\n\r\n", "a,".repeat(1000)),
        ),
        row("Connection names Host", "GET /hook HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n"),
        row(
            "Connection names Content-Length",
            "POST /hook HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nhi",
        ),
        row(
            "Connection names the gate's list",
            "GET /hook HTTP/1.1\r\nHost: a\r\nConnection: X-Nexmo-Gate-List\r\n\r\n",
        ),
    ]
}

fn targets() -> Vec<Row> {
    vec![
        target("empty segment", b"//hook"),
        target("empty segment inside", b"/a//hook"),
        target("dot segment", b"/a/../hook"),
        target("single dot segment", b"/./hook"),
        target("dot segment at the end", b"/hook/.."),
        target("encoded dot segment", b"/a/%2e%2e/hook"),
        target("half encoded dot segment", b"/a/.%2E/hook"),
        target("encoded slash", b"/a%2fhook"),
        target("encoded backslash", b"/a%5Chook"),
        target("encoded NUL", b"/a%00hook"),
        target("an encoded letter", b"/%68ook"),
        target("an encoded digit", b"/a%30"),
        target("an encoded hyphen", b"/a%2db"),
        target("an encoded tilde", b"/a%7Eb"),
        target("broken percent-encoding", b"/a%zz"),
        target("cut percent-encoding", b"/hook%2"),
        target("backslash", b"/a\\hook"),
        target("semicolon", b"/hook;x=1"),
        target("fragment", b"/hook#b"),
        target("space", b"/a b"),
        target("NUL", b"/a\0b"),
        target("non-ASCII", b"/\xc3\xa9"),
        target("no slash", b"hook"),
        target("control byte in the query", b"/hook?a=\x01"),
    ]
}

#[test]
fn ambiguous_requests_are_rejected_and_never_forwarded() {
    every_row_is_refused(Setup::http1_alone);
}

/// On the transport that `over` sets up.
pub fn every_row_is_refused(over: impl FnOnce(Setup) -> Setup) {
    let rows: Vec<Row> = [framings(), heads(), targets()].concat();
    assert_eq!(rows.len(), 28 + 37 + 24);
    let upstream = Upstream::echo();
    let gate = over(Setup::new(upstream.url())).start();
    for (number, (name, bytes, statuses)) in rows.iter().enumerate() {
        let mut sender = gate.connect(ADMITTED);
        sender.send(bytes);
        let reply = sender.reply();
        assert!(statuses.contains(&reply.status), "{name}: {}", reply.status);
        if name.contains("chunk") || name.contains("ength") {
            assert!(sender.is_closed_within(PATIENCE), "{name}: nobody knows where the next request begins");
        }
        let events = gate.events(number + 1);
        assert_eq!(events.len(), number + 1, "{name}: one event");
        let event = &events[number];
        assert_eq!(
            (&event["outcome"], &event["delivered"]),
            (&"rejected".into(), &false.into()),
            "{name}: {event}"
        );
        assert_eq!(event["status"], reply.status, "{name}: {event}");
    }
    assert_eq!(upstream.connections(), 0, "not one reached the application");
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200, "the gate itself is well");
    assert_eq!(gate.finish().events.len(), rows.len() + 1);
}

#[test]
fn requests_that_only_look_odd_are_served() {
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("absolute form for this host", b"GET http://a/hook HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "/hook"),
        (
            "a query full of raw bytes",
            b"GET /hook?u=https://x/../y//z;a,b:c%2f%00'[] HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            "/hook?u=https://x/../y//z;a,b:c%2f%00'[]",
        ),
        ("Host with a port", b"GET /hook HTTP/1.1\r\nHost: a:8080\r\n\r\n".to_vec(), "/hook"),
        ("Host is an IPv6 address", b"GET /hook HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n".to_vec(), "/hook"),
        (
            "a GET with a body",
            b"GET /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
            "/hook",
        ),
        ("an empty line first", b"\r\nGET /hook HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "/hook"),
        ("an empty query", b"GET /hook? HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "/hook?"),
        ("an empty header", b"GET /hook HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n".to_vec(), "/hook"),
        (
            "a header in Latin-1",
            b"GET /hook HTTP/1.1\r\nHost: a\r\nX-Name: caf\xe9\r\n\r\n".to_vec(),
            "/hook",
        ),
        (
            "chunked in capitals",
            b"POST /hook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n".to_vec(),
            "/hook",
        ),
        (
            "an upgrade offer",
            b"GET /hook HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec(),
            "/hook",
        ),
    ];
    assert_eq!(rows.len(), 11);
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    for (name, bytes, target) in &rows {
        let reply = gate.ask(ADMITTED, bytes);
        assert_eq!((reply.status, reply.text().as_str()), (200, *target), "{name}");
    }
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), rows.len());
    for arrival in arrivals {
        assert_eq!(arrival.head.all("host").len(), 1, "{}", arrival.head.text());
        assert!(arrival.head.all("upgrade").is_empty(), "{}", arrival.head.text());
    }
}

#[test]
fn a_head_over_its_limit_is_431_or_414() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).http1().start();
    let rows = [
        ("long target", format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70_000)), [414, 431]),
        (
            "a method longer than any",
            format!("{} /hook HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(70_000)),
            [400, 400],
        ),
        (
            "a method a little longer than any",
            "ABCDEFGHIJKLMNOPQRSTU /hook HTTP/1.1\r\n\r\n".to_owned(),
            [400, 400],
        ),
        (
            "long header",
            format!("GET /hook HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(100_000)),
            [431, 431],
        ),
        (
            "many headers",
            format!("GET /hook HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(5_000)),
            [431, 431],
        ),
        (
            "endless header",
            format!("GET /hook HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(100_000)),
            [431, 431],
        ),
    ];
    for (number, (name, bytes, statuses)) in rows.iter().enumerate() {
        let mut sender = gate.connect(ADMITTED);
        // The gate may hang up before it has read all of it; its answer must arrive all the same.
        let _ = sender.try_send(bytes.as_bytes());
        let reply = sender.reply();
        assert!(statuses.contains(&reply.status), "{name}: {}", reply.status);
        let events = gate.events(number + 1);
        assert_eq!((events.len(), &events[number]["outcome"]), (number + 1, &"rejected".into()), "{name}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// What an application decodes to a narrower route's path or host, the gate sees there too: it never arrives by the
/// wider route whose list holds the sender.
#[test]
fn no_spelling_of_a_path_or_a_host_goes_past_the_narrower_route() {
    const NARROW: &str = "127.0.0.4/32\n";
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .http1()
        .range("narrow", NARROW)
        .routes(&[
            r#"{ path: "/*", webhook: generic, allow: [test] }"#,
            r#"{ path: "/admin/*", webhook: generic, allow: [narrow] }"#,
            r#"{ path: "/a@b/c%20d", webhook: generic, allow: [narrow] }"#,
            r#"{ path: "/*", host: internal.example, webhook: generic, allow: [narrow] }"#,
            r#"{ path: "/*", host: "[2001:db8::1]", webhook: generic, allow: [narrow] }"#,
        ])
        .start();
    let rows = [
        ("h", "/admin/users", 403),
        ("h", "/%61dmin/users", 400),
        ("h", "/adm%69n/users", 400),
        ("h", "/admin%2Fusers", 400),
        ("h", "/a%40b/c%20d", 403),
        ("h", "/a@b/c%20d", 403),
        ("internal.example", "/", 403),
        ("internal.example.", "/", 403),
        ("INTERNAL.EXAMPLE.:80", "/", 403),
        ("internal.example..", "/", 400),
        (".internal.example", "/", 400),
        ("[2001:db8::1]", "/", 403),
        ("[2001:0DB8:0:0::0:1]:8080", "/", 403),
    ];
    for (host, path, status) in rows {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(gate.ask(ADMITTED, request.as_bytes()).status, status, "{host} {path}");
    }
    assert_eq!(gate.ask(ADMITTED, &get("/a@c")).status, 200);
    let spelled = b"GET /a%40b/c%20d HTTP/1.1\r\nHost: Internal.Example.\r\n\r\n";
    assert_eq!(gate.ask("127.0.0.4", spelled).status, 200, "the narrower list's own sender");
    assert_eq!(upstream.arrivals().len(), 2);
}
