//! What is said of the day on which a person last compared a list with its source.
//!
//! A warning and never a problem: where the clock of the machine is behind, the file is right, and the gate must start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Problem;
use crate::load::lists::bad_list::problem;
use crate::policy::address::range_list::Day;
use crate::state::snapshot::List;

/// A warning for each list that the config needs and whose review is in the future: it would count as reviewed until then.
pub(crate) fn to_come(
    lists: &BTreeMap<String, Arc<List>>,
    used: &BTreeSet<&str>,
    today: Day,
) -> Vec<Problem> {
    let used = lists.values().filter(|list| used.contains(list.name.as_str()));
    let of = |list: &Arc<List>| {
        let day = list.ranges.reviewed().filter(|day| day.is_to_come(today))?;
        Some(problem(
            &list.path,
            format!(
                "`# reviewed: {day}` is in the future, so the list would not count as old for too long; write the day of the \
                 review (or is the clock of this machine wrong?)"
            ),
        ))
    };
    used.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_in_the_future_is_a_warning_of_lists_that_are_used() {
        let list = |name: &str, day: &str| {
            let text = format!("# reviewed: {day}\n192.0.2.0/28\n");
            let ranges = crate::policy::address::range_list::parse(text.as_bytes()).unwrap();
            let path = std::path::PathBuf::from(format!("{name}.txt"));
            (name.to_owned(), Arc::new(List::read(name, &path, &text.into(), ranges, None)))
        };
        let lists = BTreeMap::from([
            list("today", "2026-11-28"),
            list("tomorrow", "2026-11-29"),
            list("later", "2026-11-30"),
            list("unused", "2030-01-01"),
        ]);
        let used = BTreeSet::from(["today", "tomorrow", "later"]);
        let told = to_come(&lists, &used, Day::parse("2026-11-28").unwrap());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].to_string().starts_with("later.txt: `# reviewed: 2026-11-30` is in the future"),
            "{told:?}"
        );
    }
}
