//! Stand-in for the composition root.
use std::path::PathBuf;

use crate::config::Overrides;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong, one problem a line.
    pub lines: Vec<String>,
}

/// Serves.
///
/// # Errors
/// Always: this is a stand-in.
pub fn serve(_config: Option<PathBuf>, _overrides: Overrides) -> Result<(), Failure> {
    Err(Failure { code: 1, lines: vec!["not there yet".to_owned()] })
}
