//! The configuration: makes one checked [`Config`] from YAML text, flags and environment variables.
//!
//! No I/O happens here: the input is text, the output a `Config` or every [`Problem`], each with its key
//! path. The files that paths name (range files, certificates) are opened by `load`, which also checks
//! whether a named list exists. Invariant: a `Config` is complete, with all defaults filled in, so that no
//! later code asks whether a key was set.
//!
//! | file | noun |
//! | --- | --- |
//! | [`model`] | the values of a configuration |
//! | [`parse`](mod@parse) | from text and overrides to a [`Config`] or every [`Problem`] |
//! | [`sections`] | one file for each section of the YAML: its keys, defaults and ranges |
//! | [`read`] | YAML nodes, units, host names, and the report of problems |
//! | [`keys`] | the table of all keys: names, defaults, values, meanings, flags |
//! | [`overrides`] | flags and environment variables |
//! | [`variables`] | variables that begin like those of the gate, and those that nobody knows |
//! | [`cold`] | keys whose change needs a restart |
//! | [`bounds`] | how large and how deep a text may be |

mod bounds;
pub(crate) mod cold;
pub(crate) mod keys;
pub(crate) mod model;
pub(crate) mod overrides;
pub mod parse;
pub(crate) mod read;
mod sections;
#[cfg(test)]
mod tests;
pub(crate) mod variables;

pub(crate) use bounds::{MAX_TEXT, check as check_cost};
pub use model::*;
pub use overrides::Overrides;
pub use parse::{Parsed, parse};
pub(crate) use read::error::Problem;
pub(crate) use read::units;
pub(crate) use sections::listener::PORT;
pub(crate) use sections::lists::{is_name as is_list_name, list_name};
pub(crate) use sections::signatures::{CLOCK_SKEW, CREDENTIALS, MAX_AGE, looks_like_secret};
