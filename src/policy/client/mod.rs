//! Who the client is: the peer, or whom a trusted proxy names by a header or by the PROXY protocol.

pub(crate) mod client_ip;
pub(crate) mod forwarded;
pub(crate) mod named;
pub(crate) mod original;
pub(crate) mod proxy_header;
