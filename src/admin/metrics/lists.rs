//! The range lists, when their prefixes last admitted a request, and what is proposed for them.
//!
//! Invariant: lists of any length make a bounded number of series.

use std::time::SystemTime;

use crate::admin::last_hits;
use crate::admin::metrics::exposition::Page;
use crate::state::proposals::Proposals;
use crate::state::snapshot::Snapshot;
use crate::telemetry::timestamp::unix_seconds;

/// All of them.
pub(super) fn write(page: &mut Page, snapshot: &Snapshot, proposals: &Proposals, now: SystemTime) {
    content(page, snapshot, now);
    hits(page, snapshot);
    proposed(page, proposals, now);
}

fn content(page: &mut Page, snapshot: &Snapshot, now: SystemTime) {
    page.family("list_prefixes", "gauge", "Prefixes of a range list.");
    for (name, list) in &snapshot.lists {
        page.sample("list_prefixes", &[("list", name)], list.ranges.entries().len());
    }
    page.family(
        "list_last_good",
        "gauge",
        "1 where the file cannot be used now and its last good version serves.",
    );
    for (name, list) in &snapshot.lists {
        page.sample("list_last_good", &[("list", name)], u8::from(list.last_good));
    }
    page.family(
        "list_reviewed_age_seconds",
        "gauge",
        "Since a person last compared the list with the vendor's article.",
    );
    let now = unix_seconds(now);
    for (name, list) in &snapshot.lists {
        if let Some(day) = list.ranges.reviewed() {
            let reviewed = u64::try_from(day.days_since_epoch()).unwrap_or(0) * 86_400;
            page.sample("list_reviewed_age_seconds", &[("list", name)], now.saturating_sub(reviewed));
        }
    }
    page.family(
        "list_review_days",
        "gauge",
        "Days after which a list that was not compared counts as stale.",
    );
    for name in snapshot.lists.keys() {
        page.sample("list_review_days", &[("list", name)], snapshot.config.review_days());
    }
}

fn hits(page: &mut Page, snapshot: &Snapshot) {
    const NAME: &str = "prefix_last_hit_timestamp_seconds";
    let all = last_hits::of(snapshot);
    page.family(NAME, "gauge", "When a prefix last admitted a request; 0 for never as far as is known.");
    for one in &all {
        for (prefix, at) in &one.shown {
            let prefix = prefix.to_string();
            page.sample(NAME, &[("list", &one.list.name), ("prefix", &prefix)], at.unwrap_or(0));
        }
    }
    page.family(
        "prefix_last_hit_cut",
        "gauge",
        "Prefixes whose last hit is not shown, because there are too many.",
    );
    for one in &all {
        page.sample("prefix_last_hit_cut", &[("list", &one.list.name)], one.cut);
    }
}

fn proposed(page: &mut Page, proposals: &Proposals, now: SystemTime) {
    let now = unix_seconds(now);
    page.family(
        "proposal_age_seconds",
        "gauge",
        "Since a change of a list was proposed that waits for a person.",
    );
    for one in &proposals.waiting {
        page.sample("proposal_age_seconds", &[("list", &one.list)], now.saturating_sub(one.at));
    }
    page.family(
        "proposal_changes",
        "gauge",
        "What a proposal would change: prefixes added and removed, addresses gained and lost.",
    );
    for one in &proposals.waiting {
        for (kind, size) in one.change.sizes() {
            page.sample("proposal_changes", &[("list", &one.list), ("kind", kind)], size);
        }
    }
}
