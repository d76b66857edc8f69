//! The questions from outside, one file for each group: each asks, and hands what came to the verdict.
//!
//! | file | noun |
//! | --- | --- |
//! | [`proof`] | the first request, which proves whose gate it is |
//! | [`repeat`] | the first request once more, and what the gate counts |
//! | [`tls`] | certificates and versions |
//! | [`client`] | who the gate sees, and forged headers |
//! | [`front`] | what reaches the gate |
//! | [`truth`] | what reaches the sender |
//! | [`protocol`] | what parsers read differently |
//! | [`bypass`] | ways past the gate |

pub(crate) mod bypass;
pub(crate) mod client;
pub(crate) mod front;
pub(crate) mod proof;
pub(crate) mod protocol;
pub(crate) mod repeat;
pub(crate) mod tls;
pub(crate) mod truth;
