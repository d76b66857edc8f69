//! The access log: its lines and its files.

pub mod access_log;
mod files;
mod hostile;
mod rotation;
