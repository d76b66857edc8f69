//! The process: what stops it from starting, how it ends, and what must never stop it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::script::echo;
use crate::harness::setup::{Exit, binary, exit_of};
use crate::harness::{
    ADMITTED, Act, Gate, Latch, PATIENCE, STRANGER, Sender, Session, Setup, Signal, Upstream, get, post,
};

/// Asserts exit 78 and that each of `places` has an `error: PLACE: ...` line; gives those lines.
fn assert_refused(exit: &Exit, places: &[&str]) -> Vec<String> {
    assert_eq!(exit.code, Some(78), "{:#?}", exit.stderr);
    let errors: Vec<String> =
        exit.stderr.iter().filter_map(|line| line.strip_prefix("error: ")).map(str::to_owned).collect();
    for place in places {
        assert!(
            errors.iter().any(|line| line.starts_with(&format!("{place}: "))),
            "no error at {place}: {errors:#?}"
        );
    }
    errors
}

#[test]
fn a_broken_config_is_refused_with_every_problem_at_its_key_path() {
    let setup = Setup::new("http://127.0.0.1:1")
        .key("listen", r#"[{ address: "127.0.0.1:0" }, { address: "localhost" }]"#)
        .key("upsteam", "\"http://127.0.0.1:2\"")
        .key("trusted_proxies", r#"["10.0.0.0/8", "0.0.0.0/0"]"#)
        .key("deny", "maybe")
        .key("limits", "{ head_timeout: 10, max_body: lots }")
        .routes(&[
            "{ path: /ok, webhook: generic, allow: [test] }",
            "{ path: no-slash, webhook: voice-anser, allow: [vioce], sucess: 200 }",
            "{ path: /late, webhook: generic, allow: [test], deadline: 2m }",
        ]);
    let errors = assert_refused(
        &setup.run_to_exit(),
        &[
            "listen[1].address",
            "upsteam",
            "trusted_proxies[1]",
            "deny",
            "limits.head_timeout",
            "limits.max_body",
            "routes[1].path",
            "routes[1].webhook",
            "routes[1].sucess",
        ],
    );
    let about = |word: &str| errors.iter().filter(|line| line.contains(word)).count();
    assert_eq!(about("upsteam"), 1, "each once: {errors:#?}");
    assert!(about("upstream") >= 1, "what was meant stands beside a key that is unknown: {errors:#?}");
}

#[test]
fn a_list_that_does_not_exist_and_a_deadline_over_the_grace_are_config_errors() {
    let setup = Setup::new("http://127.0.0.1:1").routes(&[
        "{ path: /a, webhook: generic, allow: [test, vioce] }",
        "{ path: /b, webhook: generic, allow: [test, test2] }",
    ]);
    let errors = assert_refused(&setup.run_to_exit(), &["routes[0].allow[1]", "routes[1].allow[1]"]);
    assert!(errors.iter().any(|line| line.contains("\"vioce\"") && line.contains("test")), "{errors:#?}");

    let setup = Setup::new("http://127.0.0.1:1").key("drain", "{ grace: 3s }");
    assert_refused(&setup.run_to_exit(), &["drain.grace"]);
}

#[test]
fn a_broken_list_is_refused_with_every_bad_line() {
    let setup = Setup::new("http://127.0.0.1:1")
        .range("test", "127.0.0.2/32\n010.0.0.1\n# fine\n10.0.0.1/8\nexample.com\n1.2.3.0/2\n")
        .range("other", "\n");
    let exit = setup.run_to_exit();
    let errors = assert_refused(&exit, &[]);
    for place in ["test.txt:2", "test.txt:4", "test.txt:5", "test.txt:6", "other.txt"] {
        assert!(errors.iter().any(|line| line.contains(place)), "no error at {place}: {errors:#?}");
    }
    assert!(
        !errors.iter().any(|line| line.contains("test.txt:1:") || line.contains("test.txt:3")),
        "{errors:#?}"
    );
}

#[test]
fn a_missing_folder_or_file_never_starts_an_open_gate() {
    let setup = Setup::new("http://127.0.0.1:1").key("ranges", "nowhere/");
    assert_refused(&setup.run_to_exit(), &[]);
    let mut command = binary();
    command.args(["run", "--config", "/nonexistent/config.yaml"]);
    let exit = exit_of(command);
    assert_eq!(exit.code, Some(78), "{:?}", exit.stderr);
    assert!(exit.stderr.iter().any(|line| line.contains("/nonexistent/config.yaml")), "{:?}", exit.stderr);
}

#[test]
fn yaml_that_is_none_is_refused_with_its_line() {
    let setup = Setup::new("http://127.0.0.1:1").key("routes", "[ { path: ");
    let errors = assert_refused(&setup.run_to_exit(), &[]);
    assert!(errors.iter().any(|line| line.contains("line")), "{errors:#?}");
}

#[test]
fn flags_alone_are_enough() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    let mut command = binary();
    command.args(["run", "--listen", "127.0.0.1:0", "--upstream", upstream.url(), "--allow", "test"]);
    command
        .args(["--admin", "127.0.0.1:0", "--ranges"])
        .arg(setup.path().join("ranges"))
        .current_dir(setup.path());
    let gate = setup.start_as(&mut command);
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
    assert_eq!(gate.finish().events.len(), 2);
}

#[test]
fn environment_variables_are_flags() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    let mut command = binary();
    command.arg("run").current_dir(setup.path()).envs([
        ("NEXMO_GATE_LISTEN", "127.0.0.1:0"),
        ("NEXMO_GATE_UPSTREAM", upstream.url()),
        ("NEXMO_GATE_ALLOW", "test"),
        ("NEXMO_GATE_ADMIN", "127.0.0.1:0"),
        ("NEXMO_GATE_RANGES", "ranges"),
        ("NEXMO_GATE_DENY", "hide"),
    ]);
    let gate = setup.start_as(&mut command);
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 404);
}

#[test]
fn a_usage_error_is_exit_2() {
    for arguments in [&["run", "--no-such-flag"][..], &["dance"], &["run", "--config"]] {
        let mut command = binary();
        command.args(arguments);
        assert_eq!(exit_of(command).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_second_start_on_the_same_port_fails_at_once_and_names_it() {
    let upstream = Upstream::echo();
    let first = Setup::new(upstream.url()).start();
    let address = first.addr().to_string();
    let begin = Instant::now();
    let second = Setup::new(upstream.url()).key("listen", &format!("[{{ address: {address:?} }}]"));
    let exit = second.run_to_exit();
    assert_eq!(exit.code, Some(1), "{:?}", exit.stderr);
    assert!(begin.elapsed() < Duration::from_secs(5), "no retries in silence: {:?}", begin.elapsed());
    assert!(exit.stderr.iter().any(|line| line.contains(&address)), "{:?}", exit.stderr);
    assert_eq!(first.ask(ADMITTED, &get("/")).status, 200, "the first one is unharmed");
}

#[test]
fn an_admin_address_beyond_loopback_needs_a_clear_word() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).key("admin", r#"{ address: "0.0.0.0:0" }"#);
    let errors = assert_refused(&setup.run_to_exit(), &["admin.address"]);
    assert!(errors.iter().any(|line| line.contains("allow_remote")), "it says how: {errors:#?}");
    let gate = setup.key("admin", r#"{ address: "0.0.0.0:0", allow_remote: true }"#).start();
    let loud =
        gate.find_message(0, PATIENCE, |message, line| line["level"] == "WARN" && message.contains("admin"));
    assert!(loud.is_some(), "and it is said loudly");
}

#[test]
fn the_admin_pages_answer() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    assert_eq!(gate.ask(ADMITTED, &post("/hook", "one")).status, 200);
    gate.events(1);
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/status?format=json", 200),
        ("GET", "/nothing", 404),
        ("GET", "/reload", 405),
        ("POST", "/healthz", 405),
    ] {
        assert_eq!(gate.admin(method, path).status, status, "{method} {path}");
    }
    let status: Value = serde_json::from_str(&gate.admin("GET", "/status").text()).expect("JSON");
    assert_eq!(status["generation"], 1, "{status}");
    let counted = |page: &str| page.lines().any(|line| line.contains("delivered") && line.ends_with(" 1"));
    let end = Instant::now() + PATIENCE;
    while !counted(&gate.admin("GET", "/metrics").text()) {
        assert!(Instant::now() < end, "{}", gate.admin("GET", "/metrics").text());
    }
    assert_eq!(upstream.arrivals().len(), 1, "admin requests stay here");
    assert_eq!(gate.finish().events.len(), 1, "and out of the access log");
}

/// A gate with one request that its upstream holds until the latch opens.
fn with_one_in_flight(upstream_latch: &Latch) -> (Upstream, Gate, Sender) {
    let held = upstream_latch.clone();
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/slow" => echo(arrival).first(Act::Until(held.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    let mut sender = Sender::connect(ADMITTED, gate.addr());
    sender.send(&post("/slow", "slow"));
    upstream.wait_arrivals(1);
    (upstream, gate, sender)
}

#[test]
fn term_finishes_what_is_in_flight_closes_what_is_idle_and_exits_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let latch = Latch::default();
        let (upstream, mut gate, mut busy) = with_one_in_flight(&latch);
        let mut idle = Sender::connect(ADMITTED, gate.addr());
        idle.send(&post("/quick", "quick"));
        assert_eq!(idle.reply().status, 200);

        gate.signal(signal);
        assert!(idle.is_closed_within(PATIENCE), "{signal}: an idle connection is closed");
        let readiness = std::iter::repeat_with(|| gate.admin("GET", "/readyz").status);
        assert!(readiness.take(1000).any(|status| status == 503), "{signal}: not ready while it drains");
        assert_eq!(gate.admin("GET", "/healthz").status, 200, "{signal}: alive while it drains");
        let connects = std::iter::repeat_with(|| Sender::try_connect(ADMITTED, gate.addr()).is_ok());
        assert!(connects.take(1000).any(|connected| !connected), "{signal}: the listener is closed");

        latch.release();
        let reply = busy.reply();
        assert_eq!((reply.status, reply.text().as_str()), (200, "/slow"), "{signal}");
        assert!(reply.closes(), "{signal}: the sender is told to come back elsewhere");
        let begin = Instant::now();
        assert_eq!(gate.wait_exit(PATIENCE), Some(0), "{signal}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{signal}: it exits when idle, not at the grace");
        assert_eq!(upstream.arrivals().len(), 2);
        let events = gate.events(2);
        assert!(events.iter().all(|event| event["delivered"] == true), "{signal}: {events:?}");
    }
}

#[test]
fn an_idle_gate_exits_at_once() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let begin = Instant::now();
    assert_eq!(gate.finish().code, Some(0));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_second_signal_stops_now() {
    let latch = Latch::default();
    let (_upstream, mut gate, mut busy) = with_one_in_flight(&latch);
    gate.signal(Signal::SIGTERM);
    let draining =
        std::iter::repeat_with(|| gate.admin("GET", "/readyz").status).take(1000).any(|status| status == 503);
    assert!(draining);
    let begin = Instant::now();
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(busy.try_reply().is_err(), "no answer is made up");
    latch.release();
}

#[test]
fn the_grace_bounds_the_drain() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| echo(arrival).first(Act::Until(held.clone())));
    let mut gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 1s }"#])
        .key("drain", "{ grace: 1s }")
        .start();
    let mut busy = Sender::connect(ADMITTED, gate.addr());
    busy.send(&post("/slow", "slow"));
    upstream.wait_arrivals(1);
    let begin = Instant::now();
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    latch.release();
}

#[test]
fn hup_keeps_the_process_and_its_connections() {
    let latch = Latch::default();
    let (_upstream, gate, mut busy) = with_one_in_flight(&latch);
    for _ in 0..20 {
        gate.signal(Signal::SIGHUP);
    }
    gate.wait_message(0, |message, _| message.starts_with("reload"));
    latch.release();
    let reply = busy.reply();
    assert_eq!((reply.status, reply.closes()), (200, false));
    busy.send(&get("/again"));
    assert_eq!(busy.reply().text(), "/again");
}

#[test]
fn a_stdout_that_nobody_reads_never_blocks_traffic() {
    let upstream = Upstream::echo();
    let mut gate = Setup::new(upstream.url()).stdout_unread().start();
    let mut session = Session::new(ADMITTED, gate.addr());
    // A pipe holds 64 KiB, a few hundred lines; this is several times what any queue before it might hold.
    let begin = Instant::now();
    for round in 0..5000 {
        assert_eq!(session.ask(&get("/hook")).status, 200, "request {round}");
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    drop(session);
    gate.signal(Signal::SIGTERM);
    assert_eq!(gate.wait_exit(PATIENCE), Some(0), "nor does it block the end");
}
