//! The siege: the real binary between an application, senders that are admitted, and attackers that are programs of their own.
//!
//! What a stranger can send must cost a bounded amount. Here every attack that we know is made, alone and with all others,
//! and one oracle judges them all: memory below what `nexmo-gate check` says, senders served in time, every attacker's
//! connection gone within its bound, everything given back, every request accounted for, and TERM obeyed in the middle.
//! This executable is also the attackers: it starts itself, so that they have descriptors and processor time of their own.
//! It is no part of `cargo test`: without `NEXMO_GATE_SIEGE` it says how it is run, and ends.
#![expect(clippy::expect_used, clippy::panic, reason = "a siege fails by panicking, its machinery too")]

mod attacker;
mod attacks;
mod phase;
mod plan;
mod report;
mod soak;
mod stand;
#[expect(dead_code, reason = "the black-box tests use more of it")]
#[path = "../it/harness/test_ca.rs"]
mod test_ca;
mod troop;
mod verdict;

use std::process::ExitCode;

/// Without it nothing is attacked.
const ASKED_FOR: &str = "NEXMO_GATE_SIEGE";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(ASKED_FOR).is_none_or(|value| value.is_empty()) {
        println!("the siege takes minutes and two cores: `make siege` runs it (docs/siege.md)");
        return ExitCode::SUCCESS;
    }
    let good = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["attack", rest @ ..] => {
            attacker::run(attacker::Orders::of(rest));
            true
        }
        ["soak"] => soak::run(),
        ["report"] => plan::run(&[], true),
        names => plan::run(names, false),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
