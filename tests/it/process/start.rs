//! What stops the process from starting, and what it needs to start.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::harness::gate::setup::{Exit, binary, exit_of};
use crate::harness::{ADMITTED, PATIENCE, STRANGER, Setup, Upstream, get};

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
        .trusts(&["10.0.0.0/8", "0.0.0.0/0"])
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
        .range("other", "\n")
        .routes(&["{ path: /*, webhook: generic, allow: [test, other] }"]);
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
fn a_stray_file_among_the_lists_stops_no_start_and_no_reload() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).range("README", "What these files are.\n").range("b ad", "x\n");
    std::os::unix::fs::symlink("nowhere", setup.path().join("ranges/link.txt")).expect("a link");
    setup.write_config();
    let mut command = binary();
    command.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
    let check = exit_of(command);
    assert_eq!(check.code, Some(0), "{:#?}", check.stderr);
    let gate = setup.start();
    for file in ["README.txt", "b ad.txt", "link.txt"] {
        let of_check = |line: &&String| line.starts_with("warning: ") && line.contains(file);
        assert_eq!(check.stderr.iter().filter(of_check).count(), 1, "{file}: {:#?}", check.stderr);
        gate.wait_message(0, |message, line| line["level"] == "WARN" && message.contains(file));
    }
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "{answer}");
    assert!(answer["warnings"].to_string().contains("README.txt"), "{answer}");
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
fn invalid_yaml_is_refused_with_its_line() {
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
fn an_admin_address_beyond_loopback_needs_allow_remote() {
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
fn all_of_ipv4_and_all_of_ipv6_on_one_port_are_both_served() {
    let upstream = Upstream::echo();
    // Another process may take the port before the gate does.
    let started = (0..10).find_map(|_| {
        let port =
            std::net::TcpListener::bind("[::]:0").expect("a port").local_addr().expect("its number").port();
        let all = format!(r#"["0.0.0.0:{port}", "[::]:{port}"]"#);
        let setup = Setup::new(upstream.url()).key("listen", &all).range("test", "127.0.0.1/32\n::1/128\n");
        setup.write_config();
        let mut check = binary();
        check.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
        assert_eq!(exit_of(check).code, Some(0));
        let taken = std::net::TcpListener::bind(("0.0.0.0", port)).is_err();
        (!taken).then(|| setup.start())
    });
    let gate = started.expect("a port that nobody else takes");
    for (place, at) in ["127.0.0.1", "::1"].iter().enumerate() {
        let mut sender = std::net::TcpStream::connect((*at, gate.addr_of(place).port())).expect("connect");
        sender.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("ask");
        let mut reply = String::new();
        sender.read_to_string(&mut reply).expect("an answer");
        assert!(reply.starts_with("HTTP/1.1 200"), "{at}: {reply}");
    }
    let clients: Vec<_> = gate.finish().events.iter().map(|event| event["client_ip"].clone()).collect();
    assert_eq!(clients, ["127.0.0.1", "::1"]);
}
