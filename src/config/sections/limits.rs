//! `limits`, `drain` and `threads`: limits on sizes, times and counts.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_yaml::Value;

use crate::config::model::{Drain, Limits, Route};
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::{show_duration, show_size};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Webhooks are small; larger bodies need another kind of proxy.
const BODY: RangeInclusive<usize> = 1..=KIB * MIB;
/// Below 1 KiB a real sender's head does not fit; above 1 MiB it is not a webhook.
const HEAD: RangeInclusive<usize> = KIB..=MIB;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const NUMBER: RangeInclusive<usize> = 1..=1_000_000;
/// Connections from one address.
const EACH: RangeInclusive<usize> = 1..=100_000;

/// Reads `limits`.
pub(crate) fn limits(root: &Section) -> Limits {
    let section = root.section("limits");
    let size = |key, range, default| section.get(key).and_then(|n| n.size(range)).unwrap_or(default);
    let number = |key| section.get(key).and_then(|n| n.count(NUMBER));
    let timeout = |key, seconds| {
        let set = section.get(key).and_then(|n| n.duration(TIMEOUT));
        set.unwrap_or(Duration::from_secs(seconds))
    };
    let connections = number("connections").unwrap_or(10_000);
    let limits = Limits {
        max_body: size("max_body", BODY, MIB),
        max_response: size("max_response", BODY, MIB),
        max_head: size("max_head", HEAD, 16 * KIB),
        head_timeout: timeout("head_timeout", 10),
        body_timeout: timeout("body_timeout", 10),
        keepalive: timeout("keepalive", 60),
        connections,
        connections_per_stranger: section
            .get("connections_per_stranger")
            .and_then(|n| n.count(EACH))
            .unwrap_or(connections.min(32)),
        connections_per_client: section.get("connections_per_client").and_then(|n| bound(&n)),
        concurrent_requests: number("concurrent_requests").unwrap_or(connections.min(1024)),
        buffers: size("buffers", 1..=usize::MAX, 64 * MIB),
    };
    let report = section.source().report;
    let spoilt = |keys: &[&str]| keys.iter().any(|key| report.is_spoilt(&format!("limits.{key}")));
    for (key, own) in [
        ("connections_per_stranger", limits.connections_per_stranger),
        ("connections_per_client", limits.connections_per_client.unwrap_or(1)),
        ("concurrent_requests", limits.concurrent_requests),
    ] {
        if own > connections && !spoilt(&["connections", key]) {
            section.problem(key, format!("{own} can never be reached with {connections} connections"));
        }
    }
    // Each part is at most 1 GiB; a sum that overflows exceeds every `buffers`.
    let message = limits.max_body.saturating_add(limits.max_response).saturating_add(limits.max_head);
    if limits.buffers < message && !spoilt(&["max_body", "max_response", "max_head", "buffers"]) {
        let show = |n: usize| show_size(u64::try_from(n).unwrap_or(u64::MAX));
        let text = format!(
            "{} does not hold one largest message: max_head, max_body and max_response are {} together",
            show(limits.buffers),
            show(message)
        );
        section.problem("buffers", text);
    }
    limits
}

/// A number of connections, or `off` for no limit.
fn bound(node: &Node) -> Option<usize> {
    match node.value {
        Value::Bool(false) => None,
        Value::Number(_) => node.count(EACH),
        _ if node.is_word("off") => None,
        _ => node.unwanted("off or a number from 1 to 100000"),
    }
}

/// Reads `drain`. The grace must cover the longest deadline, or a stop would cut requests off.
pub(crate) fn drain(root: &Section, routes: &[Route]) -> Drain {
    let section = root.section("drain");
    let span = |key, default| {
        let set = section.get(key).and_then(|n| n.duration(Duration::ZERO..=Duration::from_secs(3600)));
        set.unwrap_or(Duration::from_secs(default))
    };
    let drain = Drain { delay: span("delay", 0), grace: span("grace", 15) };
    let report = section.source().report;
    let known = |index: &usize| {
        let at = |key: &str| report.is_spoilt(&format!("routes[{index}].{key}"));
        !at("deadline") && !at("webhook")
    };
    let sound = routes.iter().enumerate().filter(|(index, _)| known(index));
    // If several are equal, the first one.
    let longest = sound.min_by_key(|(_, route)| std::cmp::Reverse(route.deadline));
    if let Some((index, route)) = longest.filter(|(_, route)| route.deadline > drain.grace)
        && !report.is_spoilt("drain.grace")
    {
        let name = match root.get("routes") {
            Some(node) => format!("{}[{index}] ({})", node.path, route.path),
            None => format!("the one route ({})", route.path),
        };
        let text = format!(
            "{} is shorter than the {} that {name} may take: a stop would cut its requests off",
            show_duration(drain.grace),
            show_duration(route.deadline)
        );
        section.problem("grace", text);
    }
    drain
}

/// Reads `threads`; `None` means one per core.
pub(crate) fn threads(root: &Section) -> Option<usize> {
    let node = root.get("threads")?;
    if node.is_word("auto") {
        return None;
    }
    if matches!(node.value, Value::Number(_)) {
        node.count(1..=1024)
    } else {
        node.unwanted("auto or a number from 1 to 1024")
    }
}
