//! How the client asked, as the application hears it behind a trusted proxy: scheme and host.

use serde_json::Value;

use crate::harness::{ADMITTED, Gate, Sender, Setup, Upstream, get, request};

const PROXY: &str = "127.0.0.10";

fn behind_proxies(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url())
        .range("test", "127.0.0.2/32\n203.0.113.0/24\n")
        .key("trusted_proxies", r#"["127.0.0.10/32", "198.51.100.0/24"]"#)
}

type Row = (&'static [(&'static str, &'static str)], &'static str, &'static str, Option<&'static str>);

#[test]
fn the_element_of_the_hop_that_saw_the_client_is_the_scheme_and_the_host() {
    let rows: &[Row] = &[
        (&[("X-Forwarded-Proto", "HTTPS")], "https", "hooks.example", None),
        (&[("X-Forwarded-Proto", "https,http")], "https", "hooks.example", None),
        (
            &[("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https, http")],
            "https",
            "hooks.example",
            None,
        ),
        (&[("X-Forwarded-Proto", "wss")], "http", "hooks.example", Some("X-Forwarded-Proto")),
        (&[("X-Forwarded-Host", "evil.example, a.example, inner")], "http", "a.example", None),
        (&[("X-Forwarded-Host", "a b")], "http", "hooks.example", Some("X-Forwarded-Host")),
    ];
    let upstream = Upstream::echo();
    let gate = behind_proxies(&upstream).without_tls().start();
    for (number, (lines, scheme, host, note)) in rows.iter().enumerate() {
        let headers: Vec<(&str, &str)> = [("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 198.51.100.9")]
            .into_iter()
            .chain(lines.iter().copied())
            .collect();
        assert_eq!(gate.ask(PROXY, &request("POST", "/hook", &headers, b"x")).status, 200);
        let head = upstream.arrivals_from(number)[0].head.clone();
        assert_eq!(head.one("x-forwarded-proto").as_deref(), Some(*scheme), "{lines:?}");
        assert_eq!(head.one("x-forwarded-host").as_deref(), Some(*host), "{lines:?}");
        let event = gate.events(number + 1)[number].clone();
        let noted = event["note"].as_str().map(|text| text.split(' ').next().expect("a word"));
        assert_eq!(noted, *note, "{event}");
    }
    // Whoever is no trusted proxy says nothing of this, and nothing is noted.
    let forged = [("X-Forwarded-Proto", "https,wss"), ("X-Forwarded-Host", "a b")];
    assert_eq!(gate.ask(ADMITTED, &request("POST", "/hook", &forged, b"x")).status, 200);
    assert_eq!(upstream.arrivals_from(rows.len())[0].head.one("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(gate.finish().events[rows.len()]["note"], Value::Null);
}

#[test]
fn forwarded_says_scheme_and_host_where_it_names_the_client() {
    let upstream = Upstream::echo();
    let gate = behind_proxies(&upstream).key("forwarded_header", "forwarded").without_tls().start();
    let chain =
        "for=6.6.6.6;proto=http, for=203.0.113.7;proto=HTTPS;host=\"a.example:8443\", for=198.51.100.9";
    assert_eq!(gate.ask(PROXY, &request("POST", "/hook", &[("Forwarded", chain)], b"x")).status, 200);
    let head = upstream.arrivals()[0].head.clone();
    assert_eq!(head.one("x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(head.one("x-forwarded-host").as_deref(), Some("a.example:8443"));
    let told = "for=203.0.113.7;proto=https;host=\"a.example:8443\", for=198.51.100.9, for=127.0.0.10";
    assert_eq!(head.one("forwarded").as_deref(), Some(told));
}

/// A PROXY header, version 2, that names the admitted sender, with these fields.
fn proxy_header(fields: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0".to_vec();
    bytes.push(u8::try_from(12 + fields.len()).expect("short"));
    bytes.extend([127, 0, 0, 2, 127, 0, 0, 1, 0x12, 0x67, 0, 80]);
    bytes.extend(fields);
    bytes
}

fn told(gate: &Gate, upstream: &Upstream, fields: &[u8]) -> Option<String> {
    let before = upstream.arrivals().len();
    let mut sender = Sender::connect(PROXY, gate.addr());
    sender.send(&[proxy_header(fields), get("/hook")].concat());
    assert_eq!(sender.reply().status, 200);
    upstream.arrivals_from(before)[0].head.one("x-forwarded-proto")
}

#[test]
fn tls_that_ended_in_front_is_told_by_the_proxy_header_or_by_the_listener() {
    const OVER_TLS: &[u8] = b"\x20\x00\x05\x01\0\0\0\0";
    let upstream = Upstream::echo();
    for (more, plain) in [("", "http"), (", scheme: http", "http"), (", scheme: https", "https")] {
        let listen = format!("[{{ address: \"127.0.0.1:0\", proxy_protocol: true{more} }}]");
        let gate = behind_proxies(&upstream).key("listen", &listen).start();
        assert_eq!(told(&gate, &upstream, b"").as_deref(), Some(plain), "{more}");
        assert_eq!(told(&gate, &upstream, OVER_TLS).as_deref(), Some("https"), "{more}");
    }
    let listen = "[{ address: \"127.0.0.1:0\", scheme: https }]";
    let gate = behind_proxies(&upstream).key("listen", listen).start();
    let before = upstream.arrivals().len();
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    // A front that does say it is believed.
    let said = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "http")];
    assert_eq!(gate.ask(PROXY, &request("GET", "/hook", &said, b"")).status, 200);
    let heads = upstream.arrivals_from(before);
    let protos: Vec<_> = heads.iter().map(|arrival| arrival.head.one("x-forwarded-proto")).collect();
    assert_eq!(protos, [Some("https".to_owned()), Some("http".to_owned())]);
}
