//! The process: its start, its environment, its end, its commands, its manager, and what it holds after a long time.

mod commands;
mod dev;
mod end;
mod environment;
mod exports;
mod last_connections;
mod soak;
mod start;
mod supervised;
