//! A final 4xx leaves a lead in the log: what the sender or the operator got wrong.

use crate::harness::{ADMITTED, STRANGER, Sender, Setup, Upstream, get};

fn one_route(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url())
        .routes(&["{ path: /webhooks/answer, webhook: generic, allow: [test] }"])
        .plainly()
}

#[test]
fn a_path_beside_a_route_says_by_what_it_differs() {
    let upstream = Upstream::echo();
    let gate = one_route(&upstream).start();
    for (number, (path, note)) in [
        ("/webhooks/answer/", Some("differs from /webhooks/answer by its last slash")),
        ("/Webhooks/answer", Some("differs from /webhooks/answer by case")),
        ("/elsewhere", Some("no route matches the path; nexmo-gate check shows the routes")),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(gate.ask(ADMITTED, &get(path)).status, 403, "{path}");
        let event = gate.events(number + 1)[number].clone();
        assert_eq!((event["reason"].as_str(), event["note"].as_str()), (Some("no_route"), note), "{event}");
    }
}

#[test]
fn bytes_for_another_kind_of_listener_are_told_at_once() {
    let upstream = Upstream::echo();
    let gate = one_route(&upstream).key("limits", "{ head_timeout: 1h }").start();
    let rows: [(&[u8], &str); 4] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "begins like a TLS handshake"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "begins like a PROXY header"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "begins like a PROXY header"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "begins like HTTP/2"),
    ];
    let mut seen = 0;
    for (from, status) in [(ADMITTED, 400), (STRANGER, 403)] {
        for (bytes, note) in rows {
            let mut sender = Sender::connect(from, gate.addr());
            sender.send(bytes);
            assert_eq!(sender.reply().status, status, "{note}");
            seen += 1;
            assert_eq!(gate.events(seen)[seen - 1]["note"], note);
        }
    }
}

#[test]
fn a_query_passes_byte_for_byte() {
    let upstream = Upstream::echo();
    let gate = one_route(&upstream).start();
    let bytes = b"GET /webhooks/answer?text=caf\xe9&sig=1 HTTP/1.1\r\nHost: hooks.example\r\n\r\n";
    assert_eq!(gate.ask(ADMITTED, bytes).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    assert!(head.start().starts_with(b"GET /webhooks/answer?text=caf\xe9&sig=1 "), "{}", head.text());
    assert_eq!(gate.event()["path"], "/webhooks/answer");
}
