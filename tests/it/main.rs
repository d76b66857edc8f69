//! The black-box tests: the real `nexmo-gate` binary between a raw sender and a scripted upstream, all on loopback.
//!
//! Nothing in here imports the crate. What a test may rely on is what an operator, a sender or an application can
//! see: the configuration file, the wire, the two logs, the admin pages, signals and the exit code.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its harness too")]

mod harness;

mod admin;
mod client;
mod faults;
mod http2;
mod logs;
mod process;
mod reloads;
mod requests;
mod self_test;
mod tls;
mod upstream;
