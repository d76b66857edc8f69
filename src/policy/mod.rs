//! Decisions, and nothing but decisions.
//!
//! Every function here is pure: no async, no clock, no I/O, no logging, no serde. What it needs is
//! an argument, what it decides is its value, so every rule that this program enforces can be read,
//! tested and fuzzed without a socket. A decision never fails for an environmental reason.
//!
//! | file | noun |
//! | --- | --- |
//! | [`addr`] | an IP address in canonical form |
//! | [`prefix_set`] | a set of prefixes that answers "which one holds this address" |
//! | [`range_list`] | a range file: its grammar, its problems, its prefixes |
//! | [`difference`] | what changes when one range list takes the place of another |
//! | [`hold`] | which changes look like an accident, and wait for a person's word |
//! | [`proxy_header`] | what the PROXY protocol says about a connection |
//! | [`client_ip`] | who is asking, behind trusted proxies |
//! | [`forwarded`] | one element of the `Forwarded` header |
//! | [`authority`] | the host that a request asks for, in one spelling |
//! | [`path`] | what a path means, and which could mean two things |
//! | [`route`] | which route a path belongs to |
//! | [`admission`] | may this client use this route: a [`admission::Permit`] or a denial |
//! | [`webhook`] | what each webhook's documents say: methods, deadline, success codes |
//! | [`delivery`] | what the sender must hear about what the upstream said |
//! | [`forward`] | which header lines pass, and which the gate writes itself |
//! | [`outcome`] | the words that the log and the metrics use |

pub mod addr;
pub mod admission;
pub mod authority;
pub mod client_ip;
pub mod delivery;
pub mod difference;
pub mod forward;
pub mod forwarded;
pub mod hold;
pub mod outcome;
pub mod path;
pub mod prefix_set;
pub mod proxy_header;
pub mod range_list;
pub mod route;
pub mod text;
pub mod webhook;
