//! Range lists: their age, their copies, and what waits for them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::admin::api::status::Status;
use crate::admin::api::strangers::SignedStrangers;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;
use crate::state::snapshot::{List, Snapshot};
use crate::telemetry::timestamp::unix_seconds;

/// What the running gate has.
#[must_use]
pub(crate) fn running(status: &Status, strangers: &SignedStrangers, is_read: bool) -> Vec<Finding> {
    vec![copies(status, is_read), waiting(status), signed(strangers)]
}

/// Whether every list that some route allows was compared with its source lately.
#[must_use]
pub(crate) fn age(snapshot: &Snapshot, now: SystemTime) -> Finding {
    let today = i64::try_from(unix_seconds(now) / 86_400).unwrap_or(i64::MAX);
    let all = snapshot.routes.iter().flat_map(|route| &route.allow);
    let used: BTreeMap<&str, &List> = all.map(|list| (list.name.as_str(), &**list)).collect();
    let (mut old, mut oldest) = (Vec::new(), 0);
    for (name, list) in &used {
        match list.ranges.reviewed_days(today) {
            Some(days) if days <= snapshot.config.review_days() => oldest = oldest.max(days),
            Some(days) => old.push(format!("{name} {days} days ago")),
            None => old.push(format!("{name} never")),
        }
    }
    if old.is_empty() {
        let evidence = format!("{} in use, compared {oldest} days ago at most", used.len());
        return Finding::pass(Check::ListsAge, evidence);
    }
    Finding::warn(
        Check::ListsAge,
        format!("compared with its source: {}", old.join(", ")),
        "compare the file with the provider's page and set `# reviewed:`, or nexmo-gate ranges fetch LIST --url URL",
    )
}

fn copies(status: &Status, is_read: bool) -> Finding {
    let stored: Vec<&str> =
        status.lists.iter().filter(|list| list.last_good).map(|list| list.name.as_str()).collect();
    match stored.as_slice() {
        [] => {
            Finding::pass(Check::ListsCopies, format!("{} lists, all from their files", status.lists.len()))
        }
        _ if !is_read => Finding::skip(Check::ListsCopies, "a file cannot be read: see config.read"),
        names => Finding::fail(
            Check::ListsCopies,
            format!("a stored copy is in use for {}", names.join(", ")),
            "mend the file, then nexmo-gate reload",
        ),
    }
}

fn waiting(status: &Status) -> Finding {
    match status.proposals.first() {
        None => Finding::pass(Check::ListsWaiting, "none waits"),
        Some(one) => {
            let since = one.at.as_deref().unwrap_or("an unknown time");
            let evidence = format!("a proposal for {} waits since {since}", one.list);
            let change = format!("nexmo-gate ranges diff {0}, then nexmo-gate ranges publish {0}", one.list);
            Finding::warn(Check::ListsWaiting, evidence, change)
        }
    }
}

fn signed(strangers: &SignedStrangers) -> Finding {
    if strangers.clients.is_empty() {
        return Finding::pass(Check::ListsSigned, "none was seen");
    }
    Finding::warn(
        Check::ListsSigned,
        format!("{} addresses in no list sign with your secret", strangers.clients.len()),
        "nexmo-gate ranges suggest shows what to add",
    )
}
