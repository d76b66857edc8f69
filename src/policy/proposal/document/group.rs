//! The parts of a document: addresses are in one group if the keys on their way are the same up to the first that differs.
//!
//! A document for several products has a list for each of them. Which of them is meant only a person knows, so more than
//! one group needs a choice.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::policy::proposal::document::refusal::Refusal;
use crate::policy::proposal::document::walk::Found;

/// The name of what lies where the others' keys begin to differ.
const HERE: &str = ".";

/// The prefixes of the chosen groups. Without a choice there must be one group. A choice is the name of a group, or else keys
/// with dots between them. A key may have dots of its own: `voice.legacy` is never a part of `voice`.
///
/// # Errors
/// There are several groups and no choice, or a choice that is not there, or one that means several things.
pub(super) fn choose(found: &[Found<'_>], choices: &[String]) -> Result<BTreeSet<IpNet>, Refusal> {
    let common = common(found);
    let groups = groups(found, common);
    if choices.is_empty() {
        return match groups.len() {
            0 | 1 => Ok(found.iter().map(|one| one.prefix).collect()),
            _ => Err(Refusal::Groups(groups)),
        };
    }
    let mut chosen = BTreeSet::new();
    for choice in choices {
        if groups.iter().any(|(name, _)| name == choice) {
            chosen.extend(found.iter().filter(|one| name(one, common) == choice).map(|one| one.prefix));
            continue;
        }
        let ways: BTreeSet<&[&str]> = found.iter().flat_map(|one| ways(one, choice)).collect();
        match Vec::from_iter(ways).as_slice() {
            [] => return Err(Refusal::NoGroup { wanted: choice.clone(), there: groups }),
            [way] => {
                chosen.extend(found.iter().filter(|one| one.keys.starts_with(way)).map(|one| one.prefix));
            }
            _ => return Err(Refusal::Ambiguous(choice.clone())),
        }
    }
    Ok(chosen)
}

/// The number of keys that all ways begin with. One way has its last key for itself, so that it has a name.
fn common(found: &[Found<'_>]) -> usize {
    let Some((first, rest)) = found.split_first() else { return 0 };
    let mut common = first.keys.len();
    let mut differ = false;
    for one in rest {
        let same = first.keys.iter().zip(&one.keys).take_while(|(a, b)| a == b).count();
        differ |= one.keys != first.keys;
        common = common.min(same);
    }
    if differ { common } else { common.saturating_sub(1) }
}

fn name<'f>(one: &'f Found<'_>, common: usize) -> &'f str {
    one.keys.get(common).copied().unwrap_or(HERE)
}

fn groups(found: &[Found<'_>], common: usize) -> Vec<(String, usize)> {
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for one in found {
        *groups.entry(name(one, common)).or_default() += 1;
    }
    groups.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// The beginnings of the way to an address that are this choice: where keys have dots, there may be several.
fn ways<'f, 'j>(one: &'f Found<'j>, choice: &str) -> impl Iterator<Item = &'f [&'j str]> {
    (1..=one.keys.len()).filter_map(|keys| one.keys.get(..keys)).filter(move |keys| keys.join(".") == choice)
}
