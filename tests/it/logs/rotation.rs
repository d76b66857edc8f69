//! The access log is rotated, by hand and by the real logrotate.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::harness::gate::setup::program;
use crate::harness::{ADMITTED, Gate, Upstream, cannot_run, get};
use crate::logs::files::{logged, logging_to, paths};

/// The ways in which logrotate can do it.
const WAYS: [&str; 2] = ["create 0640", "copytruncate"];

#[test]
fn a_log_that_is_copied_and_cut_goes_on_at_its_beginning() {
    let upstream = Upstream::echo();
    let gate = logging_to(&upstream, "./access.log").start();
    let file = gate.setup.path().join("access.log");
    logged(&gate, "/before", &file);
    fs::copy(&file, gate.setup.path().join("access.log.1")).expect("a copy");
    OpenOptions::new().write(true).truncate(true).open(&file).expect("cut");
    logged(&gate, "/after", &file);
    // No hole of zero bytes where the old lines were.
    assert_eq!(paths(&file), ["/after"]);
}

/// logrotate, and a file that tells it how: as the shipped one, which is about the service's folder and its user.
struct Rotation<'a> {
    gate: &'a Gate,
    logrotate: &'static str,
}

impl<'a> Rotation<'a> {
    fn of(gate: &'a Gate, way: &str, case: &str) -> Option<Self> {
        let mut places = ["/usr/sbin/logrotate", "/usr/bin/logrotate"].into_iter();
        let Some(logrotate) = places.find(|path| Path::new(path).exists()) else {
            cannot_run(case, "logrotate is missing: apt-get install logrotate");
            return None;
        };
        let rotation = Self { gate, logrotate };
        let text = format!(
            "{} {{\n rotate 14\n {way}\n postrotate\n {} reload --admin {} >{}\n endscript\n}}\n",
            rotation.file().display(),
            program().display(),
            gate.admin_addr(),
            rotation.beside("reload").display(),
        );
        fs::write(rotation.beside("rotation"), text).expect("a file");
        Some(rotation)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.gate.setup.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.beside("access.log")
    }

    fn rotate(&self) {
        let mut command = Command::new(self.logrotate);
        command.arg("--force").arg("--state").arg(self.beside("state")).arg(self.beside("rotation"));
        let output = command.output().expect("logrotate");
        assert!(output.status.success(), "{output:?}");
    }

    /// The rotated files after so many rotations, the oldest first.
    fn rotated(&self, rotations: usize) -> Vec<PathBuf> {
        (1..=rotations).rev().map(|number| self.beside(&format!("access.log.{number}"))).collect()
    }
}

#[test]
#[ignore = "needs logrotate: make test-long"]
fn logrotate_loses_no_line_by_either_of_its_ways() {
    let upstream = Upstream::echo();
    for way in WAYS {
        let gate = logging_to(&upstream, "./access.log").start();
        let Some(rotation) = Rotation::of(&gate, way, "logrotate_loses_no_line_by_either_of_its_ways") else {
            return;
        };
        for round in 0..5 {
            logged(&gate, &format!("/{round}"), &rotation.file());
            rotation.rotate();
        }
        logged(&gate, "/last", &rotation.file());
        let kept: Vec<Value> = rotation.rotated(5).iter().flat_map(|file| paths(file)).collect();
        assert_eq!(kept, ["/0", "/1", "/2", "/3", "/4"], "{way}");
        assert_eq!(paths(&rotation.file()), ["/last"], "{way}");
    }
}

/// What the files of a log hold.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    whole: usize,
    /// Lines that are no JSON, and last in a file that was rotated away.
    cut_at_the_end: usize,
    torn: usize,
}

fn held(files: &[PathBuf]) -> Held {
    let mut held = Held::default();
    for (place, file) in files.iter().enumerate() {
        let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        for (number, line) in lines.iter().enumerate() {
            let rotated = place + 1 < files.len();
            if serde_json::from_slice::<Value>(line).is_ok() {
                held.whole += 1;
            } else if rotated && number + 1 == lines.len() {
                held.cut_at_the_end += 1;
            } else {
                held.torn += 1;
            }
        }
    }
    held
}

/// Tells the senders to stop, also where the test has failed: nothing would end otherwise.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks until it is told to stop, and says how often.
fn ask_until(gate: &Gate, stop: &AtomicBool) -> usize {
    let mut session = gate.session(ADMITTED);
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(session.ask(&get("/load")).status, 200);
        asked += 1;
    }
    asked
}

#[test]
#[ignore = "needs logrotate: make test-long"]
fn rotations_under_load_lose_no_line_and_tear_none() {
    const ROTATIONS: usize = 12;
    let upstream = Upstream::echo();
    for way in WAYS {
        let gate = logging_to(&upstream, "./access.log").start();
        let Some(rotation) = Rotation::of(&gate, way, "rotations_under_load_lose_no_line_and_tear_none")
        else {
            return;
        };
        let stop = AtomicBool::new(false);
        let asked: usize = thread::scope(|scope| {
            let senders: Vec<_> = (0..4).map(|_| scope.spawn(|| ask_until(&gate, &stop))).collect();
            let stops = Stops(&stop);
            for _ in 0..ROTATIONS {
                // Something to rotate: an empty file would be one too.
                upstream.wait_arrivals(upstream.arrivals().len() + 50);
                rotation.rotate();
            }
            drop(stops);
            senders.into_iter().map(|sender| sender.join().expect("a sender")).sum()
        });
        // Each line is behind this one.
        logged(&gate, "/last", &rotation.file());
        let mut files = rotation.rotated(ROTATIONS);
        files.push(rotation.file());
        let held = held(&files);
        eprintln!("{way}: {asked} requests over {ROTATIONS} rotations, {held:?}");
        assert!(asked >= 50 * ROTATIONS, "{asked}");
        assert_eq!(gate.metric("log_lines_dropped_total"), 0);
        assert_eq!(held.torn, 0, "{way}");
        // What comes between the copy and the cut is lost, as logrotate's manual says: no program can prevent it.
        if way != "copytruncate" {
            assert_eq!(held, Held { whole: asked + 1, ..Held::default() }, "{way}");
        }
    }
}
