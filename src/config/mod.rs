//! The configuration: from YAML text, flags and environment variables to one checked [`Config`].
//!
//! No I/O happens here: text in, a `Config` or every [`Problem`] out, each with its key path. What a
//! path points to (range files, certificates) is opened by `load`, which also knows whether a list
//! of that name exists. Invariant: a `Config` is complete, defaults filled in, and means the same
//! whoever reads it; nothing later asks "was that key set".
//!
//! | file | noun |
//! | --- | --- |
//! | [`model`] | what a configuration can say |
//! | [`parse`](mod@parse) | from text and overrides to a [`Config`] or every [`Problem`] |
//! | [`sections`] | one file for each section of the YAML: its keys, defaults and ranges |
//! | [`read`] | YAML nodes, units, host names, and the report of problems |
//! | [`keys`] | the table of all keys: names, defaults, values, meanings, flags |
//! | [`overrides`] | flags and environment variables |
//! | [`bounds`] | how large and how deep a text may be |

mod bounds;
pub(crate) mod keys;
pub(crate) mod model;
pub(crate) mod overrides;
pub mod parse;
pub(crate) mod read;
mod sections;
#[cfg(test)]
mod tests;

pub(crate) use bounds::{MAX_TEXT, check as check_cost};
pub use model::*;
pub use overrides::Overrides;
pub use parse::{Parsed, parse};
pub(crate) use read::error::Problem;
