//! From a socket to a connection that speaks HTTP: screening, limits, PROXY header, TLS, HTTP version.
//!
//! HTTP itself is not read here. Invariant: a connection is counted before any byte of it is read.
//!
//! | file | noun |
//! | --- | --- |
//! | [`listener`] | the accept loop |
//! | [`handshake`] | what comes before HTTP: PROXY header, TLS, HTTP/2 preface |
//! | [`screening`] | which addresses are accepted, and in which class they count |
//! | [`limits`] | how many connections are open, by address and in total |
//! | [`tls`] | the TLS handshake, and its time-out |
//! | [`tls_limits`] | how many handshakes strangers may make |
//! | [`turns`] | scheduling of expensive work, so that it does not delay other connections |
//! | [`listener_close`] | how a listening socket is closed without a reset |

pub(crate) mod handshake;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod listener_close;
pub(crate) mod screening;
pub(crate) mod tls;
pub(crate) mod tls_limits;
pub(crate) mod turns;
