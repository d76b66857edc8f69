//! The secrets in use that webhooks are signed with, from the content of their files.
//!
//! Secrets are hot. Invariants: a file that cannot be used never replaces a secret that can; the last good one stays,
//! and the problem is reported. No problem, warning or change holds a part of a secret.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, Problem, Route, SecretFile};
use crate::files::file::ReadError;
use crate::files::secret::{SecretBytes, SecretContent};
use crate::policy::demand::Need;
use crate::policy::signature::keyring::{Asked, Entry, Keyring, Owner};
use crate::policy::signature::secret::{MAX_SECRET, NoSecret, Secret};
use crate::state::stats::secret_use::SecretUse;

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
    /// How often it was used; the count goes on over reloads that leave the secret as it is.
    pub uses: Arc<SecretUse>,
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

impl Secrets {
    /// Counts a signature that was made with the secret at this place of the keyring; `now` is in Unix seconds.
    pub(crate) fn count_use(&self, place: usize, now: u64) {
        if let Some(one) = self.sources.get(place) {
            one.uses.count(now);
        }
    }

    /// The other secrets of the same owner.
    pub(crate) fn others_of<'s>(&'s self, one: &'s LiveSecret) -> impl Iterator<Item = &'s LiveSecret> {
        let same = move |other: &&LiveSecret| other.file.owner == one.file.owner;
        self.sources.iter().filter(same).filter(move |other| other.file.file != one.file.file)
    }

    /// Whether a secret that still counts has made no signature for days, while another of its owner has.
    pub(crate) fn is_left_behind(&self, one: &LiveSecret, now: u64) -> bool {
        let is_in_use = || self.others_of(one).any(|other| !other.is_over(now) && other.uses.is_busy(now));
        !one.is_over(now) && one.uses.is_idle(now) && is_in_use()
    }
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
            let is_its = |old: &&LiveSecret| old.file.file == file.file && old.file.owner == file.owner;
            let old = before.iter().find(is_its);
            // It was read before, so this fails only where it is to be read in another encoding now.
            let kept =
                old.and_then(|old| Some((old, Secret::read(old.content.bytes(), file.encoding).ok()?)));
            let stays = if kept.is_some() { "; the last good secret stays in use" } else { "" };
            loaded.problems.push(Problem::new(&file.at, format!("{error}{stays}")));
            let (old, secret) = kept?;
            (old.content.clone(), secret, true)
        }
    };
    // A secret that was changed in its file is another one: whether that is used is what an operator wants to know.
    let is_same = |old: &&LiveSecret| {
        old.file.owner == file.owner && old.file.file == file.file && old.content == content
    };
    let uses = before.iter().find(is_same).map(|old| Arc::clone(&old.uses));
    let uses = uses.unwrap_or_else(|| Arc::new(SecretUse::since(now)));
    let live = LiveSecret { file: file.clone(), last_good, uses, content };
    let mut warn = |at: &str, message: String| loaded.warnings.push(Problem::new(at, message));
    if secret.is_short() {
        warn(&file.at, "is shorter than 16 bytes, so it can be found by trying".to_owned());
    }
    if let Some(mode) = seen.and_then(|seen| seen.mode_if_world_readable) {
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

/// The routes that require a signature, and for which no secret counts any more: they refuse everything.
pub(crate) fn dead_ends(routes: &[Route], secrets: &Secrets, now: u64) -> Vec<Problem> {
    let counting = |route: &Route| {
        let named = &route.signature.secrets;
        let asked = if named.is_empty() { Asked::AnyAccount } else { Asked::Names(named, None) };
        secrets.keyring.of(asked).any(|(_, entry)| entry.counts(now))
    };
    let required = routes.iter().enumerate().filter(|(_, route)| route.signature.need == Need::Require);
    let dead = required.filter(|(_, route)| !counting(route));
    dead.map(|(place, route)| {
        let message = format!(
            "every request of {} is refused: it requires a signature, and the `until` of each secret that it asks for is over; add \
             the account's new secret",
            route.label()
        );
        Problem::new(format!("routes[{place}].signature"), message)
    })
    .collect()
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::policy::address::range_list::Day;
    use crate::policy::signature::secret::Encoding;

    const WEEK: u64 = 7 * 86_400;
    const NOW: u64 = 1_800_000_000;

    fn file(folder: &Path, name: &str, account: &str, until: Option<&str>) -> SecretFile {
        SecretFile {
            at: "signatures.secrets[0].file".to_owned(),
            owner: Owner::Account(account.to_owned()),
            file: folder.join(name),
            until: until.and_then(Day::parse),
            encoding: Encoding::Text,
        }
    }

    fn loaded(files: &[SecretFile], before: Option<&Secrets>, now: u64) -> Secrets {
        let contents: Vec<_> = files.iter().map(|one| SecretContent::at(&one.file, MOST)).collect();
        load(files, &contents, before, now).secrets.unwrap()
    }

    fn written(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), format!("the secret of {name}")).unwrap();
        }
        let path = folder.path().to_owned();
        (folder, path)
    }

    #[test]
    fn uses_go_on_over_a_reload_and_begin_again_with_another_secret() {
        let (_folder, path) = written(&["a", "b"]);
        let files = [file(&path, "a", "a", None), file(&path, "b", "a", None)];
        let first = loaded(&files, None, NOW);
        first.count_use(0, NOW + 1);
        first.count_use(1, NOW + 2);
        first.count_use(1, NOW + 3);
        first.count_use(2, NOW);
        let hits =
            |secrets: &Secrets| secrets.sources.iter().map(|one| one.uses.hits()).collect::<Vec<u64>>();
        // In another order, and with another end.
        let turned = [file(&path, "b", "a", Some("2030-01-01")), file(&path, "a", "a", None)];
        let second = loaded(&turned, Some(&first), NOW + 10);
        assert_eq!(hits(&second), [2, 1]);
        // A request that began before the reload counts too.
        first.count_use(1, NOW + 4);
        assert_eq!((hits(&second), second.sources[0].uses.last()), (vec![3, 1], Some(NOW + 4)));
        std::fs::remove_file(path.join("b")).unwrap();
        std::fs::write(path.join("a"), "another secret of a").unwrap();
        let third = loaded(&turned, Some(&second), NOW + 20);
        assert_eq!((hits(&third), third.sources[0].last_good), (vec![3, 0], true));
        let other = loaded(&[file(&path, "a", "b", None)], Some(&third), NOW + 30);
        assert_eq!(hits(&other), [0], "the secret of another account");
    }

    #[test]
    fn a_secret_is_left_behind_when_only_another_of_its_owner_is_used() {
        let (_folder, path) = written(&["new", "old", "over", "other"]);
        let files = [
            file(&path, "new", "a", None),
            file(&path, "old", "a", None),
            file(&path, "over", "a", Some("2020-12-31")),
            file(&path, "other", "b", None),
        ];
        let secrets = loaded(&files, None, NOW);
        let left = |now: u64| -> Vec<bool> {
            secrets.sources.iter().map(|one| secrets.is_left_behind(one, now)).collect()
        };
        assert_eq!(left(NOW + WEEK), [false; 4], "none of them is used");
        secrets.count_use(0, NOW + WEEK);
        assert_eq!(left(NOW + WEEK - 1), [false; 4], "not yet");
        assert_eq!(left(NOW + WEEK), [false, true, false, false]);
        secrets.count_use(1, NOW + WEEK);
        assert_eq!(left(NOW + WEEK), [false; 4]);
    }
}
