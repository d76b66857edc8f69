//! Webhooks as the vendor sends them: what `demo` and `simulate` send.
//!
//! | file | noun |
//! | --- | --- |
//! | [`samples`] | one sample for each form in the vendor's documents and SDKs |
//! | [`form`] | a query, a form or JSON, and one made of another |
//! | [`document`] | JSON whose members keep their order |
//! | [`fields`] | the fields of a message that somebody sets |
//! | [`series`] | further messages like a sample |
//! | [`signer`] | who signs them |
//! | [`request`] | one of them on the wire |
//! | [`connection`] | TCP, TLS, and who the sender seems to be |
//! | [`exchange`] | a request and its answer |

pub(crate) mod connection;
pub(crate) mod document;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod request;
pub(crate) mod samples;
pub(crate) mod series;
pub(crate) mod signer;
