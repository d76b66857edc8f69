//! Range lists: their age, their copies, and what waits for them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::admin::api::status::{Proposal, Status};
use crate::admin::api::strangers::SignedStrangers;
use crate::admin::text::quantity::counted;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;
use crate::state::snapshot::{List, Snapshot};
use crate::telemetry::timestamp::unix_seconds;

/// The findings about the lists of the running gate.
#[must_use]
pub(crate) fn running(status: &Status, strangers: &SignedStrangers, config_is_read: bool) -> Vec<Finding> {
    vec![copies(status, config_is_read), waiting(&status.proposals), signed_strangers(strangers)]
}

/// Whether every list that some route allows was compared with the vendor's article lately.
#[must_use]
pub(crate) fn age(snapshot: &Snapshot, now: SystemTime) -> Finding {
    let today = i64::try_from(unix_seconds(now) / 86_400).unwrap_or(i64::MAX);
    let all = snapshot.routes.iter().flat_map(|route| &route.allow);
    let used: BTreeMap<&str, &List> = all.map(|list| (list.name.as_str(), &**list)).collect();
    let (mut old, mut oldest) = (Vec::new(), None);
    for (name, list) in &used {
        match list.ranges.reviewed_days(today) {
            Some(days) if days <= snapshot.config.review_days() => oldest = oldest.max(Some(days)),
            Some(days) => old.push(format!("{name} ({})", days_ago(days))),
            None => old.push(format!("{name} (never)")),
        }
    }
    if old.is_empty() {
        let oldest = oldest.map(|days| format!(", the oldest was compared {}", days_ago(days)));
        let lists = counted(used.len(), "list", "lists");
        return Finding::pass(Check::ListsAge, format!("{lists} in use{}", oldest.unwrap_or_default()));
    }
    Finding::warn(
        Check::ListsAge,
        format!("not compared lately: {}", old.join(", ")),
        "compare the file with the vendor's article and set `# reviewed:` to that day",
    )
}

fn days_ago(days: i64) -> String {
    counted(usize::try_from(days).unwrap_or(usize::MAX), "day ago", "days ago")
}

fn copies(status: &Status, config_is_read: bool) -> Finding {
    let stored: Vec<&str> =
        status.lists.iter().filter(|list| list.last_good).map(|list| list.name.as_str()).collect();
    match (stored.as_slice(), status.lists.len()) {
        ([], 1) => Finding::pass(Check::ListsCopies, "1 list, from its file"),
        ([], count) => Finding::pass(Check::ListsCopies, format!("{count} lists, all from their files")),
        _ if !config_is_read => Finding::skip(Check::ListsCopies, "a file cannot be read: see config.read"),
        (names, _) => Finding::fail(
            Check::ListsCopies,
            format!("a stored copy is in use for {}", names.join(", ")),
            "mend the file, then nexmo-gate reload",
        ),
    }
}

fn waiting(proposals: &[Proposal]) -> Finding {
    let [first, others @ ..] = proposals else {
        return Finding::pass(Check::ListsWaiting, "none waits");
    };
    let since = first.at.as_deref().unwrap_or("an unknown time");
    let more = if others.is_empty() { String::new() } else { format!("; and {} more", others.len()) };
    let evidence = format!("a proposal for {} waits since {since}{more}", first.list);
    let change = format!("nexmo-gate ranges diff {0}, then nexmo-gate ranges publish {0}", first.list);
    Finding::warn(Check::ListsWaiting, evidence, change)
}

fn signed_strangers(strangers: &SignedStrangers) -> Finding {
    if strangers.clients.is_empty() {
        return Finding::pass(Check::ListsSigned, "none was seen");
    }
    let addresses = counted(strangers.clients.len(), "address", "addresses");
    let sign = if strangers.clients.len() == 1 { "signs" } else { "sign" };
    Finding::warn(
        Check::ListsSigned,
        format!("{addresses} in no list {sign} with your secret"),
        "nexmo-gate ranges suggest shows what to add",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};
    use crate::policy::address::range_list::Day;

    #[test]
    fn lists_in_use_are_as_old_as_the_oldest_of_them() {
        let snapshot = Stage::new(CONFIG).snapshot();
        let evidence = |day: &str| {
            let days = u64::try_from(Day::parse(day).unwrap().days_since_epoch()).unwrap();
            age(&snapshot, SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400)).evidence
        };
        assert_eq!(evidence("2026-03-02"), "2 lists in use, the oldest was compared 1 day ago");
        assert_eq!(evidence("2026-11-21"), "not compared lately: sms (265 days ago)");
    }

    #[test]
    fn further_proposals_are_counted() {
        let of = |list: &str| Proposal {
            added: Vec::new(),
            at: Some("2026-11-21T12:00:00Z".to_owned()),
            by: None,
            changes: BTreeMap::new(),
            list: list.to_owned(),
            problem: None,
            removed: Vec::new(),
            source: None,
        };
        let evidence =
            |lists: &[&str]| waiting(&lists.iter().map(|list| of(list)).collect::<Vec<Proposal>>()).evidence;
        assert_eq!(evidence(&[]), "none waits");
        assert_eq!(evidence(&["sms"]), "a proposal for sms waits since 2026-11-21T12:00:00Z");
        assert_eq!(
            evidence(&["sms", "voice", "edge"]),
            "a proposal for sms waits since 2026-11-21T12:00:00Z; and 2 more"
        );
    }
}
