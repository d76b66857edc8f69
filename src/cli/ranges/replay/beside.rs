//! What a list is judged with: the other lists of the routes and of `trusted_proxies`, as the gate has them.
//!
//! Invariant: a list whose file is broken is taken as it was when it was good, because so does the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::ranges::setting::Setting;
use crate::config::Trusted;
use crate::files::file::read;
use crate::files::folder::MOST_BYTES;
use crate::load::last_good::LastGood;
use crate::load::proposals::history::read_history;
use crate::load::proposals::publication::{Digests, digests};
use crate::policy::address::range_list::{RangeList, parse};

/// The other lists.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// By name.
    pub lists: BTreeMap<String, RangeList>,
    /// Where one is not what its file says.
    pub notes: Vec<String>,
}

/// What the files of the other lists hold. Whoever publishes compares with it, so it is asked before the lists are read.
pub(crate) fn digests_of(setting: &Setting) -> Digests {
    digests(&setting.places, names(setting))
}

/// The other lists.
pub(crate) fn beside(setting: &Setting) -> Beside {
    let mut beside = Beside::default();
    let mut last_good = None;
    for name in names(setting) {
        let path = setting.places.live(name);
        let bytes = read(&path, MOST_BYTES).ok();
        if let Some(list) = bytes.as_deref().and_then(|bytes| parse(bytes).ok()) {
            beside.lists.insert(name.clone(), list);
            continue;
        }
        let copies = last_good.get_or_insert_with(|| {
            setting.state.as_deref().map(|state| LastGood::read(state).0).unwrap_or_default()
        });
        let copy = copies.list(name).map(|copy| (copy.ranges.clone(), "the gate's last good copy"));
        let found = copy
            .or_else(|| Some((newest(setting, name)?, "its newest generation")))
            .or_else(|| Some((good_lines(bytes.as_deref()?)?, "its good lines")));
        beside.notes.push(note(&path, found.as_ref().map(|(_, from)| *from)));
        beside.lists.extend(found.map(|(list, _)| (name.clone(), list)));
    }
    beside
}

fn note(path: &Path, from: Option<&str>) -> String {
    match from {
        Some(from) => format!("{}: is no good list, so the replay took {from}", path.display()),
        None => format!("{}: is no good list, so the replay was without it", path.display()),
    }
}

/// The other lists that count.
fn names(setting: &Setting) -> BTreeSet<&String> {
    let of_routes = setting.routes.iter().flat_map(|route| &route.allow);
    let of_proxies = setting.trusted.iter().filter_map(|one| match one {
        Trusted::List(name) => Some(name),
        Trusted::Prefix(_) => None,
    });
    of_routes.chain(of_proxies).filter(|name| **name != setting.list).collect()
}

fn newest(setting: &Setting, name: &str) -> Option<RangeList> {
    let history = read_history(&setting.places, name).generations;
    history.into_iter().rev().find_map(|one| parse(&one.text().ok()?).ok())
}

/// A list without the lines that are wrong.
fn good_lines(bytes: &[u8]) -> Option<RangeList> {
    let bad: BTreeSet<u32> = parse(bytes).err()?.into_iter().map(|problem| problem.line).collect();
    let lines = (1u32..).zip(bytes.split(|byte| *byte == b'\n'));
    let good: Vec<&[u8]> = lines.filter(|(number, _)| !bad.contains(number)).map(|(_, line)| line).collect();
    parse(&good.join(&b'\n')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_keeps_its_good_lines() {
        let list = good_lines(b"192.0.2.0/28\nnonsense\n198.51.100.0/24\n").unwrap();
        assert_eq!(list.prefixes().len(), 2);
        assert!(good_lines(b"nonsense\n").is_none());
    }
}
