//! The access log as a file that is rotated, that cannot be opened again, or that is no file at all.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::gate::lines::json;
use crate::harness::gate::setup::binary;
use crate::harness::{ADMITTED, Gate, PATIENCE, Setup, Signal, Upstream, get, wait_until};

pub(super) fn logging_to(upstream: &Upstream, path: &str) -> Setup {
    Setup::new(upstream.url()).key("log", &format!("{{ format: json, level: info, access: {path} }}"))
}

pub(super) fn paths(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| json(line)["path"].clone()).collect()
}

/// Sends a request, and waits until its line is in this file.
pub(super) fn logged(gate: &Gate, path: &str, file: &Path) {
    assert_eq!(gate.ask(ADMITTED, &get(path)).status, 200);
    let why = || format!("{path} is not in {}: {:?}", file.display(), paths(file));
    wait_until(|| paths(file).last() == Some(&path.into()), why);
}

fn fifo(folder: &Path) -> PathBuf {
    let path = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path
}

#[test]
fn a_log_that_cannot_be_reopened_is_reported_everywhere_and_still_written() {
    let upstream = Upstream::echo();
    let setup = logging_to(&upstream, "./log/access.log");
    fs::create_dir(setup.path().join("log")).expect("a folder");
    let gate = setup.start();
    let folder = gate.setup.path().to_owned();
    let (here, away) = (folder.join("log"), folder.join("away"));
    logged(&gate, "/before", &here.join("access.log"));
    // The folder went, as one that was deleted or is not mounted any more; root may open any file.
    fs::rename(&here, &away).expect("the folder goes");
    let (status, report) = gate.reload();
    assert_eq!(status, 422, "{report}");
    let problem = &report["problems"][0];
    assert_eq!(problem["at"], "log.access", "{report}");
    assert!(problem["message"].as_str().is_some_and(|m| m.contains("cannot be opened again")), "{report}");
    gate.wait_message(0, |message, line| {
        message == "reload failed" && line["problems"].as_str().is_some_and(|all| all.contains("log.access"))
    });
    assert_eq!(gate.metric("log_reopen_failed"), 1);
    let status = json(&gate.admin("GET", "/status?format=json").text());
    assert_eq!(status["last_reload"]["problems"][0]["at"], "log.access", "{status}");
    let mut command = binary();
    command.args(["reload", "--admin", &gate.admin_addr().to_string()]);
    let output = command.output().expect("the gate's binary");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error: log.access: "), "{output:?}");
    logged(&gate, "/meanwhile", &away.join("access.log"));
    // Another change of files does not hide it.
    gate.setup.dir.write("ranges/test.txt", "# changed\n127.0.0.2/32\n");
    let from = gate.stderr.len();
    gate.wait_message(from, |message, _| message == "reload failed");

    fs::create_dir(&here).expect("the folder comes back");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.metric("log_reopen_failed"), 0);
    logged(&gate, "/after", &here.join("access.log"));
    assert_eq!(paths(&away.join("access.log")), ["/before", "/meanwhile"]);
    assert_eq!(gate.metric("log_lines_dropped_total"), 0);
}

#[test]
fn a_log_whose_file_was_deleted_is_made_anew_at_a_reload_and_that_is_said() {
    let upstream = Upstream::echo();
    let gate = logging_to(&upstream, "./access.log").start();
    let file = gate.setup.path().join("access.log");
    logged(&gate, "/before", &file);
    fs::remove_file(&file).expect("the log");
    assert_eq!(gate.ask(ADMITTED, &get("/lost")).status, 200);
    assert_eq!(gate.reload().0, 200);
    gate.wait_message(0, |message, line| line["level"] == "WARN" && message.contains("was deleted"));
    logged(&gate, "/after", &file);
}

#[test]
fn a_log_fifo_without_a_reader_delays_no_start_no_request_and_no_exit() {
    let upstream = Upstream::echo();
    let setup = logging_to(&upstream, "./fifo");
    let path = fifo(setup.path());
    let mut gate = setup.start();
    let mut session = gate.session(ADMITTED);
    assert_eq!(session.ask(&get("/first")).status, 200);
    // What is written before a reader comes waits for him.
    let mut reader = File::open(&path).expect("the FIFO");
    let mut room = [0; 4096];
    let length = reader.read(&mut room).expect("a line");
    assert!(String::from_utf8_lossy(&room[..length]).contains("\"/first\""));
    // Now he stops reading, and the FIFO fills up.
    for round in 0..1000 {
        assert_eq!(session.ask(&get("/hook")).status, 200, "request {round}");
    }
    drop(session);
    let begin = Instant::now();
    gate.signal(Signal::SIGTERM);
    assert_eq!(gate.wait_exit(PATIENCE), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_health_waiting_at_a_reload() {
    let upstream = Upstream::echo();
    let setup = logging_to(&upstream, "./fifo");
    let path = fifo(setup.path());
    let _reader =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).expect("the FIFO");
    let gate = setup.start();
    let mut session = gate.session(ADMITTED);
    for round in 0..1000 {
        assert_eq!(session.ask(&get("/hook")).status, 200, "request {round}");
    }
    let (status, report) = thread::scope(|scope| {
        let reload = scope.spawn(|| gate.reload());
        let mut asked = 0;
        while !reload.is_finished() {
            let begin = Instant::now();
            assert_eq!(gate.admin("GET", "/healthz").status, 200);
            assert!(begin.elapsed() < Duration::from_millis(700), "{:?}", begin.elapsed());
            asked += 1;
        }
        assert!(asked > 0);
        reload.join().expect("the reload")
    });
    assert_eq!(status, 422, "{report}");
    assert!(
        report["problems"][0]["message"]
            .as_str()
            .is_some_and(|m| m.contains("cannot be opened again in time")),
        "{report}"
    );
}

#[test]
fn a_log_that_takes_no_lines_stops_the_start_in_words() {
    let upstream = Upstream::echo();
    let setup = logging_to(&upstream, "./socket");
    let _socket = UnixListener::bind(setup.path().join("socket")).expect("a socket");
    let exit = setup.run_to_exit();
    assert_eq!(exit.code, Some(1), "{:?}", exit.stderr);
    assert!(
        exit.stderr.iter().any(|line| line.contains("log.access: ") && line.contains("is a socket")),
        "{:?}",
        exit.stderr
    );
}

#[test]
fn standard_output_may_be_named_by_its_path() {
    let upstream = Upstream::echo();
    let gate = logging_to(&upstream, "/dev/stdout").start();
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    assert_eq!(gate.event()["path"], "/hook");
    assert_eq!(gate.reload().0, 200);
}
