//! Answers as text for people: on the command line, and the numbers of the page.
//!
//! | file | noun |
//! | --- | --- |
//! | [`status`] | what is loaded, and the counts and states |
//! | [`explanation`] | why an address is admitted or denied |
//! | [`signature`] | what became of a signature, step by step |
//! | [`quantity`] | numbers, times and counts as people read them |

pub(crate) mod explanation;
pub(crate) mod quantity;
pub(crate) mod signature;
pub(crate) mod status;

/// Stands for an absent value.
const NOTHING: &str = "-";
