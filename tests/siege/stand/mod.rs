//! What a siege stands on: the gate as a process, the application behind it, senders that are admitted, and what is
//! written down.

pub mod application;
pub mod gate;
pub mod ledger;
pub mod senders;
pub mod site;
#[expect(dead_code, reason = "the black-box tests use more of it")]
#[path = "../../it/harness/vitals.rs"]
mod vitals;

use std::time::Duration;

/// How long is waited for what should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);
