//! Who the client is and whether it is admitted: addresses, chains, PROXY headers, proxies in front.

pub mod admission;
pub mod client_address;
mod front_proxies;
mod original;
mod proxy_protocol;
mod spoof;
mod strangers;
