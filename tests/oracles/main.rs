//! Oracles that were not written for a case, and know nothing of how the gate works.
//!
//! [`spelling`] asks real applications what a path and a host mean to them, and holds that against the route that the
//! gate chose. [`answers`] lets applications misbehave at random, and holds what the log and the senders say against
//! the application's own record. [`signatures`] lets the vendor's own packages sign, and holds that against what the gate
//! vouches for. [`exports`] loads exported lists into real firewalls and proxies, and holds what they have against Python's
//! `ipaddress`. [`simulated`] lets the vendor's packages verify what `nexmo-gate simulate` signs, and [`frameworks`] sends it to
//! applications that stand on frameworks of others, [`receivers`] to what others published to receive webhooks. [`replay`] lets Python judge an access log again, and holds that against `nexmo-gate ranges replay`. All are
//! seeded: a run prints its seed, and `NEXMO_GATE_ORACLE_SEED` repeats it.
//! `make oracles` is the full size, `make test-long` has a small one.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its harness too")]

#[path = "../it/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the black-box tests use all of it, these a part")]
mod harness;

mod answers;
mod applications;
mod dice;
mod exports;
mod frameworks;
mod receivers;
mod replay;
mod signatures;
mod simulated;
mod spelling;
