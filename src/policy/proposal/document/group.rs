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

/// The prefixes of the chosen groups. Without a choice there must be one group. A choice is the name of a group, or keys
/// with dots between them.
///
/// # Errors
/// There are several groups and no choice, or a choice that is not there.
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
        let mut of_it = found.iter().filter(|one| is_chosen(one, common, choice)).peekable();
        if of_it.peek().is_none() {
            return Err(Refusal::NoGroup { wanted: choice.clone(), there: groups });
        }
        chosen.extend(of_it.map(|one| one.prefix));
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

fn is_chosen(one: &Found<'_>, common: usize, choice: &str) -> bool {
    let whole = one.keys.join(".");
    let is_within = whole.strip_prefix(choice).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    name(one, common) == choice || (is_within && !choice.is_empty())
}
