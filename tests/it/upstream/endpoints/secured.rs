//! Upstreams that speak TLS: whom the gate believes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::state;
use crate::harness::gate::setup::{binary, exit_of};
use crate::harness::test_ca::Authority;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Gate, Reply, Setup, Upstream, post};

/// One POST to a gate whose upstream is described by these keys.
fn ask_secured(ca: &str, keys: &str) -> (Gate, Reply) {
    let setup = Setup::new("http://unused.invalid").key("upstream", &format!("{{ {keys} }}"));
    setup.dir.write("ca.pem", ca);
    let gate = setup.start();
    let reply = gate.ask(ADMITTED, &post("/secret", "tls"));
    (gate, reply)
}

#[test]
fn an_https_upstream_is_known_by_its_certificate() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let good = Upstream::start_tls(ours.server("localhost"), echo);
    let keys = |upstream: &Upstream, more: &str| format!("url: {:?}, ca: ca.pem{more}", upstream.url());
    let (gate, reply) = ask_secured(&ours.pem, &keys(&good, ""));
    assert_eq!((reply.status, reply.text().as_str()), (200, "/secret"));
    std::thread::sleep(crate::upstream::connections::RESTED);
    assert_eq!(gate.ask(ADMITTED, &post("/again", "tls")).status, 200);
    assert_eq!((good.arrivals().len(), good.connections()), (2, 1), "the connection is used again");

    let inside = Upstream::start_tls(ours.server("inside.example"), echo);
    assert_eq!(ask_secured(&ours.pem, &keys(&inside, ", server_name: inside.example")).1.status, 200);
    let rows = [
        (&inside, &ours.pem, "", "another name"),
        (&good, &ours.pem, ", server_name: other.example", "another name wanted"),
        (&good, &theirs.pem, "", "another authority"),
    ];
    for (upstream, ca, more, what) in rows {
        let before = upstream.arrivals().len();
        let (gate, reply) = ask_secured(ca, &keys(upstream, more));
        assert_eq!((reply.status, upstream.arrivals().len()), (503, before), "{what}");
        assert_eq!(gate.event()["reason"], "tls_failed", "{what}");
        let line = gate.wait_message(0, |message, _| message == "upstream connection failed");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("certificate")), "{what}: {line}");
    }
    let (gate, reply) = ask_secured(&ours.pem, &format!("url: {:?}, ca: ca.pem", plain_server()));
    assert_eq!((reply.status, &gate.event()["reason"]), (503, &"tls_failed".into()), "no TLS at all");
}

/// The `https://` URL of a server that speaks plain HTTP, and finds what it is sent odd.
fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let heard = stream.read(&mut [0; 4096]).expect("a hello");
        assert!(heard > 0);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").expect("an answer");
        // Until the gate hangs up.
        let _ = stream.read(&mut [0; 4096]);
    });
    url
}

#[test]
fn without_a_ca_file_the_systems_authorities_judge() {
    let authority = Authority::new("the system's");
    let upstream = Upstream::start_tls(authority.server("localhost"), echo);
    let setup = Setup::new(upstream.url());
    setup.dir.write("system.pem", &authority.pem);
    setup.write_config();
    // Where the system keeps them, by the variables that OpenSSL made common.
    let command = |system: &str| {
        let mut command = binary();
        command.args(["run", "--config"]).arg(setup.path().join("config.yaml"));
        command.env("SSL_CERT_FILE", setup.path().join(system)).env_remove("SSL_CERT_DIR");
        command
    };
    let gate = setup.clone().start_as(&mut command("system.pem"));
    assert_eq!(gate.ask(ADMITTED, &post("/", "system")).status, 200);
    drop(gate);
    let exit = exit_of(command("none.pem"));
    assert_eq!(exit.code, Some(78));
    let wanted = "upstream: https:// needs certificate authorities, and this system has none";
    assert!(exit.stderr.iter().any(|line| line.contains(wanted)), "{:?}", exit.stderr);
}

#[test]
fn a_ca_file_that_cannot_be_used_is_a_problem_of_the_config() {
    let authority = Authority::new("ours");
    let cut = authority.pem.replace("-----END CERTIFICATE-----", "");
    let odd = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    let rows = [
        (None, "cannot be read: No such file or directory"),
        (Some(""), "holds no certificate"),
        (Some("-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n"), "holds no certificate"),
        (Some(cut.as_str()), "is not PEM"),
        (Some(odd), "has a certificate that cannot be used (block 1)"),
    ];
    for (text, message) in rows {
        let route = r#"{ path: "/*", allow: [test], upstream: { url: "https://localhost:1", ca: ca.pem } }"#;
        let setup = Setup::new("http://127.0.0.1:1").routes(&[route]);
        if let Some(text) = text {
            setup.dir.write("ca.pem", text);
        }
        let exit = setup.run_to_exit();
        let wanted = format!("routes[0].upstream.ca: {}/ca.pem {message}", setup.path().display());
        assert_eq!(exit.code, Some(78), "{message}");
        assert!(exit.stderr.iter().any(|line| line.contains(&wanted)), "{wanted}\n{:?}", exit.stderr);
    }
}

#[test]
fn a_new_authority_is_taken_over_by_a_reload_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let upstream = Upstream::start_tls(new.server("localhost"), echo);
    let (gate, reply) = ask_secured(&old.pem, &format!("url: {:?}, ca: ca.pem", upstream.url()));
    assert_eq!(reply.status, 503);
    gate.setup.dir.write("ca.pem", "no certificate");
    assert_eq!(gate.reload().0, 422);
    assert_eq!(gate.ask(ADMITTED, &post("/", "tls")).status, 503);
    gate.setup.dir.write("ca.pem", &new.pem);
    let (status, report) = gate.reload();
    assert_eq!((status, &report["changes"]), (200, &serde_json::json!(["upstream certificates changed"])));
    assert_eq!(gate.ask(ADMITTED, &post("/", "tls")).status, 200);
}

#[test]
fn plain_tls_and_unix_endpoints_take_turns() {
    let authority = Authority::new("ours");
    let setup = Setup::new("http://unused.invalid");
    setup.dir.write("ca.pem", &authority.pem);
    let three = [
        Upstream::echo(),
        Upstream::start_tls(authority.server("localhost"), echo),
        Upstream::start_unix(&setup.path().join("app.sock"), echo),
    ];
    let urls = three.each_ref().map(Upstream::url);
    let health = "{ path: /up, every: 100ms, timeout: 5s }";
    let setup = setup.key("upstream", &format!("{{ urls: {urls:?}, ca: ca.pem, health: {health} }}"));
    let gate = setup.start();
    for _ in 0..12 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "mixed")).status, 200);
    }
    assert_eq!(three.each_ref().map(|one| one.of_case("mixed").len()), [4, 4, 4]);
    // All three are checked, too.
    for one in &three {
        one.wait_arrivals(5);
        assert!(one.arrivals().iter().any(|arrival| arrival.target() == "/up"), "{}", one.url());
    }
    assert_eq!(urls.map(|url| state(&gate, url)), ["up", "up", "up"]);
}
