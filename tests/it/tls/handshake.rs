//! Versions, names, protocols, resumption; other people's clients.

use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{SupportedProtocolVersion, version};

use super::*;
use crate::harness::Upstream;

/// Another program, which must be there.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program} (install it): {error}"));
    let mut stdin = child.stdin.take().expect("stdin");
    // It may have given up before it reads.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("its output")
}

fn curl(gate: &Gate, more: &[&str]) -> Output {
    let port = gate.addr().port();
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--interface", ADMITTED])
        .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1"), "--cacert"])
        .arg(gate.setup.path().join("ca.pem"))
        .args(more)
        .arg(format!("https://{HOST}:{port}/curl"));
    run(&mut command, b"")
}

#[test]
fn curl_is_served_at_1_2_and_1_3_and_at_nothing_older() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    setup.dir.write("ca.pem", &authority.pem);
    let gate = setup.start();
    for versions in [&["--tlsv1.2", "--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let output = curl(&gate, versions);
        assert!(output.status.success(), "{versions:?} {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, b"/curl");
    }
    // The client itself would refuse these at its usual level of security.
    for version in ["1.0", "1.1"] {
        let old = ["--tls-max", version, "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0"];
        let output = curl(&gate, &old);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let alerts = ["alert handshake failure", "alert protocol version"];
        assert!(
            !output.status.success() && alerts.iter().any(|alert| said.contains(alert)),
            "{version}: {said}"
        );
    }
    let events = gate.events(2);
    for event in &events {
        assert_eq!(
            (&event["tls"], &event["client_cert"]),
            (&true.into(), &serde_json::Value::Null),
            "{event}"
        );
    }
    for arrival in upstream.arrivals() {
        assert_eq!(arrival.head.one("x-forwarded-proto").as_deref(), Some("https"));
    }
    gate.wait_metric("tls_handshakes_total", 2);
    gate.wait_metric("tls_handshakes_failed_total", 2);
    let said = |message: &str, line: &serde_json::Value| {
        let why = line["why"].as_str().is_some_and(|why| why.starts_with("peer is incompatible"));
        message.contains("TLS handshakes of listed senders failed") && line["peer"] == ADMITTED && why
    };
    gate.wait_message(0, said);
}

#[test]
fn openssls_client_sees_what_was_configured() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    setup.dir.write("ca.pem", &authority.pem);
    let gate = setup.start();
    let request = format!("GET /openssl HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let ask = |version: &str| {
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-ign_eof", "-verify_return_error", "-servername", HOST, "-bind"])
            .arg(format!("{ADMITTED}:0"))
            .args([version, "-cipher", "DEFAULT@SECLEVEL=0", "-alpn", "h2,http/1.1", "-CAfile"])
            .arg(gate.setup.path().join("ca.pem"))
            .args(["-connect", &gate.addr().to_string()]);
        let output = run(&mut command, request.as_bytes());
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let (good, said) = ask(version);
        assert!(good && said.contains("HTTP/1.1 200 OK") && said.contains("/openssl"), "{said}");
        assert!(said.contains(name) && said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
    }
    let (good, said) = ask("-tls1_1");
    assert!(!good && said.contains("Cipher is (NONE)"), "{said}");
}

#[test]
fn min_version_1_3_turns_1_2_away() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), ", min_version: \"1.3\"");
    let gate = setup.start();
    let client =
        |versions: &[&'static SupportedProtocolVersion]| Arc::new(authority.client_of(versions, None));
    assert_eq!(fetch(&gate, &client(&[&version::TLS13]), HOST).expect("1.3").0.status, 200);
    let refused = fetch(&gate, &client(&[&version::TLS12]), HOST).expect_err("1.2");
    assert!(refused.contains("ProtocolVersion"), "{refused}");
}

#[test]
fn the_name_that_is_asked_for_picks_the_certificate() {
    let upstream = Upstream::echo();
    let tls = "certificates: [{ certificate: a.pem, key: a.key }, { certificate: b.pem, key: b.key }, \
               { certificate: c.pem, key: c.key }]";
    let mut leaves = Vec::new();
    let (setup, authority) = with_tls(upstream.url(), tls, |setup, authority| {
        for (stem, names) in
            [("a", &["one.example"][..]), ("b", &["two.example"]), ("c", &["*.wild.example"])]
        {
            let pair = authority.pair(names);
            put(setup, &format!("{stem}.pem"), &format!("{stem}.key"), &pair);
            leaves.push(leaf(&pair));
        }
    });
    let gate = setup.start();
    let config = Arc::new(authority.client_config());
    for (name, place) in [("one.example", 0), ("two.example", 1), ("TWO.example", 1), ("any.wild.example", 2)]
    {
        assert_eq!(fetch(&gate, &config, name).expect(name).1, leaves[place], "{name}");
    }
    // The first one is for everybody else: a client that verifies names refuses it, one that does not sees it.
    let mut command = Command::new("openssl");
    command.args(["s_client", "-noservername", "-connect", &gate.addr().to_string()]);
    let shown = String::from_utf8_lossy(&run(&mut command, b"").stdout).into_owned();
    let pem = std::fs::read_to_string(gate.setup.path().join("a.pem")).expect("a.pem");
    let first: String = pem.lines().skip(1).take_while(|line| !line.starts_with("-----")).collect();
    let whole: String = shown.lines().collect();
    assert!(whole.contains(&first), "{shown}");
}

#[test]
fn only_http_1_1_is_agreed_on() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.start();
    let offering = |protocols: &[&[u8]]| {
        let mut config = authority.client_config();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let mut sender = sender(ADMITTED, gate.addr(), &Arc::new(config), HOST);
        sender.try_send(&get("/hook")).and_then(|()| {
            let _ = sender.try_reply();
            sender
                .handshake()
                .map(|handshake| handshake.alpn)
                .ok_or(std::io::ErrorKind::ConnectionRefused.into())
        })
    };
    assert_eq!(offering(&[b"h2", b"http/1.1"]).expect("both"), Some(b"http/1.1".to_vec()));
    assert_eq!(offering(&[]).expect("none"), None);
    let refused = offering(&[b"h2"]).expect_err("only h2").to_string();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn http_2_is_agreed_on_where_it_is_asked_for_and_offered() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    setup.dir.write("ca.pem", &authority.pem);
    let listen =
        r#"[{ address: "127.0.0.1:0", http2: true, tls: { certificate: chain.pem, key: key.pem } }]"#;
    let gate = setup.key("listen", listen).start();
    for (offer, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let output = gate.settled(|| curl(&gate, &[offer, "--write-out", " %{http_version}"]));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("/curl {version}"), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let spoken: Vec<_> =
        gate.events(2).iter().map(|event| (event["http"].clone(), event["tls"].clone())).collect();
    assert_eq!(spoken, [("2".into(), true.into()), ("1.1".into(), true.into())]);
}

#[test]
fn a_sender_that_comes_again_resumes_and_a_new_certificate_does_not_forbid_it() {
    let upstream = Upstream::echo();
    for version in [&version::TLS12, &version::TLS13] {
        let (setup, authority) = usual(upstream.url(), "");
        let gate = setup.start();
        let mut config = authority.client_of(&[version], None);
        config.resumption = Resumption::in_memory_sessions(8);
        let config = Arc::new(config);
        let resumed = || {
            let mut sender = sender(ADMITTED, gate.addr(), &config, HOST);
            sender.send(&get("/hook"));
            assert_eq!(sender.reply().status, 200);
            sender.handshake().expect("a handshake").resumed
        };
        assert!(!resumed(), "the first is a full handshake");
        assert!(resumed(), "{version:?}");
        put(&gate.setup, "chain.pem", "key.pem", &authority.pair(&[HOST]));
        assert_eq!(gate.reload().0, 200);
        assert!(resumed(), "{version:?} after a reload");
    }
}

#[test]
fn plain_http_on_a_tls_port_is_never_answered_as_http() {
    let upstream = Upstream::echo();
    let (setup, _) = usual(upstream.url(), "");
    let gate = setup.start();
    let mut plain = tcp(ADMITTED, gate.addr());
    plain.write_all(&get("/hook")).expect("write");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{:?}", String::from_utf8_lossy(&answer));
    gate.wait_metric("tls_handshakes_failed_total", 1);
    assert!(upstream.arrivals().is_empty() && gate.finish().events.is_empty());
}
