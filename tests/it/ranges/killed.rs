//! A publication that is killed before any of its system calls: the list is the old or the new one, whole, and the history
//! agrees.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::harness::gate::setup::program;
use crate::harness::{Setup, cannot_run};
use crate::ranges::stand::{alone, history, list, ranges};

const OLD: &str = "20.30.40.0/24\n";
/// What changes something on the disk.
const CALLS: &str = "write,fsync,rename,unlink,mkdir,chmod,fchmod,fchown,flock,ftruncate";

/// A list, and a proposal for it.
fn stand() -> (Setup, String) {
    let setup = alone(OLD);
    assert_eq!(ranges(&setup, &["propose", "test"], "20.30.40.0/24\n20.30.41.0/24\n").code, 0);
    let new = fs::read_to_string(setup.path().join("ranges/.proposed/test.txt")).expect("the proposal");
    (setup, new)
}

/// `publish` under `strace` with these options; `None` where it may not trace.
fn traced(setup: &Setup, options: &[&str]) -> Option<String> {
    let out = setup.path().join("strace.out");
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(&out).args(options).arg(program());
    command.args(["ranges", "publish", "test", "--config"]).arg(setup.path().join("config.yaml"));
    command.env("SUDO_USER", "ada").output().ok()?;
    fs::read_to_string(out).ok().filter(|text| !text.is_empty())
}

/// How often each call is made.
fn counts(trace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in trace.lines() {
        let call = line.split_whitespace().nth(1).and_then(|rest| rest.split_once('(')).map(|(name, _)| name);
        *counts.entry(call.unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts.retain(|call, _| CALLS.split(',').any(|name| name == call));
    counts
}

#[test]
#[ignore = "needs strace: make test-long"]
fn a_publication_that_is_killed_anywhere_leaves_one_list_whole() {
    let (setup, new) = stand();
    let Some(trace) = traced(&setup, &["-e", &format!("trace={CALLS}")]) else {
        return cannot_run("killed-publish", "strace is not installed or may not trace");
    };
    assert_eq!(list(&setup), new, "{trace}");
    let counts = counts(&trace);
    let steps: usize = counts.values().sum();
    assert!(steps > 20 && counts["rename"] >= 5 && counts["fsync"] >= 6, "{counts:?}");
    let (mut olds, mut news) = (0, 0);
    for (call, count) in counts {
        for when in 1..=count {
            let (setup, new) = stand();
            traced(&setup, &["-e", &format!("inject={call}:signal=KILL:when={when}")]).expect("strace");
            let (now, before) = (list(&setup), history(&setup));
            let live: Vec<u64> = before.iter().filter(|one| one.3).map(|one| one.0).collect();
            let newest = before.last().map(|one| (one.1.as_str(), one.3));
            if now == new {
                news += 1;
                assert_eq!((newest, live.len()), (Some(("ada", true)), 1), "{call} {when}: {before:?}");
            } else {
                olds += 1;
                assert_eq!(now, OLD, "{call} {when}");
                assert!(matches!(newest, None | Some(("somebody", true))), "{call} {when}: {before:?}");
            }
            // The next one ends what was begun, or has nothing left to do.
            let again = ranges(&setup, &["publish", "test"], "");
            assert!(again.code == 0 || (now == new && again.code == 1), "{call} {when}: {again:?}");
            let after = history(&setup);
            assert_eq!((list(&setup), after.len()), (new, 2), "{call} {when}: {after:?}");
            assert!(after[1].3 && after[1].1 == "ada", "{call} {when}: {after:?}");
            assert!(!setup.path().join("ranges/.proposed/test.json").exists(), "{call} {when}");
        }
    }
    assert!(olds > 5 && news > 3, "{olds} {news}");
    println!("killed before {steps} calls: {olds} times the old list, {news} times the new one");
}
