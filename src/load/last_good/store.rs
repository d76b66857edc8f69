//! The copies of this run: written after each publication, each whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, Problem};
use crate::files::file::read;
use crate::files::folder::MOST_BYTES;
use crate::files::whole;
use crate::load::last_good::{CONFIG, OWN, lists_folder, own, warning};
use crate::state::snapshot::List;

pub(super) const OWN_HEAD: &str = "# nexmo-gate has written the files of these lists, and removes no others";

/// Writes the copies.
#[derive(Debug)]
pub(crate) struct LastGoodStore {
    folder: Option<PathBuf>,
    /// The copies that this process has written or found equal.
    written: BTreeMap<String, Arc<List>>,
}

impl LastGoodStore {
    /// Without a state folder nothing is kept.
    pub(crate) fn new(state: Option<&Path>) -> Self {
        Self { folder: state.map(lists_folder), written: BTreeMap::new() }
    }

    /// Makes the copies equal to what was published. Returns warnings.
    pub(crate) fn store(
        &mut self,
        lists: &BTreeMap<String, Arc<List>>,
        ranges: &Path,
        config: &str,
    ) -> Vec<Problem> {
        let Some(folder) = self.folder.clone() else { return Vec::new() };
        if is_same(&folder, ranges) {
            let message =
                "its folder `lists` is the folder of the range files, so nothing is kept; set another folder";
            return vec![Problem::new("state", message)];
        }
        match self.replace(&folder, lists, config) {
            Ok(foreign) => foreign.iter().map(|name| left_alone(&folder, name)).collect(),
            Err(error) => vec![warning(&folder, "kept", &error)],
        }
    }

    /// Returns the lists that were not copied, because a file that is not ours has their name.
    fn replace(
        &mut self,
        folder: &Path,
        lists: &BTreeMap<String, Arc<List>>,
        config: &str,
    ) -> io::Result<Vec<String>> {
        // Create only the last folder: a missing state folder is a mistyped path or a missing mount, and
        // copies written there would be lost.
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let known = own(folder);
        let before = known.clone().unwrap_or_default();
        let is_foreign = |name: &String| {
            let there = || fs::symlink_metadata(folder.join(format!("{name}.txt"))).is_ok();
            known.as_ref().is_some_and(|known| !known.contains(name)) && there()
        };
        let foreign: Vec<String> = lists.keys().filter(|name| is_foreign(name)).cloned().collect();
        let now: BTreeSet<String> = lists.keys().filter(|name| !foreign.contains(name)).cloned().collect();
        let mut changed = false;
        if known.is_none() || !now.is_subset(&before) {
            write_own(folder, before.union(&now))?;
            changed = true;
        }
        for (name, list) in lists.iter().filter(|(name, _)| now.contains(*name)) {
            if self.written.get(name).is_some_and(|old| Arc::ptr_eq(old, list) || old.text == list.text) {
                continue;
            }
            let path = folder.join(format!("{name}.txt"));
            if read(&path, MOST_BYTES).as_deref() != Ok(&*list.text) {
                whole::write(folder, &format!("{name}.txt"), &list.text, 0o666)?;
                changed = true;
            }
            self.written.insert(name.clone(), Arc::clone(list));
        }
        self.written.retain(|name, _| now.contains(name));
        for name in before.difference(&now) {
            match fs::remove_file(folder.join(format!("{name}.txt"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => changed = true,
            }
        }
        if !before.is_subset(&now) {
            write_own(folder, now.iter())?;
        }
        if read(&folder.join(CONFIG), config::MAX_TEXT).as_deref() != Ok(config.as_bytes()) {
            // Readable by the owner only: the configuration may hold more than the lists do.
            whole::write(folder, CONFIG, config.as_bytes(), 0o600)?;
            changed = true;
        }
        if changed {
            whole::sync_folder(folder)?;
        }
        Ok(foreign)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(one).is_some_and(|one| id(other) == Some(one))
}

fn left_alone(folder: &Path, name: &str) -> Problem {
    let path = folder.join(format!("{name}.txt"));
    let message = format!(
        "{} was not written by this program and is left alone, so the list {name} is not kept; move the file away",
        path.display()
    );
    Problem::new("state", message)
}

fn write_own<'a>(folder: &Path, names: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let text: String = std::iter::once(OWN_HEAD)
        .chain(names.map(String::as_str))
        .fold(String::new(), |text, line| text + line + "\n");
    whole::write(folder, OWN, text.as_bytes(), 0o666)
}
