//! Whether a change may be published without a person: additions alone, inside ranges that a person has reviewed.
//!
//! Reviewed are the prefixes of the list, and what its comments name as `# auto-add: CIDR`, if the file has a `# reviewed:`.

use ipnet::IpNet;

use crate::policy::address::range_list::{RangeList, parse_prefix};
use crate::policy::proposal::moves::Moves;

/// Why a person has to publish it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAlone {
    /// There is no list yet.
    #[error("there is no list yet")]
    First,
    /// Nobody has reviewed the list.
    #[error("the list has no `# reviewed:`")]
    NotReviewed,
    /// Prefixes go.
    #[error("{0} prefixes would be removed")]
    Removes(usize),
    /// A prefix is outside what was reviewed.
    #[error("{0} is in no prefix of the list and in no `# auto-add:` of it")]
    Outside(IpNet),
}

/// Whether the change may be published without a person. `current` is the text of the list.
///
/// # Errors
/// Why not.
pub(crate) fn alone(current: Option<(&RangeList, &str)>, moves: &Moves) -> Result<(), NotAlone> {
    let (list, text) = current.ok_or(NotAlone::First)?;
    if list.reviewed().is_none() {
        return Err(NotAlone::NotReviewed);
    }
    if !moves.removed.is_empty() {
        return Err(NotAlone::Removes(moves.removed.len()));
    }
    let named: Vec<IpNet> = text.lines().filter_map(named).collect();
    let reviewed = || list.entries().iter().map(|entry| &entry.prefix).chain(&named);
    let is_outside = |added: &&IpNet| !reviewed().any(|outer| outer.contains(*added));
    moves.added.iter().find(is_outside).map_or(Ok(()), |outside| Err(NotAlone::Outside(*outside)))
}

/// The range of a line `# auto-add: CIDR`.
fn named(line: &str) -> Option<IpNet> {
    let (key, value) = line.trim_start().strip_prefix('#')?.split_once(':')?;
    (key.trim() == "auto-add").then(|| parse_prefix(value.trim()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list::parse;
    use crate::policy::proposal::moves::{moves, set};

    fn said(old: &str, new: &str) -> Result<(), NotAlone> {
        let (list, new) = (parse(old.as_bytes()).unwrap(), parse(new.as_bytes()).unwrap());
        alone(Some((&list, old)), &moves(&set(Some(&list)), &set(Some(&new))))
    }

    #[test]
    fn only_additions_inside_what_a_person_reviewed_need_none() {
        let old =
            "# reviewed: 2026-11-21\n# auto-add: 216.147.0.0/16\n# auto-add: nonsense\n119.81.44.0/24\n";
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        assert_eq!(said(old, "119.81.44.0/24\n216.147.64.0/18\n119.81.44.0/28\n"), Ok(()));
        assert_eq!(
            said(old, "119.81.44.0/24\n216.146.0.0/18\n"),
            Err(NotAlone::Outside(net("216.146.0.0/18")))
        );
        assert_eq!(said(old, "216.147.64.0/18\n"), Err(NotAlone::Removes(1)));
        assert_eq!(said(old, "119.81.44.0/24\n216.0.0.0/8\n"), Err(NotAlone::Outside(net("216.0.0.0/8"))));
        assert_eq!(said("119.81.44.0/24\n", "119.81.44.0/24\n"), Err(NotAlone::NotReviewed));
        assert_eq!(alone(None, &moves(&set(None), &set(None))), Err(NotAlone::First));
    }
}
