//! Counts everything and compares it with what was recorded. No clock: a busy machine changes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use super::bounds::{self, Recorded};
use super::stand::Way;
use super::valgrind::{self, Counts};
use super::{machine, operations, request};

/// Runs of an operation in the shorter measurement, and further ones in the longer.
const BASE: usize = 100;
const MORE: usize = 1000;
/// What the counts depend on.
const PROGRAMS: [&str; 3] = ["rustc", "valgrind", "strace"];

/// Compares; false when something costs more than it may.
pub fn check() -> bool {
    let recorded = bounds::read();
    let counted = count_all();
    let mut passed = true;
    println!("{:<56}{:>12}{:>12}{:>12}", "", "recorded", "most", "counted");
    for Recorded { name, count } in &counted {
        let Some(before) = recorded.iter().find(|line| line.name == *name) else {
            println!("{name:<56}{count:>36.2}  NOT RECORDED");
            passed = false;
            continue;
        };
        let most = bounds::most(name, before.count);
        let verdict = if *count > most { "TOO MUCH" } else { "" };
        println!("{name:<56}{:>12.2}{most:>12.2}{count:>12.2}  {verdict}", before.count);
        passed &= *count <= most;
    }
    let names: BTreeSet<&str> = counted.iter().map(|line| line.name.as_str()).collect();
    for line in recorded.iter().filter(|line| !names.contains(line.name.as_str())) {
        println!("{:<56}{:>12.2}  NOT COUNTED ANY MORE", line.name, line.count);
        passed = false;
    }
    if !passed {
        println!(
            "cost: more than it may. If that is meant, say why in the commit and `make bench-cost-record`."
        );
    }
    passed
}

/// Writes down what everything costs now.
pub fn record() -> bool {
    bounds::write(&count_all(), &machine::line(&PROGRAMS));
    true
}

fn count_all() -> Vec<Recorded> {
    println!("machine: {}", machine::line(&PROGRAMS));
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = Vec::new();
    for operation in &operations::ALL {
        push(&mut all, operation.name, counts(folder.path(), operation.name));
    }
    for (name, way) in [
        ("a whole POST", Way::Kept),
        ("a POST on a new connection", Way::New),
        ("a denied POST", Way::Denied),
        ("a signed SMS, whole", Way::SignedForm),
    ] {
        push(&mut all, name, request::counts(folder.path(), way));
    }
    let signed = request::counts(folder.path(), Way::Signed);
    push(&mut all, "a signed POST", signed);
    let count = signed.instructions - signed.hashing;
    all.push(Recorded { name: "a signed POST, without blocks of SHA-256: instructions".to_owned(), count });
    let calls = request::system_calls(folder.path());
    for (kind, count) in [
        ("transfers", calls.transfers),
        ("system calls of the thread that serves", calls.serving),
        ("system calls", calls.all),
    ] {
        all.push(Recorded { name: format!("a whole POST: {kind}"), count });
    }
    all
}

fn push(all: &mut Vec<Recorded>, name: &str, counts: Counts) {
    all.push(Recorded { name: format!("{name}: instructions"), count: counts.instructions });
    all.push(Recorded { name: format!("{name}: allocations"), count: counts.allocations });
}

/// One operation: this program again, twice, so that what comes before and after it cancels out.
fn counts(folder: &Path, name: &str) -> Counts {
    let run = |count: usize| {
        let mut command = valgrind::command(folder);
        command.arg(std::env::current_exe().unwrap()).args(["once", name, &count.to_string()]);
        let status = command.stdin(Stdio::null()).status().expect("valgrind");
        assert!(status.success(), "{name}: {status}");
        valgrind::busiest(folder)
    };
    let before = run(BASE);
    run(BASE + MORE).each(before, MORE)
}
