//! Who the client is and whether it is admitted: addresses, chains, PROXY headers.

pub mod admission;
pub mod client_address;
mod original;
mod proxy_protocol;
mod spoof;
mod strangers;
