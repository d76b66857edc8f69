//! From a socket to a connection that speaks HTTP: who is let in, PROXY header, TLS, which version.
//!
//! | file | noun |
//! | --- | --- |
//! | [`listener`] | the accept loop |
//! | [`handshake`] | what a connection says before HTTP: PROXY header, TLS, preface |
//! | [`screening`] | whom an address lets in before anything is read |
//! | [`limits`] | how many connections are open, by address and in all |
//! | [`tls`] | the TLS handshake |
//! | [`tls_failures`] | handshakes that failed, counted and told |
//! | [`tls_limits`] | how many handshakes strangers may cost |
//! | [`turns`] | heavy work, one after the other between what is light |
//! | [`listener_close`] | the end of a listening socket |

pub(crate) mod handshake;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod listener_close;
pub(crate) mod screening;
pub(crate) mod tls;
pub(crate) mod tls_failures;
pub(crate) mod tls_limits;
pub(crate) mod turns;
