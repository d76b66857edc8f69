//! What somebody proposes for a list: reading documents of unknown shape, the range file that they become, how it differs
//! from the list, and what speaks against it.
//!
//! Which prefixes a document means is decided by its author alone. Invariants: a prefix that is read stands in the
//! document as it is; nothing in it that looks like an address is skipped; and no line of a range file that is made here
//! says that a person has reviewed it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`document`] | bytes become prefixes, or every reason why not |
//! | [`json`] | the tree of a JSON text |
//! | [`walk`] | the addresses in such a tree, each with its place |
//! | [`look`] | whether a string is an address, or looks like one |
//! | [`pair`] | an object that says one range in two members |
//! | [`group`] | the parts of a document, of which some are chosen |
//! | [`refusal`] | why a document is not read |
//! | [`file`](mod@file) | the range file |
//! | [`moves`] | what was added, removed, widened, narrowed |
//! | [`guard`] | what speaks against a publication |
//! | [`reserved`] | addresses that no sender on the internet has |

pub(crate) mod document;
pub(crate) mod file;
mod group;
pub(crate) mod guard;
mod json;
mod look;
pub(crate) mod moves;
mod pair;
pub(crate) mod refusal;
mod reserved;
mod walk;
