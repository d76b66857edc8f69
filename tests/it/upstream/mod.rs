//! The application's side: what is delivered, by which connection, to which endpoint.

pub mod bad_answers;
pub mod connections;
pub mod delivery;
mod endpoints;
mod stale;
