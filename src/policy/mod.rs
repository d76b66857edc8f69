//! Decisions, and nothing but decisions.
//!
//! Every function here is pure: no async, no clock, no I/O, no logging, no serde. What it needs is
//! an argument, what it decides is its value, so every rule that this program enforces can be read,
//! tested and fuzzed without a socket. A decision never fails for an environmental reason.
//!
//! | file | noun |
//! | --- | --- |
//! | [`address::addr`] | an IP address in canonical form |
//! | [`address::prefix_set`] | a set of prefixes that answers "which one holds this address" |
//! | [`address::range_list`] | a range file: its grammar, its problems, its prefixes |
//! | [`address::difference`] | what changes when one range list takes the place of another |
//! | [`hold`] | which changes look like an accident, and wait for a person's word |
//! | [`client::proxy_header`] | what the PROXY protocol says about a connection |
//! | [`client::client_ip`] | who is asking, behind trusted proxies |
//! | [`client::forwarded`] | one element of the `Forwarded` header |
//! | [`routing::authority`] | the host that a request asks for, in one spelling |
//! | [`routing::path`] | what a path means, and which could mean two things |
//! | [`routing::route`] | which route a path belongs to |
//! | [`admission`] | may this client use this route: a [`admission::Permit`] or a denial |
//! | [`webhook`] | what each webhook's documents say: methods, deadline, success codes |
//! | [`delivery`] | what the sender must hear about what the upstream said |
//! | [`forward`] | which header lines pass, and which the gate writes itself |
//! | [`outcome`] | the words that the log and the metrics use |

pub mod address;
pub mod admission;
pub mod client;
pub mod delivery;
pub mod forward;
pub mod hold;
pub mod outcome;
pub mod routing;
pub mod text;
pub mod webhook;
