//! Loading: from the bytes of files to one snapshot or every problem, and its publication.
//!
//! Invariant: a list that cannot be read admits nobody new and loses nobody; the last good one stays.
//!
//! | file | noun |
//! | --- | --- |
//! | [`loader`] | one load: look, understand, check, compile |
//! | [`file_view`] | what all files said at one moment |
//! | [`source`] | the configuration: a file, flags and variables |
//! | [`lists`] | range files become lists, each new, unchanged, held or last good |
//! | [`named`] | lists that the configuration names and that are not there |
//! | [`last_good`] | copies of the last good lists, for a restart with a broken file |
//! | [`serving`] | the configuration that serves, and what is remembered of its file |
//! | [`standing`] | how long it has served, and what a person approved |
//! | [`since`] | what differs from what was loaded last |
//! | [`reload`] | the thread that loads and publishes |
//! | [`pulse`] | whether that thread lives |
//! | [`drill`] | debug builds only: a reload that hangs or panics, for tests |

#[cfg(debug_assertions)]
mod drill;
pub(crate) mod file_view;
pub(crate) mod last_good;
pub(crate) mod lists;
pub(crate) mod loader;
mod named;
mod pulse;
pub(crate) mod reload;
mod serving;
pub(crate) mod since;
mod source;
mod standing;
#[cfg(test)]
mod testkit;
