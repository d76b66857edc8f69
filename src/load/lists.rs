//! From the bytes of the range files to lists, one by one: each new, unchanged, held or last good.
//!
//! Invariant: a list that cannot be read admits nobody new and loses nobody. Its last good version
//! stays and its problems are reported; only a list that never was good stops a load.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Problem;
use crate::files::file::FileContent;
use crate::files::folder::Folder;
use crate::load::last_good::LastGood;
use crate::load::standing::Standing;
use crate::policy::address::difference::Prefixes;
use crate::policy::address::range_list;
use crate::state::held::{Held, Subject};
use crate::state::snapshot::{List, Snapshot};

/// Bad lines that are reported of one file. A file of another kind altogether has only bad lines,
/// and nobody reads a million of them.
const MAX_LINES: usize = 100;
/// Characters of one problem. A binary file may be a single line.
const MAX_MESSAGE: usize = 300;

/// What was known before a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// The snapshot that serves; `None` at the start.
    pub(crate) snapshot: Option<&'a Snapshot>,
    /// What an earlier run kept; counts only at the start.
    pub(crate) kept: &'a LastGood,
    /// Who wants the load.
    pub(crate) wish: Initiator,
    /// When it is.
    pub(crate) now: Instant,
}

/// Who wants files to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initiator {
    /// A manual reload: whatever the files say is accepted.
    Operator,
    /// Nobody: the change was noticed, and may be a writer's accident.
    Watcher,
}

/// What is remembered of each list.
pub(crate) type Standings = BTreeMap<String, Standing<Prefixes>>;

/// The lists of one load.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// Those that can be used.
    pub(crate) good: BTreeMap<String, Arc<List>>,
    /// Those that were not loaded for now.
    pub(crate) held: Vec<Held>,
    /// What is wrong with the others.
    pub(crate) problems: Vec<Problem>,
    /// Names of files that are there and were never good.
    pub(crate) refused: BTreeSet<String>,
    /// Whether the problems leave nothing to serve with.
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
                    Err(error) => {
                        resolver.lists.problems.push(problem(&seen.path, error.to_string()));
                        resolver.lists.fatal |= before.snapshot.is_none();
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
            // Not parsed again: what has not changed must cost nothing, however long it is.
            let same = !old.last_good && old.path == seen.path;
            let list = if same { Arc::clone(old) } else { again(old, &seen.path, false) };
            self.lists.good.insert(name.to_owned(), list);
            return;
        }
        let ranges = match range_list::parse(bytes) {
            Ok(ranges) => ranges,
            Err(lines) => return self.fall_back(name, seen, line_problems(&seen.path, &lines)),
        };
        if let Some(old) = old.filter(|_| self.before.wish == Initiator::Watcher) {
            let (serving, new) = (Prefixes::of(&old.ranges), Prefixes::of(&ranges));
            let standing = self.standings.get(name);
            let verdict = standing.and_then(|standing| standing.judge(&serving, &new, self.before.now));
            if let Some(verdict) = verdict {
                self.lists.held.push(Held::new(Subject::List(name.to_owned()), verdict, bytes));
                self.lists.good.insert(name.to_owned(), Arc::clone(old));
                return;
            }
        }
        let (name, path, text) = (name.to_owned(), seen.path.clone(), bytes.clone());
        self.lists.good.insert(name.clone(), Arc::new(List { name, path, ranges, text, last_good: false }));
    }

    /// The last good version, if the list ever had one.
    fn fall_back(&mut self, name: &str, seen: &FileContent, mut problems: Vec<Problem>) {
        if let Some(list) = self.before.last_good(name, &seen.path) {
            if let Some(last) = problems.last_mut() {
                last.message += &stays(&list);
            }
            self.lists.good.insert(name.to_owned(), list);
        } else {
            // A running gate goes on without a list that it never had and does not need.
            self.lists.fatal |= self.before.snapshot.is_none() || self.used.contains(name);
            self.lists.refused.insert(name.to_owned());
        }
        self.lists.problems.append(&mut problems);
    }

    /// The folder has no file of that name, or there is no folder.
    fn miss(&mut self, name: &str, folder: &Folder) {
        let path = folder.path.join(format!("{name}.txt"));
        let Some(list) = self.before.last_good(name, &path) else {
            // A readable folder without the file is for the config to answer for: it names the list.
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

impl<'a> Before<'a> {
    fn last_good(&self, name: &str, path: &Path) -> Option<Arc<List>> {
        if let Some(snapshot) = self.snapshot {
            let list = snapshot.lists.get(name)?;
            let same = list.last_good && list.path == path;
            return Some(if same { Arc::clone(list) } else { again(list, path, true) });
        }
        let kept = self.kept.list(name)?;
        Some(Arc::new(List {
            name: name.to_owned(),
            path: path.to_owned(),
            ranges: kept.ranges.clone(),
            text: kept.text.clone(),
            last_good: true,
        }))
    }

    fn names(&self) -> Vec<&'a str> {
        match self.snapshot {
            Some(snapshot) => snapshot.lists.keys().map(String::as_str).collect(),
            None => self.kept.names().collect(),
        }
    }
}

/// Remembers what became of the lists: `lists` serve now, `before` did.
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
        } else if before.wish == Initiator::Operator {
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

fn again(list: &List, path: &Path, last_good: bool) -> Arc<List> {
    Arc::new(List {
        name: list.name.clone(),
        path: path.to_owned(),
        ranges: list.ranges.clone(),
        text: list.text.clone(),
        last_good,
    })
}

fn stays(list: &List) -> String {
    format!("; the last good version stays ({} prefixes)", list.ranges.entries().len())
}

/// The name of a file is not one that a list can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a list is named by its file: letters, digits, '_', '.' and '-', a letter or digit first; rename the file"
)]
struct ListNameError;

fn list_name(path: &Path) -> Result<&str, ListNameError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if stem.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && stem.bytes().all(allowed) {
        return Ok(stem);
    }
    Err(ListNameError)
}

fn line_problems(path: &Path, lines: &[range_list::LineProblem]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = lines
        .iter()
        .take(MAX_LINES)
        .map(|line| match line.line {
            0 => problem(path, line.message.clone()),
            number => Problem::new(format!("{}:{number}", path.display()), shorten(&line.message)),
        })
        .collect();
    if lines.len() > MAX_LINES {
        let or_more = if lines.len() == range_list::MOST_PROBLEMS { " at least" } else { "" };
        let more = lines.len() - MAX_LINES;
        problems.push(problem(path, format!("{more} more bad lines{or_more}")));
    }
    problems
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

fn problem(path: &Path, message: String) -> Problem {
    Problem::new(path.display().to_string(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for name in ["sms", "nexmo-2018", "a.b_c", "1"] {
            assert_eq!(list_name(Path::new(&format!("r/{name}.txt"))), Ok(name));
        }
        for name in ["_a", "-a", "a b", "ü", "a,b", "a\u{7f}"] {
            assert!(list_name(Path::new(&format!("r/{name}.txt"))).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_reported_in_few_words() {
        let text = vec![b'x'; 10_000].into_iter().chain(b"\ny".repeat(500)).collect::<Vec<u8>>();
        let problems = line_problems(Path::new("a.txt"), &range_list::parse(&text).unwrap_err());
        assert_eq!(problems.len(), MAX_LINES + 1);
        assert!(problems[0].message.len() < MAX_MESSAGE + 10);
        assert_eq!(problems[MAX_LINES].to_string(), "a.txt: 401 more bad lines");
    }
}
