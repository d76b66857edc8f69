//! The disk: bytes of files and folders, bounded, and news that they changed. Nothing here understands what it reads.
//!
//! | file | noun |
//! | --- | --- |
//! | [`file`](mod@file) | one regular file, read once and bounded |
//! | [`folder`] | the ranges folder: which of its files are read, and how often |
//! | [`watch`] | notice that a file changed |
//! | [`places`] | the folders that are watched for it |
//! | [`settle`] | when to look again, and whether what was seen has settled |

pub(crate) mod file;
pub(crate) mod folder;
mod places;
pub(crate) mod settle;
pub(crate) mod watch;
