//! What one request costs the whole program: instructions and allocations of the thread that serves it, and
//! its system calls.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::stand::{self, STRANGERS, Way};
use super::valgrind::{self, Counts};

/// Requests in the shorter run, and further ones in the longer. A connection to the application rests before it is used
/// again, so a steady sender has some tens of them: these are open by then.
const BASE: usize = 1000;
const MORE: usize = 3000;
/// Requests under strace that are not counted, for the same reason, and those that are.
const FIRST: usize = 1000;
const TRACED: usize = 1000;
/// System calls that move bytes of a connection: two reads and two writes a request is the floor.
const TRANSFERS: [&str; 12] = [
    "read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg", "recv", "send",
    "recvmmsg", "sendmmsg",
];

/// The same for denied ones: requests of each connection.
const FEW_EACH: usize = 3;
const MANY_EACH: usize = 15;

/// Instructions and allocations a request.
pub fn counts(folder: &Path, way: Way) -> Counts {
    let run = |count| {
        stand::run(valgrind::command(folder), folder, way, count);
        valgrind::busiest(folder)
    };
    let (base, more) = match way {
        Way::Denied => (FEW_EACH * STRANGERS, (MANY_EACH - FEW_EACH) * STRANGERS),
        Way::Kept | Way::New | Way::Signed | Way::SignedForm => (BASE, MORE),
    };
    let before = run(base);
    run(base + more).each(before, more)
}

/// System calls a request.
pub struct SystemCalls {
    /// Those that read or write a connection.
    pub transfers: f64,
    /// All of the thread that makes most: the one that serves.
    pub serving: f64,
    /// All of all threads. Some of them work by the clock, so this depends on how long the run took.
    pub all: f64,
}

/// Counts the system calls of requests.
pub fn system_calls(folder: &Path) -> SystemCalls {
    let trace = folder.join("trace");
    let _ = fs::remove_file(&trace);
    let mut command = Command::new("strace");
    // -D: the gate is our own child, so that it is the gate that we tell to end.
    command.args(["-D", "-f", "-yy", "-q", "-s", "0", "-o"]).arg(&trace);
    stand::run(command, folder, Way::Kept, FIRST + TRACED);
    let text = complete(&trace);
    let mut transfers = 0;
    // Those since the last transfer are not counted yet: behind the last one of all is the end of the process.
    let (mut of_threads, mut since) = (HashMap::<&str, u32>::new(), HashMap::<&str, u32>::new());
    // Two reads and two writes each.
    let mut before = FIRST * 4;
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((call, on)) = call.trim_start().split_once('(') else { continue };
        let transfer = TRANSFERS.contains(&call) && on.contains("<TCP:[");
        if before > 0 {
            before -= usize::from(transfer);
            continue;
        }
        *since.entry(thread).or_default() += u32::from(!call.starts_with("<..."));
        if transfer {
            transfers += 1;
            for (thread, calls) in since.drain() {
                *of_threads.entry(thread).or_default() += calls;
            }
        }
    }
    let each = |sum: u32| f64::from(sum) / f64::from(u32::try_from(TRACED).unwrap());
    let serving = of_threads.values().copied().max().unwrap_or_default();
    SystemCalls { transfers: each(transfers), serving: each(serving), all: each(of_threads.values().sum()) }
}

/// The trace once strace has written it to the end, which may be a moment after the gate has ended.
fn complete(trace: &Path) -> String {
    let begin = Instant::now();
    let mut size = 0;
    loop {
        let text = fs::read_to_string(trace).unwrap_or_default();
        if text.lines().last().is_some_and(|line| line.contains("+++")) && text.len() == size {
            return text;
        }
        size = text.len();
        assert!(begin.elapsed() < Duration::from_secs(30), "strace did not finish its file");
        thread::sleep(Duration::from_millis(200));
    }
}
