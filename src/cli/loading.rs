//! Reads the configuration and every range file once, for commands that do not serve.

use std::path::PathBuf;

use crate::cli::flags::Settings;
use crate::cli::{BAD_CONFIG, Failure};
use crate::config::Problem;
use crate::load::loader::{Loaded, Loader};
use crate::load::since::{Change, since};
use crate::state::snapshot::Snapshot;

/// The result.
#[derive(Debug)]
pub(crate) struct Read {
    /// The path of the configuration file, if there is one.
    pub config: Option<PathBuf>,
    /// The snapshot that a gate would use.
    pub snapshot: Snapshot,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
    /// The differences from what a gate with this state folder loaded last.
    pub since: Vec<Change>,
}

/// Reads all files. Stored copies of lists are not used: the question is what the files contain.
///
/// # Errors
/// Every problem of the configuration and of the range files.
pub(crate) fn read(settings: &Settings) -> Result<Read, Failure> {
    let config = settings.file.path();
    let mut loader = Loader::new(config.clone(), settings.overrides());
    let (outcome, kept) = loader.inspect();
    let mut read = judge(config, outcome)?;
    read.since = since(&kept, &loader, &read.snapshot);
    Ok(read)
}

/// The result for an operator who checks the files: any problem is a failure.
pub(super) fn judge(config: Option<PathBuf>, loaded: Loaded) -> Result<Read, Failure> {
    match loaded.snapshot {
        Some(snapshot) if loaded.problems.is_empty() => {
            Ok(Read { config, snapshot, warnings: loaded.warnings, since: Vec::new() })
        }
        _ => {
            let mut lines: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
            if lines.is_empty() {
                lines.push("the configuration could not be loaded".to_owned());
            }
            Err(Failure { code: BAD_CONFIG, lines })
        }
    }
}
