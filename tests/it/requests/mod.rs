//! The sender's side: what a request may look like, what it may cost, and how slow it may be.

pub mod ambiguous;
mod bounds;
pub mod bytes;
mod downstream;
mod overload;
mod probes;
mod shares;
mod slow_crowd;
mod slow_senders;
