//! The range file that a proposal becomes.
//!
//! Lines of the current file whose prefix stays are kept as they are, with the comments of their group; new prefixes are a
//! group of their own at the end, with their source. Prefixes are not merged, so that each one stands in the document.
//! Invariants: the prefixes of the file are exactly the given ones; no `# reviewed:` is written that was not there; the
//! same input gives the same text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ipnet::IpNet;

use crate::policy::address::range_list::{Day, parse, parse_prefix, parts};
use crate::policy::visible::visible;

/// Where the new prefixes are from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The source, as others can open it.
    pub source: &'a str,
    /// The day that the source gives for itself.
    pub as_of: Option<Day>,
    /// The day on which it was read.
    pub fetched: Day,
    /// The digest of the document.
    pub sha256: &'a str,
}

/// Makes the range file with these prefixes. A current file that is not good counts as none.
#[must_use]
pub(crate) fn render(current: Option<&[u8]>, prefixes: &[IpNet], about: About<'_>) -> String {
    let current =
        current.filter(|bytes| parse(bytes).is_ok()).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let current = current.unwrap_or_default();
    let mut wanted: BTreeSet<IpNet> = prefixes.iter().copied().collect();
    let mut out = String::new();
    for group in groups(current.strip_prefix('\u{feff}').unwrap_or(current)) {
        let mut lines: Vec<(IpNet, &str)> =
            group.lines.iter().copied().filter(|(prefix, _)| wanted.remove(prefix)).collect();
        lines.sort_unstable_by_key(|(prefix, _)| *prefix);
        let is_gone = lines.is_empty() && !group.lines.is_empty();
        let lead = if is_gone { before_last_paragraph(&group.lead) } else { &group.lead };
        for line in lead.iter().copied().chain(lines.iter().map(|(_, line)| *line)) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    let kept = out.trim_end_matches('\n').len();
    out.truncate(kept);
    if !out.is_empty() {
        out.push('\n');
    }
    if !wanted.is_empty() {
        add(&mut out, &wanted, about);
    }
    out
}

fn add(out: &mut String, prefixes: &BTreeSet<IpNet>, about: About<'_>) {
    if !out.is_empty() {
        out.push('\n');
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# source: {}", visible(about.source));
    if let Some(day) = about.as_of {
        let _ = writeln!(out, "# as-of: {day}");
    }
    let _ = writeln!(out, "# fetched: {} sha256 {}", about.fetched, about.sha256);
    for prefix in prefixes {
        let _ = writeln!(out, "{prefix}");
    }
}

/// Comments and blank lines, and the prefixes after them.
#[derive(Default)]
struct Group<'t> {
    lead: Vec<&'t str>,
    lines: Vec<(IpNet, &'t str)>,
}

fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = vec![Group::default()];
    for line in text.lines() {
        let (range, _) = parts(line);
        let is_next = groups.last().is_some_and(|group| !group.lines.is_empty());
        match parse_prefix(range) {
            Ok(prefix) => groups.last_mut().map(|group| group.lines.push((prefix, line))),
            Err(_) if is_next => {
                groups.push(Group { lead: vec![line], lines: Vec::new() });
                None
            }
            Err(_) => groups.last_mut().map(|group| group.lead.push(line)),
        };
    }
    groups
}

/// What stands before a group without being about it: all paragraphs but the last.
fn before_last_paragraph<'l, 't>(lead: &'l [&'t str]) -> &'l [&'t str] {
    let last = lead.iter().rposition(|line| line.trim().is_empty());
    lead.get(..last.map_or(0, |blank| blank + 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CURRENT: &str = "# SMS.\n# reviewed: 2026-11-21\n\n# source: guide\n# as-of: 2019-01-31\n192.0.2.16/28  # office\n192.0.2.0/28\n\n\
                           # source: third parties\n198.51.100.0/24\n";

    fn about() -> About<'static> {
        About {
            source: "https://vendor.example/ips",
            as_of: Day::parse("2026-11-20"),
            fetched: Day::parse("2026-11-27").unwrap(),
            sha256: "ab12",
        }
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn lines_that_stay_keep_their_comments_and_new_ones_get_their_source() {
        let new = nets(&["203.0.113.0/24", "192.0.2.0/28", "192.0.2.16/28", "2001:db8::/32"]);
        assert_eq!(
            render(Some(CURRENT.as_bytes()), &new, about()),
            "# SMS.\n# reviewed: 2026-11-21\n\n# source: guide\n# as-of: 2019-01-31\n192.0.2.0/28\n192.0.2.16/28  # office\n\n\
             # source: https://vendor.example/ips\n# as-of: 2026-11-20\n# fetched: 2026-11-27 sha256 ab12\n203.0.113.0/24\n2001:db8::/32\n"
        );
    }

    #[test]
    fn a_list_that_stays_the_same_stays_the_same_text() {
        let sorted = CURRENT
            .replace("192.0.2.16/28  # office\n192.0.2.0/28\n", "192.0.2.0/28\n192.0.2.16/28  # office\n");
        let all = nets(&["192.0.2.0/28", "192.0.2.16/28", "198.51.100.0/24"]);
        assert_eq!(render(Some(CURRENT.as_bytes()), &all, about()), sorted);
        assert_eq!(render(Some(sorted.replace('\n', "\r\n").as_bytes()), &all, about()), sorted);
    }

    #[test]
    fn a_first_list_and_a_broken_one_begin_anew() {
        let wanted = "# source: https://vendor.example/ips\n# as-of: 2026-11-20\n# fetched: 2026-11-27 sha256 ab12\n192.0.2.1/32\n";
        for current in [None, Some(&b"192.0.2.0/24\nx\n"[..]), Some(b"")] {
            assert_eq!(render(current, &nets(&["192.0.2.1/32"]), about()), wanted);
        }
        let about = About { source: "a\n# reviewed: 2026-11-27\n0.0.0.0/0", as_of: None, ..about() };
        let text = render(None, &nets(&["192.0.2.1/32"]), about);
        assert!(text.starts_with("# source: a\\n# reviewed: 2026-11-27\\n0.0.0.0/0\n# fetched: "), "{text}");
        assert_eq!(parse(text.as_bytes()).unwrap().reviewed(), None);
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => (0u8..8, 28u8..=32).prop_map(|(low, length)| {
                IpNet::new_assert([192, 0, 2, low * 16].into(), length).trunc().to_string()
            }),
            2 => Just("# a comment".to_owned()),
            1 => Just("# reviewed: 2026-11-21".to_owned()),
            2 => Just(String::new()),
            1 => Just("2001:db8::/32 # v6".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_prefixes_of_the_file_are_exactly_the_given_ones(
            lines in prop::collection::vec(line(), 0..12),
            new in prop::collection::btree_set((0u8..8, 28u8..=32), 1..6),
        ) {
            let new: Vec<IpNet> =
                new.into_iter().map(|(low, length)| IpNet::new_assert([192, 0, 2, low * 16].into(), length).trunc()).collect();
            let current = lines.join("\n");
            let text = render(Some(current.as_bytes()), &new, about());
            let list = parse(text.as_bytes()).unwrap();
            let seen: BTreeSet<IpNet> = list.entries().iter().map(|entry| entry.prefix).collect();
            prop_assert_eq!(list.entries().len(), seen.len());
            prop_assert_eq!(seen, new.iter().copied().collect::<BTreeSet<_>>());
            let before = current.matches("reviewed").count();
            prop_assert!(text.matches("reviewed").count() <= before);
            // Proposed once more, nothing changes.
            prop_assert_eq!(render(Some(text.as_bytes()), &new, about()), text);
        }
    }
}
