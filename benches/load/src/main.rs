//! The load that wrk cannot make: TLS handshakes with and without resumption, a fixed rate, refused
//! connections, thousands of connections that idle. Prints one line for a machine: `BENCH key=value ...`.
//!
//! Blocking sockets and threads: on the core that load and upstream share, an event loop would save nothing
//! that is measured. What is measured is the proxy's processor time, which this program does not touch.

mod arguments;
mod connection;
mod post;
mod refused;
mod tls;

use std::process::ExitCode;

use arguments::{Arguments, Job};

fn main() -> ExitCode {
    let said = Arguments::read().and_then(|arguments| match arguments.job {
        Job::Post => post::run(&arguments),
        Job::Hold => post::hold(&arguments),
        Job::Refused => refused::run(&arguments),
    });
    match said {
        Ok(line) => {
            println!("BENCH {line}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("load: {problem}");
            ExitCode::FAILURE
        }
    }
}
