//! A run that the user stops: what was done is written, and the rest is called what it is.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;
use crate::harness::{Act, Answer, Upstream, cannot_run};

/// Runs the program, and signals it once so many requests have come.
fn stopped(args: &[&str], upstream: &Upstream, arrivals: usize, signal: Signal) -> Output {
    let mut command = binary();
    command.arg("simulate").args(args).args(["--to", upstream.url()]);
    let child = command.spawn().expect("the gate's binary");
    upstream.wait_arrivals(arrivals);
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), signal).expect("a signal");
    child.wait_with_output().expect("its end")
}

/// What Python's parser finds: tests, skipped and failures by the head, and the same counted.
fn read(path: &str) -> Option<String> {
    let script = "import sys, xml.etree.ElementTree as e\n\
                  r = e.parse(sys.argv[1]).getroot()\n\
                  print(*[r.get(x) for x in ('tests', 'skipped', 'failures')], \
                  *[len(r.findall(x)) for x in ('testcase', 'testcase/skipped', 'testcase/failure')])";
    let read = Command::new("python3").args(["-c", script, path]).output().ok()?;
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    Some(String::from_utf8_lossy(&read.stdout).trim().to_owned())
}

#[test]
fn a_stopped_run_writes_what_was_done_and_skips_the_rest() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // The first is refused, the second taken, the third held until the program leaves.
        let upstream = Upstream::start(|arrival| match arrival.connection {
            0 => Answer::status(404),
            1 => Answer::status(200),
            _ => Answer::broken([Act::Hold]),
        });
        let folder = Scratch::new();
        let path = folder.path().join("results.xml").display().to_string();
        let args = ["sms-inbound", "--count", "10", "--json", "--junit", &path];
        let begun = Instant::now();
        let output = stopped(&args, &upstream, 3, signal);
        assert!(begun.elapsed() < Duration::from_secs(10), "its time-out of 15 s is not waited for");
        assert_eq!(output.status.code(), Some(1), "{signal}: {}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&document["sent"], &document["good"]), (&3.into(), &1.into()), "{document}");
        let stopped = |place: usize| document["messages"][place]["stopped"].as_bool();
        assert_eq!([0, 1, 2].map(stopped), [Some(false), Some(false), Some(true)]);
        let unsent = document["unsent"].as_array().expect("a list");
        let numbers: Vec<u64> = unsent.iter().filter_map(|one| one["number"].as_u64()).collect();
        assert_eq!(numbers, [4, 5, 6, 7, 8, 9, 10]);
        match read(&path) {
            Some(told) => assert_eq!(told, "10 8 1 10 8 1", "{signal}"),
            None => cannot_run("the file for a CI", "python3 is missing"),
        }
    }
}

#[test]
fn a_wait_for_the_next_try_ends_when_the_run_is_stopped() {
    let upstream = Upstream::start(|_| Answer::status(503));
    let folder = Scratch::new();
    let path = folder.path().join("results.xml").display().to_string();
    let args = ["sms-inbound", "--until", "success", "--junit", &path];
    let output = stopped(&args, &upstream, 1, Signal::SIGTERM);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("note: stopped before its end\n"), "{text}");
    assert!(text.ends_with("stopped: 1 message begun and not followed to the end, 0 not sent\n"), "{text}");
    if let Some(told) = read(&path) {
        assert_eq!(told, "1 1 0 1 1 0");
    }
}

#[test]
fn a_slow_rate_does_not_hold_a_run_that_is_stopped() {
    let upstream = Upstream::start(|_| Answer::status(200));
    let output = stopped(&["sms-inbound", "--count", "9", "--rate", "1/h"], &upstream, 1, Signal::SIGINT);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("stopped: 0 messages begun and not followed to the end, 8 not sent"), "{text}");
}
