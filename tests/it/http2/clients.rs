//! Clients of other makes.

use std::process::{Command, Output};

use super::*;
use crate::harness::cannot_run;

fn curl(gate: &Gate, more: &[&str], path: &str) -> Output {
    let port = gate.addr().port();
    let scheme = if gate.setup.is_secured() { "https" } else { "http" };
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--interface", ADMITTED])
        // The authority that a test makes for itself is the harness's affair.
        .args(["--insecure", "--resolve", &format!("hooks.example:{port}:127.0.0.1")])
        .args(more)
        .arg(format!("{scheme}://hooks.example:{port}{path}"))
        .output()
        .expect("curl");
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn curl_is_served() {
    for way in ["--http2-prior-knowledge", "--http2"] {
        let over = if way == "--http2" { Setup::over_http2 } else { Setup::over_h2c };
        let upstream = Upstream::echo();
        let gate = over(Setup::new(upstream.url())).start();
        let more = [way, "--data", "hello=1", "--write-out", " %{http_version} %{http_code}"];
        let output = curl(&gate, &more, "/hook");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/hook 2 200", "{output:?}");
        assert_eq!(gate.event()["http"], "2");
        assert_eq!(upstream.arrivals()[0].body, b"hello=1");
    }
}

/// Over TLS: without it curl 7.88 fails at this, whatever the server is.
#[test]
fn curl_is_served_two_hundred_at_once_and_each_answer_is_its_own() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_http2().start();
    let folder = gate.setup.path().join("curl");
    std::fs::create_dir(&folder).expect("a folder");
    let to = format!("{}/#1", folder.display());
    let more = [
        ["--parallel", "--parallel-max"],
        ["50", "--output"],
        [&to, "--write-out"],
        ["%{http_version} %{http_code} %{num_connects}\n", "--http2"],
    ];
    let output = curl(&gate, more.as_flattened(), "/n/[1-200]");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.lines().filter(|line| line.starts_with("2 200 ")).count(), 200, "{said}");
    let connections = said.lines().filter(|line| line.ends_with(" 1")).count();
    assert!(connections < 50, "{connections} connections: many requests share one");
    for number in 1..=200 {
        let body = std::fs::read_to_string(folder.join(number.to_string())).expect("an answer");
        assert_eq!(body, format!("/n/{number}"));
    }
    assert_eq!(upstream.arrivals().len(), 200);
    let events = gate.finish().events;
    assert_eq!(events.len(), 200);
    assert!(events.iter().all(|event| event["delivered"] == true && event["http"] == "2"));
}

#[test]
fn h2load_is_served() {
    if Command::new("h2load").arg("--version").output().is_err() {
        return cannot_run("h2load_is_served", "no h2load here (Debian: nghttp2-client)");
    }
    for over in [Setup::over_h2c as fn(Setup) -> Setup, Setup::over_http2] {
        let upstream = Upstream::echo();
        // It has no way to choose its address.
        let gate = over(Setup::new(upstream.url()).range("test", "127.0.0.1/32\n")).start();
        let scheme = if gate.setup.is_secured() { "https" } else { "http" };
        let output = Command::new("h2load")
            .args(["--requests=2000", "--clients=2", "--max-concurrent-streams=20"])
            .arg(format!("{scheme}://{}/hook", gate.addr()))
            .output()
            .expect("h2load");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "{output:?}");
        let events = gate.finish().events;
        assert_eq!(events.len(), 2000);
        assert!(events.iter().all(|event| event["delivered"] == true && event["http"] == "2"));
    }
}
