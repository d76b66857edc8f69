//! Decisions as pure functions.
//!
//! Every function here is pure: no async, no clock, no I/O, no logging, no serde. Its arguments are its only
//! input and its value is its only effect, so every rule that this program enforces can be read, tested and
//! fuzzed without a socket. Invariant: a decision never fails for a reason outside its arguments.
//!
//! | file | noun |
//! | --- | --- |
//! | [`address`] | addresses, sets of prefixes, range files, and the difference between two lists |
//! | [`client`] | who the client is, behind trusted proxies and the PROXY protocol |
//! | [`routing`] | which route a request is for |
//! | [`signature`] | whether a request was signed with one of the operator's secrets |
//! | [`demand`] | what the operator asks of signatures |
//! | [`hold`] | which changes look like an accident, and wait for an operator |
//! | [`proposal`] | what somebody proposes for a list, and what speaks against it |
//! | [`admission`] | may this client use this route: a [`admission::Permit`] or a denial |
//! | [`provider`] | who sends the webhooks: the rules for each webhook, and texts for messages |
//! | [`delivery`] | which status the sender gets for what the upstream answered |
//! | [`forward`] | which header lines are forwarded, and which the gate writes itself |
//! | [`export`] | the lists as firewalls and proxies in front take them |
//! | [`mask`] | what of a request and its answer may be shown to a person |
//! | [`text`] | numbers and bytes written as text |
//! | [`bytes`] | short texts, looked at several bytes at a time |
//! | [`visible`](mod@visible) | text of somebody else's, of which every character is seen |
//! | [`token`] | what names and unquoted values are made of |
//! | [`mix`] | a number out of another |
//! | [`lead`](mod@lead) | what to look at when a request ended with a final 4xx |
//! | [`outcome`] | the outcomes and reasons in the log and the metrics |

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod bytes;
pub(crate) mod client;
pub(crate) mod delivery;
pub(crate) mod demand;
pub(crate) mod export;
pub(crate) mod forward;
pub(crate) mod hold;
pub(crate) mod lead;
pub(crate) mod mask;
pub(crate) mod mix;
pub(crate) mod outcome;
pub(crate) mod proposal;
pub(crate) mod provider;
pub(crate) mod routing;
pub(crate) mod signature;
pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod visible;
