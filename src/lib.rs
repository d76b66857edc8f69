//! nexmo-gate: a firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
//!
//! The binary is thin; everything is here, so that benchmarks and fuzz targets can reach it. The rooms,
//! from the top down, each importing only from below (`tests/layers` holds that):
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`cli`] | one file a command: arguments in, words and an exit code out |
//! | [`server`] | the composition root: a config becomes a running process, and ends |
//! | [`gate`] | the senders' side: the way of every webhook |
//! | [`admin`] | health, metrics, status, reload |
//! | [`upstream`] | the application's side: connections, exchanges, answers |
//! | [`load`] | files become one snapshot, or every problem; reloads |
//! | [`wire`] | the ground of both sides: bodies, buffers, timers, bounds |
//! | [`state`] | what is current: one snapshot, and what happened under it |
//! | [`files`] | the disk: bytes, and news that they changed |
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
