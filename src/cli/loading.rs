//! The configuration and every range file, read once, for commands that do not serve.

use std::path::PathBuf;

use crate::cli::flags::Settings;
use crate::cli::{BAD_CONFIG, Failure};
use crate::config::Problem;
use crate::load::last_good::LastGood;
use crate::load::loader::{Loaded, Loader};
use crate::load::since::{Change, since};
use crate::state::snapshot::Snapshot;

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The file of the configuration, when there is one.
    pub config: Option<PathBuf>,
    /// What would serve.
    pub snapshot: Snapshot,
    /// What is odd but works.
    pub warnings: Vec<Problem>,
    /// What is different from what a gate with this state folder loaded last.
    pub since: Vec<Change>,
}

/// Reads. Kept copies of lists do not count here: the question is what the files say.
///
/// # Errors
/// Every problem of the configuration and of the range files.
pub(crate) fn read(settings: &Settings) -> Result<Read, Failure> {
    let config = settings.file.path();
    let mut loader = Loader::new(config.clone(), settings.overrides());
    let look = loader.look();
    let mut read = judge(config, loader.load(&look, None, &LastGood::default()))?;
    if let Some(state) = &read.snapshot.config.state {
        // Whoever may not read them, or has none, is told nothing of it.
        let (kept, _) = LastGood::read(state);
        read.since = since(&kept, &loader, &read.snapshot);
    }
    Ok(read)
}

/// What a load means to a person who checks the files: any problem is a failure.
pub(super) fn judge(config: Option<PathBuf>, loaded: Loaded) -> Result<Read, Failure> {
    match loaded.snapshot {
        Some(snapshot) if loaded.problems.is_empty() => {
            Ok(Read { config, snapshot, warnings: loaded.warnings, since: Vec::new() })
        }
        _ => {
            let mut lines: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
            if lines.is_empty() {
                lines.push("nothing to serve with was found".to_owned());
            }
            Err(Failure { code: BAD_CONFIG, lines })
        }
    }
}
