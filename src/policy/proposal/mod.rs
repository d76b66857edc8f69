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
//! | [`file`](mod@file) | the range file |
//! | [`moves`] | what was added, removed, widened, narrowed |
//! | [`addition`] | whether a change may be published without a person |
//! | [`guard`] | what speaks against a publication |

pub(crate) mod addition;
pub(crate) mod document;
pub(crate) mod file;
pub(crate) mod guard;
pub(crate) mod moves;
