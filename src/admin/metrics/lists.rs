//! The range lists, and when their prefixes last admitted a request.
//!
//! Invariant: lists of any length make a bounded number of series.

use std::time::SystemTime;

use crate::admin::last_hits;
use crate::admin::metrics::exposition::Page;
use crate::state::snapshot::Snapshot;
use crate::telemetry::timestamp::unix_seconds;

/// All of them.
pub(super) fn write(page: &mut Page, snapshot: &Snapshot, now: SystemTime) {
    content(page, snapshot, now);
    hits(page, snapshot);
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
}

fn hits(page: &mut Page, snapshot: &Snapshot) {
    const NAME: &str = "prefix_last_hit_timestamp_seconds";
    let all = last_hits::of(snapshot);
    page.family(NAME, "gauge", "When a prefix last admitted a request; 0 for never since the start.");
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
