//! Turns the bytes of files into one snapshot, or into a list of every problem, and publishes the snapshot.
//!
//! No HTTP here. Invariant: a list that cannot be read admits nobody new and loses nobody, because its last
//! good version stays in use.
//!
//! | file | noun |
//! | --- | --- |
//! | [`loader`] | one load: read, parse, check, compile |
//! | [`file_view`] | the content of all files at one moment |
//! | [`source`] | the configuration: a file, flags and variables |
//! | [`lists`] | range files become lists, each new, unchanged, held or last good |
//! | [`before`] | what is in use before a load, and who asked for it |
//! | [`named`] | the lists that the configuration names, and which of them are missing |
//! | [`last_good`] | copies of the last good lists, for a restart with a broken file |
//! | [`last_hits`] | the file of when prefixes were hit last |
//! | [`serving`] | the configuration in use, and what was read from its file |
//! | [`standing`] | how long a version has been in use, and what an operator approved |
//! | [`since`] | what differs from the last load of an earlier run |
//! | [`proposals`] | what is proposed for a list, what was published before, and how a list is published |
//! | [`reload`] | the thread that loads and publishes |
//! | [`pulse`] | whether that thread is alive |
//! | [`strangers`] | the file of clients in no list that proved themselves |
//! | [`drill`] | debug builds only: a reload that hangs or panics, for tests |

pub(crate) mod before;
#[cfg(debug_assertions)]
mod drill;
pub(crate) mod file_view;
pub(crate) mod last_good;
pub(crate) mod last_hits;
pub(crate) mod lists;
pub(crate) mod loader;
mod named;
pub(crate) mod proposals;
mod pulse;
pub(crate) mod reload;
mod serving;
pub(crate) mod since;
mod source;
mod standing;
pub(crate) mod strangers;
#[cfg(test)]
mod testkit;
