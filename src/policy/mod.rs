//! Decisions, and nothing but decisions.
//!
//! Every function here is pure: no async, no clock, no I/O, no logging, no serde. What it needs is
//! an argument, what it decides is its value, so every rule that this program enforces can be read,
//! tested and fuzzed without a socket. A decision never fails for an environmental reason.
//!
//! | file | noun |
//! | --- | --- |
//! | [`address`] | addresses, sets of prefixes, range files, and what differs between two lists |
//! | [`client`] | who is asking, behind trusted proxies and the PROXY protocol |
//! | [`routing`] | which route a request is for |
//! | [`hold`] | which changes look like an accident, and wait for an operator |
//! | [`admission`] | may this client use this route: a [`admission::Permit`] or a denial |
//! | [`provider`] | who sends the webhooks: what its documents say about each, and its words in messages |
//! | [`delivery`] | what the sender must hear about what the upstream said |
//! | [`forward`] | which header lines pass, and which the gate writes itself |
//! | [`text`] | numbers and bytes written as text |
//! | [`token`] | what names and unquoted values are made of |
//! | [`outcome`] | the words that the log and the metrics use |

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod client;
pub(crate) mod delivery;
pub(crate) mod forward;
pub(crate) mod hold;
pub(crate) mod outcome;
pub(crate) mod provider;
pub(crate) mod routing;
pub(crate) mod text;
pub(crate) mod token;
