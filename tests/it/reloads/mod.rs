//! Changes of the files under way: what is loaded, what is held, and what a reload must not disturb.

mod held;
mod last_hits;
pub mod range_files;
pub mod reload;
mod removed;
mod secrets;
mod storm;
mod stuck;
