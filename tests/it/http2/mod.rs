//! HTTP/2 by prior knowledge: the same story as over HTTP/1, many at once, and what a hostile client gets.

mod clients;
mod essentials;
mod floods;
mod own_answers;
mod strict;
mod windows;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Gate, STRANGER, Setup, Signal, Upstream, get, post};

/// What a flood may add to the resident memory, with what an allocator keeps.
const FLOOD_KIB: u64 = 16 * 1024;

fn h2c(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).over_h2c()
}

fn http2(upstream: &Upstream) -> Setup {
    // Senders of the harness speak HTTP/1 beside it.
    Setup::new(upstream.url()).over_h2c().http1()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn connect(from: &str, to: SocketAddr) -> SendRequest<Bytes> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(from.parse().expect("an address"), 0)).expect("bind");
    let stream: TcpStream = socket.connect(to).await.expect("connect");
    let (client, connection) = h2::client::handshake(stream).await.expect("an HTTP/2 handshake");
    tokio::spawn(async move {
        // It ends when the gate ends it; the answers tell the test what it needs to know.
        let _ = connection.await;
    });
    client
}

/// How a request announces and ends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `END_STREAM` with the header.
    Bare,
    /// Content-Length and one DATA frame.
    Announced,
    /// No Content-Length; ended by an empty DATA frame.
    EmptyEnd,
}

/// One exchange: status, header, body.
async fn ask(
    client: &SendRequest<Bytes>,
    request: Request<()>,
    body: &[u8],
    shape: Shape,
) -> Result<(u16, HeaderMap, Vec<u8>), h2::Error> {
    let mut client = client.clone().ready().await?;
    let (answer, mut stream) = client.send_request(request, shape == Shape::Bare)?;
    if shape != Shape::Bare {
        stream.send_data(Bytes::copy_from_slice(body), shape == Shape::Announced)?;
    }
    if shape == Shape::EmptyEnd {
        stream.send_data(Bytes::new(), true)?;
    }
    let (parts, mut incoming) = answer.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = incoming.data().await {
        let data = data?;
        incoming.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok((parts.status.as_u16(), parts.headers, body))
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("http://hooks.example{path}"))
}

#[test]
fn two_thousand_requests_on_one_connection_get_their_own_answers() {
    const REQUESTS: usize = 2000;
    let upstream = Upstream::start(|arrival: &Arrival| {
        let slow = arrival.target().ends_with('5');
        if slow { echo(arrival).first(Act::Pause(Duration::from_millis(5))) } else { echo(arrival) }
    });
    let gate = http2(&upstream).start();
    runtime().block_on(async {
        let client = Arc::new(connect(ADMITTED, gate.addr()).await);
        let mut wave = tokio::task::JoinSet::new();
        let mut right = 0;
        for number in 0..REQUESTS {
            let client = Arc::clone(&client);
            wave.spawn(async move {
                let shape = [Shape::Bare, Shape::Announced, Shape::EmptyEnd][number % 3];
                let body = if shape == Shape::Bare { String::new() } else { format!("body of {number}") };
                let path = format!("/n/{number}");
                let mut request = request("POST", &path);
                if shape == Shape::Announced {
                    request = request.header("content-length", body.len());
                }
                let answer = ask(&client, request.body(()).expect("a request"), body.as_bytes(), shape).await;
                let (status, _, text) = answer.expect("an answer");
                (status, String::from_utf8(text).expect("text"), path)
            });
            if wave.len() >= 64 {
                let (status, text, wanted) = wave.join_next().await.expect("a task").expect("no panic");
                assert_eq!((status, text), (200, wanted));
                right += 1;
            }
        }
        while let Some(done) = wave.join_next().await {
            let (status, text, wanted) = done.expect("no panic");
            assert_eq!((status, text), (200, wanted));
            right += 1;
        }
        assert_eq!(right, REQUESTS);
    });
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), REQUESTS);
    for arrival in arrivals {
        let number: usize = arrival.target()[3..].parse().expect("a number");
        let body = if number.is_multiple_of(3) { String::new() } else { format!("body of {number}") };
        assert_eq!(String::from_utf8_lossy(&arrival.body), body, "{number}");
    }
    let events = gate.finish().events;
    assert_eq!(events.len(), REQUESTS);
    assert!(events.iter().all(|event| event["delivered"] == true && event["http"] == "2"));
}

#[test]
fn every_request_goes_up_as_one_message_with_one_length() {
    let upstream = Upstream::echo();
    let gate = http2(&upstream).start();
    runtime().block_on(async {
        let client = connect(ADMITTED, gate.addr()).await;
        let request = request("POST", "/a?b=https://c:1,2")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-kept", "yes")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let (status, headers, _) = ask(&client, request, b"hello", Shape::EmptyEnd).await.expect("an answer");
        assert_eq!(status, 200);
        assert!(!headers.contains_key("connection") && headers.contains_key("content-length"));
    });
    let arrivals = upstream.arrivals();
    let head = &arrivals[0].head;
    assert_eq!(arrivals[0].target(), "/a?b=https://c:1,2");
    assert_eq!(arrivals[0].body, b"hello");
    for (name, value) in
        [("host", "hooks.example"), ("content-length", "5"), ("x-forwarded-for", ADMITTED), ("x-kept", "yes")]
    {
        assert_eq!(head.one(name).as_deref(), Some(value), "{name}");
    }
    assert!(head.one("te").is_none() && head.one("transfer-encoding").is_none());
}

/// Method, path, more headers, length of the body, status.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], usize, u16);

#[test]
fn what_http1_refuses_is_refused_here_too() {
    let upstream = Upstream::echo();
    let gate = http2(&upstream)
        .key("limits", "{ max_body: 1KiB, max_head: 4KiB }")
        .routes(&[
            "{ path: \"/hook/*\", webhook: generic, allow: [test] }",
            "{ path: /verify, webhook: verify, allow: [test] }",
        ])
        .start();
    let rows: [Row; 9] = [
        ("POST", "/hook/x", &[], 10, 200),
        ("POST", "/nowhere", &[], 0, 403),
        ("GET", "/verify", &[], 0, 405),
        ("TRACE", "/hook/x", &[], 0, 405),
        ("POST", "/hook//x", &[], 0, 400),
        ("POST", "/hook/%2e%2e/x", &[], 0, 400),
        ("POST", "/hook/x", &[("host", "other.example")], 0, 400),
        ("POST", "/hook/x", &[("expect", "200-ok")], 0, 417),
        ("POST", "/hook/x", &[], 2000, 413),
    ];
    runtime().block_on(async {
        for (method, path, headers, body, wanted) in rows {
            // Of its own: an early answer to a body may end the connection of a client that goes on sending.
            let client = connect(ADMITTED, gate.addr()).await;
            let mut request = request(method, path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let shape = if body == 0 { Shape::Bare } else { Shape::EmptyEnd };
            let answer = ask(&client, request.body(()).expect("a request"), &vec![b'x'; body], shape).await;
            let (status, ..) = answer.unwrap_or_else(|error| panic!("{method} {path} {headers:?}: {error}"));
            assert_eq!(status, wanted, "{method} {path} {headers:?} {body}");
        }
        let client = connect(ADMITTED, gate.addr()).await;
        let short = request("POST", "/hook/x").header("content-length", "9").body(()).expect("a request");
        let answer = ask(&client, short, b"hello", Shape::Announced).await;
        assert!(answer.is_err() || answer.is_ok_and(|(status, ..)| status == 503), "a length that lies");
        let client = connect(STRANGER, gate.addr()).await;
        let answer =
            ask(&client, request("POST", "/hook/x").body(()).expect("a request"), b"", Shape::Bare).await;
        assert_eq!(answer.expect("an answer").0, 403);
    });
    assert_eq!(upstream.arrivals().len(), 1);
    assert_eq!(gate.finish().events.iter().filter(|event| event["delivered"] == true).count(), 1);
}

#[test]
fn a_failure_of_the_upstream_is_told_like_over_http1() {
    let upstream = Upstream::start(|arrival: &Arrival| match arrival.target().as_str() {
        "/206" => Answer::status(206),
        "/302" => Answer::status(302),
        "/404" => Answer::status(404),
        "/500" => Answer::status(500),
        "/cut" => Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Act::Close),
        "/mute" => Answer::broken([Act::Hold]),
        _ => echo(arrival),
    });
    let gate = http2(&upstream)
        .routes(&["{ path: \"/*\", webhook: generic, allow: [test], deadline: 500ms }"])
        .start();
    runtime().block_on(async {
        let client = connect(ADMITTED, gate.addr()).await;
        for (path, wanted) in [
            ("/206", 503),
            ("/302", 503),
            ("/404", 404),
            ("/500", 500),
            ("/cut", 503),
            ("/mute", 504),
            ("/ok", 200),
        ] {
            let request = request("GET", path).body(()).expect("a request");
            let (status, headers, _) = ask(&client, request, b"", Shape::Bare).await.expect("an answer");
            assert_eq!(status, wanted, "{path}");
            assert_eq!(headers.contains_key("retry-after"), matches!(status, 503 | 504), "{path}");
        }
    });
    assert_eq!(gate.finish().events.iter().filter(|event| event["delivered"] == true).count(), 1);
}

#[test]
fn deny_drop_resets_the_stream_and_http1_is_served_beside() {
    let upstream = Upstream::echo();
    let gate = http2(&upstream)
        .key("deny", "drop")
        .routes(&["{ path: /hook, webhook: generic, allow: [test] }"])
        .start();
    runtime().block_on(async {
        let client = connect(ADMITTED, gate.addr()).await;
        let nowhere = request("GET", "/nowhere").body(()).expect("a request");
        let error = ask(&client, nowhere, b"", Shape::Bare).await.expect_err("a reset");
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL), "nothing that means: try again");
        let hook = request("GET", "/hook").body(()).expect("a request");
        assert_eq!(ask(&client, hook, b"", Shape::Bare).await.expect("the connection lives").0, 200);
    });
    assert_eq!(gate.ask(ADMITTED, &post("/hook", "x")).status, 200);
    let of = |version: &str| gate.events(3).iter().filter(|event| event["http"] == version).count();
    assert_eq!((of("2"), of("1.1")), (2, 1));
}

#[test]
fn a_drain_finishes_what_was_begun_and_says_goodbye() {
    let upstream =
        Upstream::start(|arrival: &Arrival| echo(arrival).first(Act::Pause(Duration::from_millis(300))));
    let gate = http2(&upstream).start();
    runtime().block_on(async {
        let client = connect(ADMITTED, gate.addr()).await;
        let slow = request("GET", "/slow").body(()).expect("a request");
        let asked = ask(&client, slow, b"", Shape::Bare);
        let told = async {
            while upstream.arrivals().is_empty() {
                tokio::task::yield_now().await;
            }
            gate.signal(Signal::SIGTERM);
        };
        let (answer, ()) = tokio::join!(asked, told);
        assert_eq!(answer.expect("an answer").0, 200);
    });
    assert_eq!(gate.finish().code, Some(0));
}
