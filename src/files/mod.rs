//! The disk: bytes of files and folders, bounded, and events when they change. Nothing here parses what it
//! reads.
//!
//! | file | noun |
//! | --- | --- |
//! | [`file`](mod@file) | one regular file, read once and bounded |
//! | [`folder`] | the ranges folder: which of its files are read, and how often |
//! | [`secret`] | a file whose bytes are overwritten when they are dropped |
//! | [`watch`] | notices that a file changed |
//! | [`places`] | the folders that are watched for that |
//! | [`settle`] | when to read again, and whether the content has settled |
//! | [`whole`] | a file that is written whole or not at all |

pub(crate) mod file;
pub(crate) mod folder;
mod places;
pub(crate) mod secret;
pub(crate) mod settle;
pub(crate) mod watch;
pub(crate) mod whole;
