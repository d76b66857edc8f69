//! A network of the test's own: every IPv4 address is this machine's there, and nothing leads out of it.

use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use crate::harness::cannot_run;

/// Runs `test` on a thread in such a network; what it starts is there too. Needs root, else the case is named.
pub fn alone(case: &str, test: impl FnOnce() + Send + 'static) {
    let alone = thread::spawn(move || {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() || !every_address_is_ours() {
            return false;
        }
        test();
        true
    });
    match alone.join() {
        Ok(true) => {}
        Ok(false) => cannot_run(case, "a network of its own needs root, and ip (apt-get install iproute2)"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn every_address_is_ours() -> bool {
    [
        "link set lo up",
        "route add local 0.0.0.0/1 dev lo src 127.0.0.1",
        "route add local 128.0.0.0/1 dev lo src 127.0.0.1",
    ]
    .iter()
    .all(|words| Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success()))
}
