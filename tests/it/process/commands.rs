//! The commands beside `run`: what they print and how they exit.

use std::process::{Child, Output};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::gate::lines::Lines;
use crate::harness::gate::setup::binary;
use crate::harness::{ADMITTED, PATIENCE, STRANGER, Setup, Signal, Upstream, get};

fn nexmo_gate(args: &[&str]) -> Output {
    binary().args(args).output().expect("the gate's binary")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// A demo that is told to stop, gate and all, when a test fails.
struct Demo(Child);

impl Demo {
    fn term(&self) {
        // It may be gone already.
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).expect("a pid")), Signal::SIGTERM);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Once waited for, its pid may be somebody else's.
        if matches!(self.0.try_wait(), Ok(None)) {
            self.term();
            let _ = self.0.wait();
        }
    }
}

#[test]
fn the_demo_comes_out_as_it_must_and_leaves_nothing_behind() {
    let scratch = Setup::new("http://127.0.0.1:1");
    let mut demo = binary();
    // What somebody has set for their own gate is not for the demo's.
    demo.args(["demo", "--once"]).env("TMPDIR", scratch.path()).env("NEXMO_GATE_DENY", "hide");
    let output = demo.output().expect("the gate's binary");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(
        text.contains("30 of 30 from 127.0.0.2 delivered byte for byte; 30 of 30 from 127.0.0.3 denied"),
        "{text}"
    );
    assert!(text.contains("1 of 1 with a forged signature refused. All as expected."), "{text}");
    assert_eq!(text.matches(r#""signature":"valid""#).count(), 1, "a line in full: {text}");
    assert_eq!(text.matches(r#""signature":"bad""#).count(), 1, "{text}");
    assert!(text.contains("/secret   made for this run"), "its path alone: {text}");
    assert!(!text.contains('\x1b'), "no colour where there is no terminal");
    let left: Vec<_> =
        std::fs::read_dir(scratch.path()).expect("the folder").map(|e| e.expect("an entry").path()).collect();
    assert_eq!(left, [scratch.path().join("ranges")], "the folder that the test made itself");
}

#[test]
fn term_ends_the_demo_and_its_gate() {
    let scratch = Setup::new("http://127.0.0.1:1");
    let child = binary().arg("demo").env("TMPDIR", scratch.path()).spawn().expect("the gate's binary");
    let mut demo = Demo(child);
    let lines = Lines::of(demo.0.stdout.take().expect("stdout"));
    let admin = lines
        .find(0, PATIENCE, |lines| {
            let at = lines
                .iter()
                .find_map(|line| line.trim().strip_prefix("admin        http://").map(str::to_owned));
            at.filter(|_| lines.iter().any(|line| line.contains("Ctrl-C stops everything")))
        })
        .unwrap_or_else(|| panic!("the tour did not end: {:?}", lines.all()));
    assert_eq!(nexmo_gate(&["health", "--admin", &admin]).status.code(), Some(0));
    demo.term();
    assert!(lines.wait_end(PATIENCE), "still there: {:?}", lines.all());
    assert_eq!(demo.0.wait().expect("an exit status").code(), Some(0));
    assert_eq!(nexmo_gate(&["health", "--admin", &admin]).status.code(), Some(1), "its gate is gone");
    assert_eq!(
        std::fs::read_dir(scratch.path()).expect("the folder").count(),
        1,
        "only what the test made itself"
    );
}

#[test]
fn check_says_what_the_files_mean_or_all_that_is_wrong() {
    let setup = Setup::new("http://127.0.0.1:1").range("spare", "192.0.2.0/28\n");
    setup.write_config();
    let config = setup.path().join("config.yaml").display().to_string();
    let good = nexmo_gate(&["check", "--config", &config]);
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert!(stdout(&good).starts_with(&format!("{config}: good\n")), "{}", stdout(&good));
    assert!(stderr(&good).lines().all(|line| line.starts_with("warning: ")), "{}", stderr(&good));
    assert!(stderr(&good).contains("spare.txt: no route allows the list spare"), "{}", stderr(&good));

    setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.2/24\n1.2.3\n");
    let bad = nexmo_gate(&["check", "--config", &config, "--deny", "maybe"]);
    assert_eq!(bad.status.code(), Some(78));
    assert_eq!(stdout(&bad), "");
    let errors: Vec<String> = stderr(&bad).lines().map(str::to_owned).collect();
    assert!(errors.iter().all(|line| line.starts_with("error: ")), "{errors:#?}");
    assert!(errors.iter().any(|line| line.contains("--deny")), "{errors:#?}");
}

#[test]
fn explain_agrees_with_what_the_gate_does() {
    let upstream = Upstream::start(crate::harness::upstream::script::echo);
    let gate = Setup::new(upstream.url())
        .trusts(&["127.0.0.9/32"])
        .routes(&["{ path: /a, webhook: generic, allow: [test] }"])
        .start();
    let config = gate.setup.path().join("config.yaml").display().to_string();
    for (ip, path, code) in
        [(ADMITTED, "/a", 0), (STRANGER, "/a", 3), (ADMITTED, "/b", 3), ("127.0.0.9", "/a", 3)]
    {
        let served = gate.ask(ip, &get(path)).status;
        assert_eq!(served == 200, code == 0, "{ip} {path}: {served}");
        for running in [false, true] {
            let mut args = vec!["explain", ip, "--path", path, "--json", "--config", &config];
            let admin = gate.admin_addr().to_string();
            if running {
                args.extend(["--running", "--admin", &admin]);
            }
            let output = nexmo_gate(&args);
            assert_eq!(output.status.code(), Some(code), "{args:?} {}", stderr(&output));
            let told: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
            assert_eq!(told["admitted"], code == 0, "{told}");
            let status = &told["routes"][0]["status"];
            assert!(status.is_null() || *status == served, "{told}");
        }
    }
    let via = nexmo_gate(&[
        "explain",
        "127.0.0.9",
        "--via",
        "192.0.2.1, 127.0.0.2",
        "--path",
        "/a",
        "--config",
        &config,
    ]);
    assert_eq!(via.status.code(), Some(0), "{}", stdout(&via));
    assert!(stdout(&via).contains("test.txt:1"), "{}", stdout(&via));
    assert_eq!(nexmo_gate(&["explain", "somebody", "--config", &config]).status.code(), Some(2));
    assert_eq!(nexmo_gate(&["explain", ADMITTED, "--config", "/nowhere.yaml"]).status.code(), Some(78));
}

#[test]
fn explain_and_run_agree_about_a_hundred_addresses() {
    let upstream = Upstream::start(crate::harness::upstream::script::echo);
    let list = "127.0.3.0/28\n127.0.3.20\n127.0.3.24/29\n127.0.4.0/27\n127.0.4.8/30\n127.0.4.49/32\n";
    let gate = Setup::new(upstream.url()).range("test", list).start();
    let config = gate.setup.path().join("config.yaml").display().to_string();
    let addresses = (0..50).flat_map(|n| [format!("127.0.3.{n}"), format!("127.0.4.{n}")]);
    let (mut asked, mut admitted) = (0, 0);
    for ip in addresses {
        let served = gate.ask(&ip, &get("/hook")).status == 200;
        let output = nexmo_gate(&["explain", &ip, "--path", "/hook", "--config", &config]);
        assert_eq!(output.status.code(), Some(if served { 0 } else { 3 }), "{ip}: {}", stdout(&output));
        asked += 1;
        admitted += u32::from(served);
    }
    assert_eq!((asked, admitted), (100, 16 + 1 + 8 + 32 + 1));
}

#[test]
fn health_status_and_reload_speak_with_the_running_gate() {
    let gate = Setup::new("http://127.0.0.1:1").start();
    let admin = gate.admin_addr().to_string();
    let ask = |args: &[&str]| nexmo_gate(&[args, &["--admin", &admin]].concat());
    assert_eq!(ask(&["health"]).status.code(), Some(0));
    let status: Value = serde_json::from_str(&stdout(&ask(&["status", "--json"]))).expect("JSON");
    assert_eq!(status["phase"], "ready");
    assert!(stdout(&ask(&["status"])).starts_with("nexmo-gate "));

    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/32\n");
    let loaded = ask(&["reload"]);
    assert_eq!(loaded.status.code(), Some(0), "{}", stderr(&loaded));
    let status: Value = serde_json::from_str(&stdout(&ask(&["status", "--json"]))).expect("JSON");
    assert_eq!(status["lists"][0]["prefixes"], 2, "{status}");

    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/3\nx\n");
    let refused = ask(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    let errors = stderr(&refused);
    assert_eq!(errors.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{errors}");
    assert!(errors.contains("test.txt:2: ") && errors.contains("test.txt:3: "), "{errors}");

    drop(gate);
    for command in ["health", "status", "reload"] {
        assert_eq!(ask(&[command]).status.code(), Some(1), "{command} without a gate");
    }
}

#[test]
fn completions_and_the_manual_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&nexmo_gate(&["completions", shell])).contains("trusted-proxies"), "{shell}");
    }
    assert!(stdout(&nexmo_gate(&["man"])).starts_with(".ie"), "roff");
    assert_eq!(nexmo_gate(&["no-such-command"]).status.code(), Some(2));
}
