//! The secrets in use that webhooks are signed with, from the content of their files.
//!
//! Secrets are hot. Invariants: a file that cannot be used never replaces a secret that can; the last good one stays,
//! and the problem is reported. No problem, warning or change holds a part of a secret.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, Problem, SecretFile};
use crate::files::file::ReadError;
use crate::files::secret::{SecretBytes, SecretContent};
use crate::policy::signature::keyring::{Entry, Keyring, Owner};
use crate::policy::signature::secret::{MAX_SECRET, NoSecret, Secret};

/// The most that is read of a file: the longest secret and the end of its line.
pub(crate) const MOST: usize = MAX_SECRET + 2;

/// All secrets in use.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The secrets, for judging requests.
    pub keyring: Arc<Keyring>,
    /// Where each comes from, in the order of the keyring.
    pub sources: Vec<LiveSecret>,
}

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Its entry in the config.
    pub file: SecretFile,
    /// Whether this is the last good version, because the file is missing or cannot be used.
    pub last_good: bool,
    content: SecretBytes,
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// `None` when a file cannot be used and there is no earlier secret of it to keep.
    pub secrets: Option<Secrets>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
}

/// Why a file gives no secret.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Unread { path: String, error: ReadError },
    /// It holds something else.
    #[error(transparent)]
    Content(#[from] NoSecret),
}

impl LiveSecret {
    /// Whose it is, as text for people.
    #[must_use]
    pub fn owner(&self) -> String {
        match &self.file.owner {
            Owner::Account(key) => format!("api_key {key}"),
            Owner::Name(name) => format!("name {name}"),
        }
    }

    /// Whether its last day is over, in Unix seconds.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        self.file.end().is_some_and(|end| end <= now)
    }

    /// The warning about a secret whose last day is over.
    pub(crate) fn over(&self) -> String {
        let day = self.file.until.map_or(String::new(), |day| day.to_string());
        format!("the secret of {} no longer counts since the end of {day} (UTC); remove it", self.owner())
    }
}

/// The files that the secrets are read from.
pub(crate) fn files(config: &Config) -> BTreeSet<&Path> {
    config.signatures.secrets.iter().map(|one| one.file.as_path()).collect()
}

/// Makes the secrets from a view of the files; `before` is what is in use now.
pub(crate) fn load(
    files: &[SecretFile],
    contents: &[SecretContent],
    before: Option<&Secrets>,
    now: u64,
) -> Loaded {
    let mut loaded = Loaded::default();
    let before = before.map_or(&[][..], |before| &before.sources);
    // Read each one, so that the problems of all are reported.
    let read: Vec<Option<(LiveSecret, Entry)>> =
        files.iter().map(|file| read(file, contents, before, now, &mut loaded)).collect();
    let read: Option<(Vec<LiveSecret>, Vec<Entry>)> = read.into_iter().collect();
    loaded.secrets =
        read.map(|(sources, entries)| Secrets { keyring: Arc::new(Keyring::new(entries)), sources });
    loaded
}

/// The secret of a file, or the last good one.
fn read(
    file: &SecretFile,
    contents: &[SecretContent],
    before: &[LiveSecret],
    now: u64,
    loaded: &mut Loaded,
) -> Option<(LiveSecret, Entry)> {
    let seen = contents.iter().find(|seen| seen.path == file.file);
    let (content, secret, last_good) = match fresh(file, seen) {
        Ok((content, secret)) => (content, secret, false),
        Err(error) => {
            let old = before.iter().find(|old| old.file.file == file.file);
            // It was read before, so this fails only where it is to be read in another encoding now.
            let kept =
                old.and_then(|old| Some((old, Secret::read(old.content.bytes(), file.encoding).ok()?)));
            let stays = if kept.is_some() { "; the last good secret stays in use" } else { "" };
            loaded.problems.push(Problem::new(&file.at, format!("{error}{stays}")));
            let (old, secret) = kept?;
            (old.content.clone(), secret, true)
        }
    };
    let live = LiveSecret { file: file.clone(), last_good, content };
    let mut warn = |at: &str, message: String| loaded.warnings.push(Problem::new(at, message));
    if secret.is_short() {
        warn(&file.at, "is shorter than 16 bytes, so it can be found by trying".to_owned());
    }
    if let Some(mode) = seen.and_then(|seen| seen.open_to_all) {
        let message =
            format!("can be read by every user of this machine (mode {mode:03o}); chmod it to 600 or 640");
        warn(&file.at, message);
    }
    if live.is_over(now) {
        warn(&file.at.replace(".file", ".until"), live.over());
    }
    Some((live, Entry { owner: file.owner.clone(), secret, until: file.end() }))
}

fn fresh(file: &SecretFile, seen: Option<&SecretContent>) -> Result<(SecretBytes, Secret), Unusable> {
    let content = seen.map_or(Err(ReadError::NotSeen), |seen| seen.content.clone());
    let path = || file.file.display().to_string();
    let content = content.map_err(|error| Unusable::Unread { path: path(), error })?;
    let secret = Secret::read(content.bytes(), file.encoding)?;
    Ok((content, secret))
}

/// The differences between the files, as text for the log.
pub(crate) fn changes(old: &Secrets, new: &Secrets) -> Vec<String> {
    let mut changes = BTreeSet::new();
    for one in &new.sources {
        let path = one.file.file.display();
        // That the config names another file is told with the key.
        let Some(before) = old.sources.iter().find(|old| old.file.file == one.file.file) else { continue };
        if before.content != one.content {
            changes.insert(format!("secret={path} changed"));
        }
        match (before.last_good, one.last_good) {
            (false, true) => changes.insert(format!("secret={path} last good kept")),
            (true, false) => changes.insert(format!("secret={path} good again")),
            _ => false,
        };
    }
    changes.into_iter().collect()
}
