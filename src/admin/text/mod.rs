//! Answers in words, for people: on the command line, and for the numbers of the page too.
//!
//! | file | noun |
//! | --- | --- |
//! | [`status`] | what is loaded and how it is doing |
//! | [`explanation`] | why an address is admitted or denied |
//! | [`quantity`] | numbers, times and counts as people read them |

pub(crate) mod explanation;
pub(crate) mod quantity;
pub(crate) mod status;

/// What stands where there is nothing.
const NOTHING: &str = "-";
