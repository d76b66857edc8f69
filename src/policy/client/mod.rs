//! Who the client is: the peer, or whom a trusted proxy names by a header or by the PROXY protocol.

pub mod client_ip;
pub mod forwarded;
pub mod named;
pub mod proxy_header;
