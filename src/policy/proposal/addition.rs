//! Whether a change may be published without a person: additions alone, inside ranges that a person has reviewed.
//!
//! Reviewed are the prefixes of the list, and what its comments name as `# auto-add: CIDR`, if the file has a `# reviewed:` that
//! is neither in the future nor too old.

use ipnet::IpNet;

use crate::policy::address::range_list::{Day, RangeList, parse_prefix};
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
    /// The day of the review is none that a review can have had.
    #[error("its `# reviewed: {0}` is in the future")]
    ReviewedLater(Day),
    /// It was reviewed long ago.
    #[error("it was reviewed on {0}, more than {1} days ago")]
    ReviewedLongAgo(Day, i64),
    /// Prefixes go.
    #[error("{0} prefixes would be removed")]
    Removes(usize),
    /// A prefix is outside what was reviewed.
    #[error("{0} is in no prefix of the list and in no `# auto-add:` of it")]
    Outside(IpNet),
}

/// Which reviews count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reviewed {
    /// The present.
    pub today: Day,
    /// For so many days.
    pub within: i64,
}

/// Whether the change may be published without a person. `current` is the text of the list.
///
/// # Errors
/// Why not.
pub(crate) fn alone(
    current: Option<(&RangeList, &str)>,
    moves: &Moves,
    reviewed: Reviewed,
) -> Result<(), NotAlone> {
    let (list, text) = current.ok_or(NotAlone::First)?;
    let day = list.reviewed().ok_or(NotAlone::NotReviewed)?;
    let age = reviewed.today.days_since_epoch() - day.days_since_epoch();
    if day.is_to_come(reviewed.today) {
        return Err(NotAlone::ReviewedLater(day));
    }
    if age > reviewed.within {
        return Err(NotAlone::ReviewedLongAgo(day, reviewed.within));
    }
    if !moves.removed.is_empty() {
        return Err(NotAlone::Removes(moves.removed.len()));
    }
    let named: Vec<IpNet> = text.lines().filter_map(named).collect();
    let covered = || list.entries().iter().map(|entry| &entry.prefix).chain(&named);
    let is_outside = |added: &&IpNet| !covered().any(|outer| outer.contains(*added));
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

    fn reviewed() -> Reviewed {
        Reviewed { today: Day::parse("2026-11-28").unwrap(), within: 180 }
    }

    fn said(old: &str, new: &str) -> Result<(), NotAlone> {
        let (list, new) = (parse(old.as_bytes()).unwrap(), parse(new.as_bytes()).unwrap());
        alone(Some((&list, old)), &moves(&set(Some(&list)), &set(Some(&new))), reviewed())
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
        assert_eq!(alone(None, &moves(&set(None), &set(None)), reviewed()), Err(NotAlone::First));
    }

    #[test]
    fn a_review_counts_that_can_have_been_and_is_not_too_old() {
        for (review, wanted) in [
            ("2026-11-28", Ok(())),
            ("2026-11-29 (by ada)", Ok(())),
            ("2026-06-01", Ok(())),
            ("2026-11-30", Err(NotAlone::ReviewedLater(Day::parse("2026-11-30").unwrap()))),
            ("9999-12-31", Err(NotAlone::ReviewedLater(Day::parse("9999-12-31").unwrap()))),
            ("2026-05-31", Err(NotAlone::ReviewedLongAgo(Day::parse("2026-05-31").unwrap(), 180))),
            ("2026-11-280", Err(NotAlone::NotReviewed)),
            ("2026-11-2x", Err(NotAlone::NotReviewed)),
            ("never", Err(NotAlone::NotReviewed)),
        ] {
            let old = format!("# reviewed: {review}\n119.81.44.0/24\n");
            assert_eq!(said(&old, "119.81.44.0/24\n119.81.44.0/28\n"), wanted, "{review}");
        }
    }
}
