//! The black-box tests: the real `nexmo-gate` binary between a raw sender and a scripted upstream, all on loopback.
//!
//! Nothing in here imports the crate. What a test may rely on is what an operator, a sender or an application can
//! see: the configuration file, the wire, the two logs, the admin pages, signals and the exit code.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its harness too")]

mod harness;

mod access_log;
mod admin_address;
mod admission;
mod ambiguous;
mod bounds;
mod bytes;
mod client_address;
mod commands;
mod delivery;
mod downstream;
mod faults;
mod front_proxies;
mod health_probes;
mod held;
mod http2;
mod last_connections;
mod leads;
mod log_files;
mod original;
mod overload;
mod probes;
mod process;
mod proxy_protocol;
mod range_files;
mod reload;
mod self_test;
mod slow_crowd;
mod slow_senders;
mod soak;
mod spoof;
mod stale;
mod status_browser;
mod status_page;
mod storm;
mod strangers;
mod stuck;
mod supervised;
mod tls;
mod upstream_connections;
mod upstream_faults;
mod upstreams;
