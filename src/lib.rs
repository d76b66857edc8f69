//! nexmo-gate: a firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
//!
//! The binary is thin; everything is here. The rooms, from the top down, each importing only from below
//! (`tests/layers` holds that):
//!
//! | room | what lives there |
//! | --- | --- |
//! | `cli` | one file a command: arguments in, words and an exit code out |
//! | `server` | the composition root: a config becomes a running process, and ends |
//! | `gate` | the senders' side: the way of every webhook |
//! | `admin` | health, metrics, status, reload |
//! | `upstream` | the application's side: connections, exchanges, answers |
//! | `judge` | what becomes of a connection and of a request: pure, from a snapshot and what was received |
//! | `load` | files become one snapshot, or every problem; reloads |
//! | `wire` | the ground of both sides: bodies, buffers, timers, bounds |
//! | `state` | what is current: one snapshot, and what happened under it |
//! | `files` | the disk: bytes, and news that they changed |
//! | `telemetry` | log lines on their way out |
//! | `config` | YAML text, flags and variables become a `Config` or every problem |
//! | `policy` | decisions: pure functions, no async, no clock, no I/O |

// Public is what `exports` names and nothing else; what rooms show each other is documented all the same.
#![warn(unreachable_pub, clippy::missing_docs_in_private_items)]

mod admin;
mod cli;
mod config;
mod files;
mod gate;
mod judge;
mod load;
mod policy;
mod server;
mod state;
mod telemetry;
mod upstream;
mod wire;

#[doc(hidden)]
pub mod exports;
