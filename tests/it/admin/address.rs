//! The admin address and the metrics: who may ask what, and that no silent or slow crowd keeps a probe waiting.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::gate::setup::program;
use crate::harness::sender::{ask, tcp};
use crate::harness::{Gate, PATIENCE, Setup, Upstream, wait_until};

/// Well below the time-outs of kubelets, which is one second.
const AT_ONCE: Duration = Duration::from_millis(700);

/// A gate with metrics, and both addresses.
fn start(setup: Setup) -> (Gate, [SocketAddr; 2]) {
    let gate = setup.key("metrics", r#"{ address: "127.0.0.1:0" }"#).start();
    let ready = gate.wait_message(0, |message, _| message == "ready");
    let metrics = ready["metrics"].as_str().expect("an address").parse().expect("an address");
    let both = [gate.admin_addr(), metrics];
    (gate, both)
}

fn asked(path: &str, host: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
}

/// Asks for health on both from an address; the slowest answer.
fn slowest(from: &str, both: [SocketAddr; 2]) -> Duration {
    let times = both.map(|address| {
        let begin = Instant::now();
        assert_eq!(ask(from, address, &asked("/healthz", &address.to_string())).status, 200, "{address}");
        begin.elapsed()
    });
    times.into_iter().max().expect("two")
}

#[test]
fn a_silent_crowd_keeps_no_probe_waiting() {
    let upstream = Upstream::echo();
    let (gate, both) = start(Setup::new(upstream.url()));
    // From one address, and from many of which each stays below any bound of its own.
    for addresses in [1, 64] {
        let mut crowd = Vec::new();
        for (number, address) in (0..300).flat_map(|number| both.map(|address| (number, address))) {
            let from = format!("127.0.1.{}", number % addresses + 1);
            let mut stream = tcp(&from, address, None).expect("a connection");
            // Every other one has begun to say something.
            if number % 2 == 1 {
                // It may have been closed for others already.
                let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: ");
            }
            crowd.push(stream);
        }
        for from in ["127.0.1.1", "127.0.0.1"] {
            let took = slowest(from, both);
            assert!(took < AT_ONCE, "{from} among {addresses}: {took:?}");
        }
    }
    let page = gate.admin("GET", "/metrics").text();
    let made_room =
        page.lines().find(|line| line.starts_with("nexmo_gate_admin_connections_made_room_total "));
    assert!(made_room.is_some_and(|line| !line.ends_with(" 0")), "{made_room:?}");
}

/// Reads until the gate closes; how long that took.
fn closed_after(mut stream: TcpStream, begin: Instant) -> Duration {
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut room = [0; 1024];
    while let Ok(1..) = stream.read(&mut room) {}
    begin.elapsed()
}

#[test]
fn who_says_nothing_or_drips_is_closed_soon() {
    let upstream = Upstream::echo();
    let (_gate, both) = start(Setup::new(upstream.url()));
    for address in both {
        let begin = Instant::now();
        let silent = tcp("127.0.0.1", address, None).expect("a connection");
        let mut dripping = tcp("127.0.0.1", address, None).expect("a connection");
        let mut other = dripping.try_clone().expect("a clone");
        let drips = thread::spawn(move || {
            // The pause is the misbehaviour; it ends when the gate has closed.
            for byte in b"GET /healthz HTTP/1.1\r\nX: ".iter().chain(&[b'x'; 200]) {
                if other.write_all(&[*byte]).is_err() || begin.elapsed() > PATIENCE {
                    return;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        let bound = Duration::from_secs(5);
        for (name, stream) in [("silent", silent), ("dripping", dripping.try_clone().expect("a clone"))] {
            let took = closed_after(stream, begin);
            assert!(took < bound, "{name} on {address}: {took:?}");
        }
        drips.join().expect("the drips");
        let _ = dripping.flush();
    }
}

#[test]
fn who_does_not_read_an_answer_is_closed_and_keeps_nobody_waiting() {
    let upstream = Upstream::echo();
    // An answer that no socket holds.
    let routes: Vec<String> = (0..400)
        .map(|n| format!("{{ path: /a-long-name-of-a-route/{n}, webhook: generic, allow: [test] }}"))
        .collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let (gate, both) = start(Setup::new(upstream.url()).routes(&routes));
    let size = gate.admin("GET", "/metrics").body.len();
    assert!(size > 700_000, "{size}");
    let mut crowd = Vec::new();
    for (number, address) in (0..100).flat_map(|number| both.map(|address| (number, address))) {
        let mut stream =
            tcp(&format!("127.0.1.{}", number % 20 + 1), address, Some(4096)).expect("a connection");
        let _ = stream.write_all(&asked("/metrics", &address.to_string()));
        crowd.push(stream);
    }
    let took = slowest("127.0.0.1", both);
    assert!(took < Duration::from_secs(3), "{took:?}");
    // Descriptors of the gate that are sockets of the crowd: none is left after the bound, though nobody has read a byte.
    wait_until(|| gate.usage().descriptors <= 40, || format!("{:?}", gate.usage()));
    drop(crowd);
}

#[test]
fn a_head_is_never_longer_than_a_request_needs() {
    let upstream = Upstream::echo();
    let (gate, both) = start(Setup::new(upstream.url()));
    for address in both {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        let mut stream = tcp("127.0.0.1", address, None).expect("a connection");
        let _ = stream.write_all(head.as_bytes());
        let mut said = Vec::new();
        // The rest of what was sent is refused, so a reset may follow the answer or come before it.
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
    }
    assert_eq!(gate.admin("GET", "/healthz").status, 200);
}

#[test]
fn a_rebound_host_name_learns_readiness_and_nothing_else() {
    let upstream = Upstream::echo();
    let (gate, [admin, metrics]) = start(Setup::new(upstream.url()));
    let status =
        |address: SocketAddr, path: &str, host: &str| ask("127.0.0.1", address, &asked(path, host)).status;
    for path in ["/metrics", "/status", "/explain?ip=127.0.0.2", "/reload", "/nothing"] {
        assert_eq!(status(admin, path, "evil.example:9901"), 403, "{path}");
        assert_eq!(status(admin, &format!("http://evil.example{path}"), "127.0.0.1"), 403, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(admin, path, "gate.internal"), 200, "{path}");
    }
    let two = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(ask("127.0.0.1", admin, two).status, 403, "one name of two");
    assert_eq!(status(admin, "/metrics", "localhost"), 200);
    assert_eq!(status(metrics, "/metrics", "gate.internal:9902"), 200, "scrapers know it by a name");
    drop(gate);
}

#[test]
fn the_admin_sockets_mode_does_not_follow_the_umask() {
    let upstream = Upstream::echo();
    for umask in ["0000", "0077"] {
        let setup = Setup::new(upstream.url()).key("admin", r#"{ address: "unix:./admin.sock" }"#);
        setup.write_config();
        let socket = setup.path().join("admin.sock");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")]).arg(program());
        let mut command = setup.command_of(shell);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let gate = setup.start_as(&mut command);
        let mode = std::fs::metadata(&socket).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o660, "umask {umask}: {mode:o}");
        let mut stream = UnixStream::connect(&socket).expect("a connection");
        stream.write_all(&asked("/readyz", "localhost")).expect("a request");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        drop(gate);
    }
}
