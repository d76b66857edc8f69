//! The requests, each with what must come of it.

use crate::harness::http2::frames::head;
use Want::{Broken, Ended, Refused, Reset, Served};

/// What must come of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
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

pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

pub struct Row {
    pub name: &'static str,
    pub fields: Fields,
    /// `None`: the header ends the stream.
    pub body: Option<&'static [u8]>,
    pub want: Want,
}

pub fn bytes(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// These fields and no others.
pub fn whole(name: &'static str, fields: &[(&str, &str)], want: Want) -> Row {
    Row { name, fields: bytes(fields), body: None, want }
}

/// A GET with more fields.
pub fn with(name: &'static str, more: &[(&str, &str)], want: Want) -> Row {
    let fields = [head("GET", "/hook"), more.to_vec()].concat();
    whole(name, &fields, want)
}

pub fn target(name: &'static str, path: &[u8], want: Want) -> Row {
    let mut row = with(name, &[], want);
    row.fields[2].1 = path.to_vec();
    row
}

pub fn method(name: &'static str, method: &str, want: Want) -> Row {
    let mut row = with(name, &[], want);
    row.fields[0].1 = method.as_bytes().to_vec();
    row
}

pub fn posted(name: &'static str, more: &[(&str, &str)], body: &'static [u8], want: Want) -> Row {
    let mut row = with(name, more, want);
    row.fields[0].1 = b"POST".to_vec();
    row.body = Some(body);
    row
}

pub const METHOD: (&str, &str) = (":method", "GET");

pub const SCHEME: (&str, &str) = (":scheme", "http");

pub const PATH: (&str, &str) = (":path", "/hook");

pub const AUTHORITY: (&str, &str) = (":authority", "a");

pub fn hosts() -> Vec<Row> {
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

pub fn pseudo() -> Vec<Row> {
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

pub fn heads() -> Vec<Row> {
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

pub fn targets() -> Vec<Row> {
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

pub fn lengths() -> Vec<Row> {
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
