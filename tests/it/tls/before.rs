//! What is decided before, and instead of, a handshake.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::*;
use crate::harness::PROXY;
use crate::harness::proxy_header::v1;
use crate::harness::{STRANGER, Upstream};

/// Everything that comes until the gate closes, and how long that took.
fn until_close(mut stream: TcpStream, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let began = Instant::now();
    // It may be closed already.
    let _ = stream.write_all(bytes);
    let mut got = Vec::new();
    if let Err(error) = stream.read_to_end(&mut got) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it should have been closed: {error}");
    }
    (got, began.elapsed())
}

#[test]
fn a_handshake_that_does_not_come_to_an_end_is_closed_at_its_deadline() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.key("limits", "{ head_timeout: 400ms }").start();
    let hello = client_hello(&authority);
    for (case, bytes) in
        [("nothing", &hello[..0]), ("a byte", &hello[..1]), ("half a hello", &hello[..hello.len() / 2])]
    {
        let (got, took) = until_close(tcp(ADMITTED, gate.addr()), bytes);
        assert!(got.is_empty(), "{case}: {got:?}");
        assert!((390..5000).contains(&took.as_millis()), "{case}: {took:?}");
    }
    // The gate has spoken, and the client stays silent.
    let (got, took) = until_close(tcp(ADMITTED, gate.addr()), &hello);
    assert!(!got.is_empty() && (390..5000).contains(&took.as_millis()), "{took:?}");
    gate.wait_metric("tls_handshakes_failed_total", 4);
    gate.wait_metric("connections", 0);
    let slow = |_: &str, line: &serde_json::Value| line["why"] == "not complete within limits.head_timeout";
    gate.wait_message(0, slow);
}

#[test]
fn garbage_is_a_failed_handshake_and_nothing_more() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.start();
    let hello = client_hello(&authority);
    let mut rows: Vec<Vec<u8>> =
        vec![vec![0; 5], vec![0xff; 2000], b"\x16\x03\x01\xff\xff".repeat(50), b"SSH-2.0-x\r\n".to_vec()];
    // Every byte of a good one, turned over, one at a time.
    rows.extend((0..hello.len()).step_by(7).map(|place| {
        let mut bytes = hello.clone();
        bytes[place] ^= 0xff;
        bytes
    }));
    for bytes in &rows {
        let mut stream = tcp(ADMITTED, gate.addr());
        let _ = stream.write_all(bytes);
    }
    assert!(rows.len() > 20);
    let mut sender = sender(ADMITTED, gate.addr(), &std::sync::Arc::new(authority.client_config()), HOST);
    sender.send(&get("/after"));
    assert_eq!(sender.reply().status, 200);
    let log = gate.stderr.all().join("\n");
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn deny_drop_closes_a_stranger_before_its_handshake() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.key("deny", "drop").start();
    match crate::harness::sender::tcp(STRANGER, gate.addr(), None) {
        Ok(stream) => assert_eq!(until_close(stream, &client_hello(&authority)).0, b""),
        // It was gone before its sender was told that it was there.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    let event = gate.event();
    assert_eq!(
        (&event["reason"], &event["status"]),
        (&"not_listed".into(), &serde_json::Value::Null),
        "{event}"
    );
    gate.wait_metric("tls_handshakes_total", 0);
    gate.wait_metric("tls_handshakes_failed_total", 0);
    assert_eq!(
        fetch(&gate, &std::sync::Arc::new(authority.client_config()), HOST).expect("admitted").0.status,
        200
    );
}

#[test]
fn a_proxy_header_comes_before_the_handshake_and_may_share_its_packet() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup
        .behind_proxy()
        .key("deny", "drop")
        .key(
            "listen",
            r#"[{ address: "127.0.0.1:0", proxy_protocol: true, tls: { certificate: chain.pem, key: key.pem } }]"#,
        )
        .start();
    let config = std::sync::Arc::new(authority.client_config());

    // The header alone, then the handshake.
    let mut stream = tcp(PROXY, gate.addr());
    stream.write_all(&v1(ADMITTED)).expect("the header");
    let mut sender = Sender::over(transport::to_host(stream, std::sync::Arc::clone(&config)));
    sender.send(&get("/apart"));
    assert_eq!(sender.reply().text(), "/apart");

    // Both in one write.
    let stream = Prefixed { first: v1(ADMITTED), stream: tcp(PROXY, gate.addr()) };
    let name = HOST.try_into().expect("a name");
    let client = ClientConnection::new(std::sync::Arc::clone(&config), name).expect("a client");
    let mut together = rustls::StreamOwned::new(client, stream);
    together.write_all(&get("/together")).expect("write");
    let mut start = [0; 12];
    together.read_exact(&mut start).expect("read");
    assert_eq!(&start, b"HTTP/1.1 200");

    // A stranger behind the proxy is dropped after the header and before the handshake.
    let dropped = [v1(STRANGER), client_hello(&authority)].concat();
    assert_eq!(until_close(tcp(PROXY, gate.addr()), &dropped).0, b"");
    // Without a header there is no handshake either.
    assert_eq!(until_close(tcp(PROXY, gate.addr()), &client_hello(&authority)).0, b"");
    gate.wait_metric("tls_handshakes_total", 2);
    gate.wait_metric("tls_handshakes_failed_total", 0);
    let events = gate.events(3);
    let served: Vec<_> = events.iter().filter(|event| event["outcome"] == "delivered").collect();
    assert_eq!(served.len(), 2);
    for event in served {
        assert_eq!(
            (&event["client_ip"], &event["peer_ip"], &event["tls"]),
            (&ADMITTED.into(), &PROXY.into(), &true.into())
        );
    }
}

/// Its first bytes go out with the first write, in one packet.
struct Prefixed {
    first: Vec<u8>,
    stream: TcpStream,
}

impl std::io::Read for Prefixed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(into)
    }
}

impl std::io::Write for Prefixed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut all = std::mem::take(&mut self.first);
        all.extend_from_slice(bytes);
        self.stream.write_all(&all)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
