//! From the bytes of the range files to lists, one by one: each new, unchanged, held or last good.
//!
//! Invariant: a list that cannot be read admits nobody new and loses nobody. Its last good version
//! stays and its problems are reported; only a list that is named and never was good stops a load. What is wrong with a
//! file that nothing names is a warning: a README in the folder decides nothing.
//!
//! What is said of a file that cannot be used is in [`bad_list`], and of a review that cannot have been in [`reviewed`].

mod bad_list;
mod reviewed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::bad_list::{line_problems, list_name, problem, unnamed};
pub(crate) use self::reviewed::to_come;
use crate::config::Problem;
use crate::files::file::FileContent;
use crate::files::folder::Folder;
use crate::load::before::{Before, Initiator, again};
use crate::load::standing::Standing;
use crate::policy::address::difference::Prefixes;
use crate::policy::address::range_list;
use crate::state::held::{Held, Subject};
use crate::state::snapshot::List;

/// The history of each list.
pub(crate) type Standings = BTreeMap<String, Standing<Prefixes>>;

/// The lists of one load.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// Those that can be used.
    pub(crate) good: BTreeMap<String, Arc<List>>,
    /// Changes that were not loaded, because they look like accidents.
    pub(crate) held: Vec<Held>,
    /// What is wrong with the files.
    pub(crate) problems: Vec<Problem>,
    /// What is wrong with files that nothing names, one for each file.
    pub(crate) warnings: Vec<Problem>,
    /// Lists whose files exist, but which never had a good version.
    pub(crate) refused: BTreeSet<String>,
    /// Whether the problems prevent a new snapshot.
    pub(crate) fatal: bool,
}

/// Reads every list of the folder. `used` are the names that the config needs.
pub(crate) fn resolve(
    folder: &Folder,
    before: Before<'_>,
    used: &BTreeSet<&str>,
    standings: &Standings,
) -> Lists {
    let mut resolver = Resolver { before, used, standings, lists: Lists::default() };
    let mut absent: BTreeSet<&str> = used.clone();
    match &folder.files {
        Ok(files) => {
            for seen in files {
                match list_name(&seen.path) {
                    Ok(name) => {
                        absent.remove(name);
                        resolver.read(name, seen);
                    }
                    // Where a config means this file by such a name, `unknown_lists` reports the name.
                    Err(error) => {
                        resolver.lists.warnings.push(unnamed(vec![problem(&seen.path, error.to_string())]));
                    }
                }
            }
        }
        Err(error) => {
            resolver.lists.problems.push(problem(&folder.path, error.to_string()));
            absent.extend(before.names());
        }
    }
    for name in absent {
        resolver.miss(name, folder);
    }
    resolver.lists
}

struct Resolver<'a> {
    before: Before<'a>,
    used: &'a BTreeSet<&'a str>,
    standings: &'a Standings,
    lists: Lists,
}

impl Resolver<'_> {
    /// The folder has a file of that name.
    fn read(&mut self, name: &str, seen: &FileContent) {
        let old = self.before.snapshot.and_then(|snapshot| snapshot.lists.get(name));
        let bytes = match &seen.content {
            Ok(bytes) => bytes,
            Err(error) => return self.fall_back(name, seen, vec![problem(&seen.path, error.to_string())]),
        };
        if let Some(old) = old.filter(|old| old.text == *bytes) {
            // An unchanged file is not parsed again, so that its size costs nothing.
            let same = !old.last_good && old.path == seen.path;
            let list = if same { Arc::clone(old) } else { again(old, &seen.path, false) };
            self.lists.good.insert(name.to_owned(), list);
            return;
        }
        let ranges = match range_list::parse(bytes) {
            Ok(ranges) => ranges,
            Err(lines) => return self.fall_back(name, seen, line_problems(&seen.path, &lines)),
        };
        if let Some(old) = old.filter(|_| self.before.initiator == Initiator::Watcher) {
            let (serving, new) = (Prefixes::of(&old.ranges), Prefixes::of(&ranges));
            let standing = self.standings.get(name);
            let verdict = standing.and_then(|standing| standing.judge(&serving, &new, self.before.now));
            if let Some(verdict) = verdict {
                self.lists.held.push(Held::new(Subject::List(name.to_owned()), verdict, bytes));
                self.lists.good.insert(name.to_owned(), Arc::clone(old));
                return;
            }
        }
        let list = List::read(name, &seen.path, bytes, ranges, old.map(|old| &**old));
        self.lists.good.insert(name.to_owned(), Arc::new(list));
    }

    /// The last good version, if the list ever had one. What is wrong is a warning where nothing names the list.
    fn fall_back(&mut self, name: &str, seen: &FileContent, mut problems: Vec<Problem>) {
        let is_named = self.used.contains(name);
        if let Some(list) = self.before.last_good(name, &seen.path) {
            if let Some(last) = problems.last_mut() {
                last.message += &stays(&list);
            }
            self.lists.good.insert(name.to_owned(), list);
        } else {
            self.lists.fatal |= is_named;
            self.lists.refused.insert(name.to_owned());
        }
        if is_named {
            self.lists.problems.append(&mut problems);
        } else {
            self.lists.warnings.push(unnamed(problems));
        }
    }

    /// The folder has no file of that name, or there is no folder.
    fn miss(&mut self, name: &str, folder: &Folder) {
        let path = folder.path.join(format!("{name}.txt"));
        let Some(list) = self.before.last_good(name, &path) else {
            // If the folder can be read, the config is at fault: `unknown_lists` reports the name.
            if folder.files.is_err() {
                self.lists.fatal = true;
                self.lists.refused.insert(name.to_owned());
            }
            return;
        };
        if folder.files.is_ok() {
            let message = format!("the file is gone, and the config still names the list{}", stays(&list));
            self.lists.problems.push(problem(&path, message));
        }
        self.lists.good.insert(name.to_owned(), list);
    }
}

/// Updates the history of the lists after a load: `lists` are in use now, `before` were.
pub(crate) fn remember(
    standings: &mut Standings,
    lists: &BTreeMap<String, Arc<List>>,
    held: &[Held],
    before: Before<'_>,
) {
    let now = before.now;
    standings.retain(|name, _| lists.contains_key(name));
    for (name, list) in lists {
        let old = before.snapshot.and_then(|snapshot| snapshot.lists.get(name));
        let (Some(standing), Some(old)) = (standings.get_mut(name), old) else {
            standings.insert(name.clone(), Standing::new(now));
            continue;
        };
        if list.last_good || held.iter().any(|held| held.subject == Subject::List(name.clone())) {
            standing.wait(now);
        } else if before.initiator == Initiator::Operator {
            *standing = Standing::new(now);
        } else if old.text == list.text {
            standing.stand(now);
        } else {
            let (from, to) = (Prefixes::of(&old.ranges), Prefixes::of(&list.ranges));
            if from == to {
                standing.stand(now);
            } else {
                standing.change(from, &to, now);
            }
        }
    }
}

fn stays(list: &List) -> String {
    format!("; the last good version stays ({} prefixes)", list.ranges.entries().len())
}
