//! Upstreams of several endpoints: turns, failover, ejection, health checks, reloads, names and certificates.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::certificates::Authority;
use crate::harness::oracle::{self, Seen};
use crate::harness::script::echo;
use crate::harness::setup::{binary, exit_of};
use crate::harness::{
    ADMITTED, Act, Answer, Gate, Latch, PATIENCE, Port, Reply, Sender, Session, Setup, Upstream, get, post,
};

/// A gate before these URLs.
fn gate_before(urls: &[&str]) -> Setup {
    Setup::new("http://unused.invalid").key("upstream", &format!("{urls:?}"))
}

/// The endpoints as the metrics show them.
fn healthy(gate: &Gate, url: &str) -> u64 {
    let page = gate.admin("GET", "/metrics").text();
    let series = format!("nexmo_gate_upstream_healthy{{upstream=\"{url}\"}} ");
    let value = page.lines().find_map(|line| line.strip_prefix(&series));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().expect("a number")
}

fn state(gate: &Gate, url: &str) -> String {
    let status: serde_json::Value = serde_json::from_str(&gate.admin("GET", "/status").text()).expect("JSON");
    let all = status["upstreams"].as_array().expect("upstreams");
    let own = all.iter().find(|one| one["url"] == url).unwrap_or_else(|| panic!("no {url} in {status}"));
    own["state"].as_str().expect("a state").to_owned()
}

/// Waits for the message, and counts the lines that have it.
fn said(gate: &Gate, message: &str) -> usize {
    gate.wait_message(0, |seen, _| seen == message);
    count(gate, message)
}

fn count(gate: &Gate, message: &str) -> usize {
    let lines = gate.stderr.all();
    lines.iter().filter(|line| line.contains(&format!("\"message\":\"{message}\""))).count()
}

/// Requests one after another until `enough`; all must succeed.
fn ask_until(session: &mut Session, enough: impl Fn() -> bool) -> usize {
    let end = Instant::now() + PATIENCE;
    let mut count = 0;
    while !enough() {
        assert_eq!(session.ask(&post("/", "until")).status, 200);
        count += 1;
        assert!(Instant::now() < end, "not within {PATIENCE:?}");
    }
    count
}

#[test]
fn endpoints_take_turns_evenly() {
    let three = [(); 3].map(|()| Upstream::echo());
    let gate = gate_before(&three.each_ref().map(Upstream::url)).start();
    let mut session = Session::new(ADMITTED, gate.addr());
    for round in 0..90 {
        assert_eq!(session.ask(&post("/", &format!("turn-{round}"))).status, 200);
    }
    assert_eq!(three.each_ref().map(|one| one.arrivals().len()), [30, 30, 30]);
    assert_eq!(three.each_ref().map(|one| healthy(&gate, one.url())), [1, 1, 1]);
}

#[test]
fn one_of_two_down_costs_no_request_and_comes_back_into_its_turn() {
    // The pause keeps the number of requests small while the rest of 5 s goes by; the first ones are long over by then.
    let one = Upstream::start(|arrival| echo(arrival).first(Act::Pause(Duration::from_millis(10))));
    let port = Port::free("127.0.0.1");
    let url = port.url();
    let gate = gate_before(&[one.url(), &url]).start();
    let mut session = Session::new(ADMITTED, gate.addr());
    let mut seen = Vec::new();
    for round in 0..50 {
        let case = format!("down-{round}");
        let reply = session.ask(&post(&format!("/{case}"), &case));
        assert_eq!((reply.status, reply.text()), (200, format!("/{case}")));
        seen.push(Seen::new(&case, Some(200)));
    }
    assert_eq!(one.arrivals().len(), 50);
    assert_eq!((said(&gate, "upstream ejected"), count(&gate, "upstream back")), (1, 0));
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (0, "resting"));
    assert_eq!((healthy(&gate, one.url()), state(&gate, one.url()).as_str()), (1, "up"));
    oracle::agree(&seen, &one.arrivals(), &gate.events(50));
    let ejected = gate.wait_message(0, |message, _| message == "upstream ejected");
    assert_eq!((&ejected["upstream"], &ejected["reason"]), (&url.as_str().into(), &"connect_refused".into()));

    let two = port.listen(echo);
    ask_until(&mut session, || !two.arrivals().is_empty());
    gate.wait_message(0, |message, line| message == "upstream back" && line["upstream"] == url.as_str());
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (1, "up"));
    let before = [one.arrivals().len(), two.arrivals().len()];
    (0..20).for_each(|_| assert_eq!(session.ask(&post("/", "even")).status, 200));
    assert_eq!([one.arrivals().len(), two.arrivals().len()], before.map(|count| count + 10));
    assert_eq!(said(&gate, "upstream back"), 1);
}

#[test]
fn an_endpoint_that_does_not_answer_costs_a_second_and_no_request() {
    let port = Port::free("127.0.0.1");
    let _queued = port.black_hole();
    let one = Upstream::echo();
    let gate = gate_before(&[&port.url(), one.url()]).start();
    let begin = Instant::now();
    assert_eq!(gate.ask(ADMITTED, &post("/", "hole")).text(), "/");
    assert!(begin.elapsed() >= Duration::from_millis(900), "the first was tried first");
    let event = gate.event();
    assert_eq!((&event["attempts"], &event["delivered"]), (&1.into(), &true.into()), "{event}");
    assert_eq!(one.arrivals().len(), 1);
}

#[test]
fn all_down_is_503_at_once() {
    let ports = [(); 2].map(|()| Port::free("127.0.0.1"));
    let urls = ports.each_ref().map(Port::url);
    let gate = gate_before(&urls.each_ref().map(String::as_str)).start();
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "down")).status, 503);
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "a refusal needs no time-out");
    for event in gate.events(20) {
        assert_eq!((&event["reason"], &event["attempts"]), (&"connect_refused".into(), &0.into()), "{event}");
    }
    assert_eq!(said(&gate, "upstream ejected"), 1, "the last one stays");
    let mut states = urls.each_ref().map(|url| state(&gate, url));
    states.sort();
    assert_eq!(states, ["failing", "resting"]);

    // Whichever comes back first serves the next request, rest or no rest.
    for port in ports {
        let back = port.listen(echo);
        assert_eq!(gate.ask(ADMITTED, &post("/", "back")).status, 200);
        assert_eq!(back.arrivals().len(), 1);
        drop(back);
        while TcpStream::connect(gate_address(&urls, &gate)).is_ok() {}
    }
}

/// The address of the endpoint that is up.
fn gate_address(urls: &[String], gate: &Gate) -> SocketAddr {
    let up = urls.iter().find(|url| state(gate, url) == "up").expect("one is up");
    up.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
}

#[test]
fn the_only_endpoint_is_never_ejected() {
    let port = Port::free("127.0.0.1");
    let url = port.url();
    let gate = gate_before(&[&url]).start();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "down")).status, 503);
    }
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (0, "failing"));
    let only = port.listen(echo);
    assert_eq!(gate.ask(ADMITTED, &post("/", "up")).status, 200, "without any rest");
    assert_eq!((healthy(&gate, &url), state(&gate, &url).as_str()), (1, "up"));
    assert_eq!(only.arrivals().len(), 1);
    assert_eq!(said(&gate, "upstream back"), 1);
    assert_eq!(count(&gate, "upstream failing, and there is no other"), 1);
    assert_eq!(count(&gate, "upstream ejected"), 0);
}

#[test]
fn what_was_sent_goes_to_no_other_endpoint() {
    let one = Upstream::start(|_| Answer::broken([Act::Close]));
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    let mut seen = Vec::new();
    for round in 0..20 {
        let case = format!("broken-{round}");
        let status = gate.ask(ADMITTED, &post("/", &case)).status;
        assert_eq!(status, if round % 2 == 0 { 503 } else { 200 }, "{case}");
        seen.push(Seen::new(&case, Some(status)));
    }
    assert_eq!((one.arrivals().len(), two.arrivals().len()), (10, 10));
    // An application that dies of messages is not out of reach: others may fare better.
    assert_eq!((count(&gate, "upstream ejected"), state(&gate, one.url()).as_str()), (0, "up"));
    let arrivals: Vec<_> = one.arrivals().into_iter().chain(two.arrivals()).collect();
    oracle::agree(&seen, &arrivals, &gate.finish().events);
}

#[test]
fn an_applications_5xx_never_ejects_it() {
    let two = [(); 2].map(|()| Upstream::start(|_| Answer::status(500)));
    let gate = gate_before(&two.each_ref().map(Upstream::url)).start();
    for _ in 0..20 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "500")).status, 500);
    }
    assert_eq!(two.each_ref().map(|one| (one.arrivals().len(), healthy(&gate, one.url()))), [(10, 1); 2]);
}

#[test]
fn a_stale_connection_of_an_endpoint_that_is_gone_is_made_good_by_another() {
    let count = Arc::new(AtomicBool::new(false));
    let second = Arc::clone(&count);
    let one = Upstream::start(move |arrival| {
        if second.swap(true, Ordering::Relaxed) { Answer::broken([Act::Close]) } else { echo(arrival) }
    });
    let address: SocketAddr = one.url().strip_prefix("http://").expect("http").parse().expect("an address");
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    // Each gets one request, and keeps its connection.
    for case in ["warm-1", "warm-2"] {
        assert_eq!(gate.ask(ADMITTED, &post("/", case)).status, 200);
    }
    std::thread::sleep(crate::upstream_connections::RESTED);
    drop(one);
    while TcpStream::connect(address).is_ok() {}
    assert_eq!(gate.ask(ADMITTED, &post("/stale", "stale")).status, 200);
    let arrivals = two.of_case("stale");
    assert_eq!(arrivals.len(), 1);
    assert_ne!(arrivals[0].connection, two.of_case("warm-2")[0].connection, "only a fresh one is sure");
    let events = gate.events(3);
    let event = events.iter().find(|event| event["path"] == "/stale").expect("its event");
    assert_eq!(event["attempts"], 2, "{event}");
}

#[test]
fn a_health_check_puts_an_endpoint_down_and_up_again() {
    let well = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&well);
    let one = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/up" if !now.load(Ordering::SeqCst) => Answer::status(500),
        _ => echo(arrival),
    });
    let two = Upstream::echo();
    let health = "{ path: /up, every: 100ms, timeout: 5s }";
    let upstream = format!("{{ urls: {:?}, health: {health} }}", [one.url(), two.url()]);
    let gate = Setup::new("http://unused.invalid").key("upstream", &upstream).start();
    let down = gate.wait_message(0, |message, _| message == "upstream down: its health checks fail");
    assert_eq!(
        (&down["upstream"], &down["error"]),
        (&one.url().into(), &"/up answered 500".into()),
        "{down}"
    );
    assert_eq!((healthy(&gate, one.url()), state(&gate, one.url()).as_str()), (0, "down"));
    assert_eq!((healthy(&gate, two.url()), state(&gate, two.url()).as_str()), (1, "up"));
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "case")).status, 200);
    }
    assert_eq!((one.of_case("case").len(), two.of_case("case").len()), (0, 10));
    well.store(true, Ordering::SeqCst);
    gate.wait_message(0, |message, line| message == "upstream back" && line["upstream"] == one.url());
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "case")).status, 200);
    }
    assert_eq!((one.of_case("case").len(), two.of_case("case").len()), (5, 15));
    let check = &one.arrivals()[0];
    assert_eq!((check.method(), check.target()), ("GET".to_owned(), "/up".to_owned()));
    assert_eq!(format!("http://{}", check.head.one("host").expect("a Host")), one.url());
    assert!(check.head.one("user-agent").is_some_and(|agent| agent.starts_with("nexmo-gate/")));
    assert_eq!(gate.events(20).len(), 20, "a check is no webhook: it has no event");
}

#[test]
fn checks_end_when_the_endpoint_leaves_the_config() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let with = |urls: &[&str]| format!("{{ urls: {urls:?}, health: {{ path: /up, every: 100ms }} }}");
    let setup = Setup::new("http://unused.invalid").key("upstream", &with(&[one.url(), two.url()]));
    let gate = setup.start();
    two.wait_arrivals(2);
    gate.setup.clone().key("upstream", &with(&[one.url()])).write_config();
    assert_eq!(gate.reload().0, 200);
    // The endpoint is forgotten within half a second. Twenty more checks of the other take two.
    one.wait_arrivals(one.arrivals().len() + 10);
    let last = two.arrivals().len();
    one.wait_arrivals(one.arrivals().len() + 10);
    assert_eq!(two.arrivals().len(), last);
}

#[test]
fn a_reload_that_removes_an_endpoint_lets_its_requests_finish() {
    let latch = Latch::default();
    let hold = latch.clone();
    let one = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/slow" => echo(arrival).first(Act::Until(hold.clone())),
        _ => echo(arrival),
    });
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    let mut slow = Sender::connect(ADMITTED, gate.addr());
    slow.send(&post("/slow", "slow"));
    one.wait_arrivals(1);
    gate.setup.clone().key("upstream", &format!("{:?}", [two.url()])).write_config();
    let (status, report) = gate.reload();
    assert_eq!((status, &report["changes"]), (200, &serde_json::json!(["upstream changed"])), "{report}");
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "after")).status, 200);
    }
    assert_eq!((one.of_case("after").len(), two.of_case("after").len()), (0, 10));
    latch.release();
    assert_eq!(slow.reply().text(), "/slow");
    let page = gate.admin("GET", "/metrics").text();
    assert!(!page.contains(&format!("upstream=\"{}\"", one.url())), "{page}");
    let events = gate.events(11);
    let event = events.iter().find(|event| event["path"] == "/slow").expect("its event");
    assert_eq!((&event["generation"], &event["delivered"]), (&1.into(), &true.into()), "{event}");
}

#[test]
fn an_endpoint_that_stays_over_a_reload_keeps_its_connections() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let gate = gate_before(&[one.url()]).start();
    assert_eq!(gate.ask(ADMITTED, &post("/", "before")).status, 200);
    gate.setup.clone().key("upstream", &format!("{:?}", [one.url(), two.url()])).write_config();
    assert_eq!(gate.reload().0, 200);
    std::thread::sleep(crate::upstream_connections::RESTED);
    assert_eq!(gate.ask(ADMITTED, &post("/", "after")).status, 200);
    assert_eq!((one.arrivals().len(), one.connections()), (2, 1));
}

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
    let (gate, reply) = ask_secured(&ours.pem(), &keys(&good, ""));
    assert_eq!((reply.status, reply.text().as_str()), (200, "/secret"));
    std::thread::sleep(crate::upstream_connections::RESTED);
    assert_eq!(gate.ask(ADMITTED, &post("/again", "tls")).status, 200);
    assert_eq!((good.arrivals().len(), good.connections()), (2, 1), "the connection is used again");

    let inside = Upstream::start_tls(ours.server("inside.example"), echo);
    assert_eq!(ask_secured(&ours.pem(), &keys(&inside, ", server_name: inside.example")).1.status, 200);
    let rows = [
        (&inside, ours.pem(), "", "another name"),
        (&good, ours.pem(), ", server_name: other.example", "another name wanted"),
        (&good, theirs.pem(), "", "another authority"),
    ];
    for (upstream, ca, more, what) in rows {
        let before = upstream.arrivals().len();
        let (gate, reply) = ask_secured(&ca, &keys(upstream, more));
        assert_eq!((reply.status, upstream.arrivals().len()), (503, before), "{what}");
        assert_eq!(gate.event()["reason"], "tls_failed", "{what}");
        let line = gate.wait_message(0, |message, _| message == "upstream connection failed");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("certificate")), "{what}: {line}");
    }
    let (gate, reply) = ask_secured(&ours.pem(), &format!("url: {:?}, ca: ca.pem", plain_server()));
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
    setup.dir.write("system.pem", &authority.pem());
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
    let cut = authority.pem().replace("-----END CERTIFICATE-----", "");
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
    let (gate, reply) = ask_secured(&old.pem(), &format!("url: {:?}, ca: ca.pem", upstream.url()));
    assert_eq!(reply.status, 503);
    gate.setup.dir.write("ca.pem", "no certificate");
    assert_eq!(gate.reload().0, 422);
    assert_eq!(gate.ask(ADMITTED, &post("/", "tls")).status, 503);
    gate.setup.dir.write("ca.pem", &new.pem());
    let (status, report) = gate.reload();
    assert_eq!((status, &report["changes"]), (200, &serde_json::json!(["upstream certificates changed"])));
    assert_eq!(gate.ask(ADMITTED, &post("/", "tls")).status, 200);
}

#[test]
fn plain_tls_and_unix_endpoints_take_turns() {
    let authority = Authority::new("ours");
    let setup = Setup::new("http://unused.invalid");
    setup.dir.write("ca.pem", &authority.pem());
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

#[test]
fn every_address_of_a_name_is_tried() {
    let all: Vec<SocketAddr> = "localhost:80".to_socket_addrs().expect("localhost").collect();
    let families = if all.iter().any(SocketAddr::is_ipv4) && all.iter().any(SocketAddr::is_ipv6) {
        ["127.0.0.1", "::1"].as_slice()
    } else {
        eprintln!(
            "NOT TESTED in full: localhost has only {all:?} here; /etc/hosts should give it ::1 as well"
        );
        &["127.0.0.1"]
    };
    // One of the two refuses, whichever the resolver names first.
    for ip in families {
        let (open, refusing) = both_families(ip);
        let url = format!("http://localhost:{}", open.address().port());
        let upstream = open.listen(echo);
        let gate = gate_before(&[&url]).start();
        assert_eq!(gate.ask(ADMITTED, &get("/name")).text(), "/name", "{ip}");
        assert_eq!((upstream.arrivals().len(), state(&gate, &url).as_str()), (1, "up"), "{ip}");
        drop(refusing);
    }
}

/// One port on both loopback addresses, the one of `ip` first.
fn both_families(ip: &str) -> (Port, Port) {
    for _ in 0..100 {
        let one = Port::free(ip);
        let other = if ip == "::1" { "127.0.0.1" } else { "::1" };
        let same = SocketAddr::new(other.parse().expect("an IP address"), one.address().port());
        if let Ok(other) = Port::bind(same) {
            return (one, other);
        }
    }
    panic!("no port is free on both loopback addresses");
}

#[test]
fn a_name_that_nobody_knows_is_503_and_the_next_endpoint_serves() {
    let gate = gate_before(&["http://no-such-name.invalid:3000"]).start();
    assert_eq!(gate.ask(ADMITTED, &post("/", "unknown")).status, 503);
    assert_eq!(gate.event()["reason"], "connect_failed");
    gate.wait_message(0, |message, line| {
        message == "upstream name not resolved" && line["host"] == "no-such-name.invalid"
    });
    let one = Upstream::echo();
    let gate = gate_before(&["http://no-such-name.invalid:3000", one.url()]).start();
    for _ in 0..4 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "unknown")).status, 200);
    }
}
