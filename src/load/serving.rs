//! The configuration in use, and what was read from its file.

use std::path::Path;
use std::time::Instant;

use crate::config::{Config, Parsed};
use crate::load::before::{Before, Initiator};
use crate::load::standing::Standing;
use crate::policy::hold::Outline;
use crate::state::held::{Held, Subject};

/// The config in use.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) config: Config,
    /// The config as its file has it, before the values of cold keys were restored.
    from_file: Config,
    pub(crate) outline: Outline,
    standing: Standing<Outline>,
}

impl Serving {
    /// The hold for a new text of the file, if it looks like an accident.
    pub(crate) fn hold(&self, path: &Path, parsed: &Parsed, now: Instant) -> Option<Held> {
        let mut verdict = self.standing.judge(&self.outline, &parsed.outline, now)?;
        if self.from_file == parsed.config {
            verdict = verdict.of_same_meaning()?;
        }
        Some(Held::new(Subject::Config(path.to_owned()), verdict, parsed.outline.text.as_bytes()))
    }

    /// The config as its file had it when it was loaded, instead of a held text.
    pub(crate) fn parsed(&self) -> Parsed {
        Parsed { config: self.from_file.clone(), warnings: Vec::new(), outline: self.outline.clone() }
    }

    /// The config in use from now on, with the content of its file; `held` when a newer text of the file is
    /// held.
    pub(crate) fn next(
        old: Option<Self>,
        config: Config,
        from_file: (Config, Outline),
        held: bool,
        before: Before<'_>,
    ) -> Self {
        let now = before.now;
        let (from_file, outline) = from_file;
        let mut standing = Standing::new(now);
        if let Some(old) = old.filter(|_| before.initiator == Initiator::Watcher) {
            standing = old.standing;
            if held {
                standing.wait(now);
            } else if old.outline == outline {
                standing.stand(now);
            } else {
                standing.change(old.outline, &outline, now);
            }
        }
        Self { config, from_file, outline, standing }
    }
}
