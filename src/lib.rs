//! nexmo-gate: a firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
pub mod admin;
pub mod cli;
pub mod config;
pub mod policy;
pub mod server;
pub mod state;
