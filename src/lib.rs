//! nexmo-gate: a firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
//!
//! The binary is thin; everything is here, so that benchmarks and fuzz targets can reach it. The rooms,
//! from the top down, each importing only from below (`tests/layers.rs` holds that):
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`cli`] | one file a command: arguments in, words and an exit code out |
//! | [`server`] | the composition root: a config becomes a running process, and ends |
//! | [`gate`] | HTTP in and out: the way of every webhook |
//! | [`admin`] | health, metrics, status, reload |
//! | [`state`] | what is current: files read, one snapshot published, counters |
//! | [`telemetry`] | log lines on their way out |
//! | [`config`] | YAML text, flags and variables become a `Config` or every problem |
//! | [`policy`] | decisions: pure functions, no async, no clock, no I/O |

pub mod admin;
pub mod cli;
pub mod config;
pub mod files;
pub mod gate;
pub mod load;
pub mod policy;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod upstream;
pub mod wire;
