//! The configuration that serves, and what is remembered of its file.

use std::path::Path;
use std::time::Instant;

use crate::config::{Config, Parsed};
use crate::load::lists::{Before, Initiator};
use crate::load::standing::Standing;
use crate::policy::hold::Outline;
use crate::state::held::{Held, Subject};

/// The config that serves.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) config: Config,
    /// What its file said, before what cannot change while the process runs was put back.
    said: Config,
    pub(crate) outline: Outline,
    standing: Standing<Outline>,
}

impl Serving {
    /// Whether to hold what the file says now.
    pub(crate) fn hold(&self, path: &Path, parsed: &Parsed, now: Instant) -> Option<Held> {
        let mut verdict = self.standing.judge(&self.outline, &parsed.outline, now)?;
        if self.said == parsed.config {
            verdict = verdict.of_same_meaning()?;
        }
        Some(Held::new(Subject::Config(path.to_owned()), verdict, parsed.outline.text.as_bytes()))
    }

    /// As if its file still said it.
    pub(crate) fn parsed(&self) -> Parsed {
        Parsed { config: self.said.clone(), warnings: Vec::new(), outline: self.outline.clone() }
    }

    /// The config that serves from now on, and what its file said; `held` when that is what it said before.
    pub(crate) fn next(
        old: Option<Self>,
        config: Config,
        said: (Config, Outline),
        held: bool,
        before: Before<'_>,
    ) -> Self {
        let now = before.now;
        let (said, outline) = said;
        let mut standing = Standing::new(now);
        if let Some(old) = old.filter(|_| before.wish == Initiator::Watcher) {
            standing = old.standing;
            if held {
                standing.wait(now);
            } else if old.outline == outline {
                standing.stand(now);
            } else {
                standing.change(old.outline, &outline, now);
            }
        }
        Self { config, said, outline, standing }
    }
}
