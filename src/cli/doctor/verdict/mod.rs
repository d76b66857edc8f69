//! From what was seen to a verdict: pure functions, one file for each group of checks.
//!
//! No sockets, no clock, no files. Invariant: one fault makes one check red; where a second one could not be judged for
//! it, that one is a skip which names the first.
//!
//! | file | noun |
//! | --- | --- |
//! | [`bypass`] | ways past the gate |
//! | [`client`] | who the gate believes to be asked by |
//! | [`front`] | what reaches the gate of a request |
//! | [`passage`] | how requests pass what stands in front |
//! | [`proof`] | whether it is the gate that answers |
//! | [`protocol`] | requests that parsers read differently |
//! | [`remedy`] | the line to change, by the program in front |
//! | [`tls`] | certificates and versions |
//! | [`truth`] | what reaches the sender of an answer |

pub(crate) mod bypass;
pub(crate) mod client;
pub(crate) mod front;
pub(crate) mod passage;
pub(crate) mod proof;
pub(crate) mod protocol;
pub(crate) mod remedy;
pub(crate) mod tls;
pub(crate) mod truth;
