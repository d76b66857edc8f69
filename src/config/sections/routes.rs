//! `routes`: paths, their webhooks, who may use them, and what counts as delivered.

use std::time::Duration;

use serde_yaml::Value;

use crate::config::model::{Route, SecretFile, Trusted};
use crate::config::read::host;
use crate::config::read::node::{Node, unknown};
use crate::config::read::section::Section;
use crate::config::read::units::show_duration;
use crate::config::sections::{demands, lists, upstream};
use crate::policy::delivery::{OnError, Rules, SuccessSet};
use crate::policy::demand::{Demand, Need};
use crate::policy::provider::Webhook;
use crate::policy::routing::bypass::{Asking, Bypass, bypasses};
use crate::policy::routing::route::PathPattern;

const DEADLINE: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// Reads `routes`; without them there is one route for everything.
pub(crate) fn routes(root: &Section, trusted: &[Trusted], secrets: &[SecretFile]) -> Vec<Route> {
    let (flag, provider) = (root.source().flag("allow"), root.source().provider);
    let Some(node) = root.get("routes") else {
        return vec![Route {
            allow: lists::allow(flag.as_ref(), trusted, provider),
            signature: demands::demand(None, secrets, provider.other()),
            ..everything(provider.other())
        }];
    };
    if let Some(flag) = flag {
        flag.problem::<()>("the config file has routes; set `allow` in each of them instead");
    }
    let wanted = format!("a list of routes such as [{}]", provider.example);
    let Some(entries) = node.list(&wanted) else { return Vec::new() };
    if entries.is_empty() {
        node.problem::<()>("is empty, so every request would be denied; leave it out for one route \"/*\"");
    }
    let mut earlier = Vec::new();
    // A placeholder keeps the indices of the other routes. Its deadline of zero never exceeds the grace.
    let stand_in = || Route { deadline: Duration::ZERO, ..everything(provider.other()) };
    let routes: Vec<Route> = entries
        .iter()
        .map(|entry| route(entry, trusted, secrets, &mut earlier).unwrap_or_else(stand_in))
        .collect();
    warn_of_bypasses(&node, &routes);
    routes
}

/// Warns of routes that require signatures and can be avoided.
fn warn_of_bypasses(node: &Node, routes: &[Route]) {
    let asking: Vec<Asking<'_>> = routes
        .iter()
        .map(|Route { host, path, signature, .. }| {
            let is_strict = signature.need == Need::Require;
            Asking { host: host.as_deref(), path, is_strict }
        })
        .collect();
    for Bypass { strict, lax, paths } in bypasses(&asking) {
        let (Some(avoided), Some(by)) = (routes.get(strict), routes.get(lax)) else { continue };
        let message = format!(
            "require can be avoided: routes[{lax}] ({}, signature: {}) forwards {} unsigned, and many applications take that for \
             {}; let it require a signature too",
            by.path,
            by.signature.need.word(),
            paths.join(" and "),
            avoided.path
        );
        node.source.report.warning(&format!("{}[{strict}].signature", node.path), message);
    }
}

/// A route for every path, with the defaults of its webhook.
fn everything(webhook: Webhook) -> Route {
    let rules = Rules::of(webhook);
    Route {
        path: PathPattern::Prefix("/".to_owned()),
        host: None,
        webhook,
        allow: Vec::new(),
        upstream: None,
        upstream_host: None,
        success: rules.success,
        deadline: webhook.spec().deadline,
        client_errors: rules.client_errors,
        server_errors: rules.server_errors,
        signature: Demand::default(),
    }
}

/// A host and pattern that is used, and the route that uses it.
type Taken = (Option<String>, PathPattern, String);

fn route(
    entry: &Node,
    trusted: &[Trusted],
    secrets: &[SecretFile],
    earlier: &mut Vec<Taken>,
) -> Option<Route> {
    let provider = entry.source.provider;
    let section = entry.section(&format!("a mapping of keys such as {}", provider.example))?;
    let host = section.get("host").map(|n| n.parsed("a host name", host::host).map(|h| h.bracketed()));
    let path = if let Some(node) = section.get("path") {
        let path = node.parsed("a path such as /webhooks/event", PathPattern::parse);
        if let (Some(path), None | Some(Some(_))) = (&path, &host) {
            claim(&node, host.clone().flatten(), path, earlier);
        }
        path
    } else {
        section.problem("path", "missing; set the path of this route's requests, e.g. /webhooks/event");
        None
    };
    let webhook = section.get("webhook").map_or(Some(provider.other()), |node| webhook(&node));
    let deadline = section.get("deadline").and_then(|node| deadline(&node, webhook));
    let default = everything(webhook.unwrap_or(provider.other()));
    let success = section.get("success").and_then(|node| success(&node, default.webhook));
    Some(Route {
        path: path.unwrap_or(default.path),
        host: host.flatten(),
        webhook: default.webhook,
        allow: lists::allow(section.get("allow").as_ref(), trusted, provider),
        upstream: section.get("upstream").and_then(|node| upstream::upstream(&node)),
        upstream_host: section.get("upstream_host").and_then(|node| upstream_host(&node)),
        success: success.unwrap_or(default.success),
        deadline: deadline.unwrap_or(default.deadline),
        client_errors: on_error(section.get("client_errors")),
        server_errors: on_error(section.get("server_errors")),
        signature: demands::demand(section.get("signature").as_ref(), secrets, default.webhook),
    })
}

/// Reports when an earlier route has the same host and path.
fn claim(node: &Node, host: Option<String>, path: &PathPattern, earlier: &mut Vec<Taken>) {
    if let Some((host, _, other)) = earlier.iter().find(|(h, p, _)| (h, p) == (&host, path)) {
        let same = if host.is_some() { "the same host and path" } else { "the same path" };
        node.problem::<()>(format!("never matches: {other} has {same}"));
        return;
    }
    let own = node.path.strip_suffix(".path").unwrap_or(&node.path);
    earlier.push((host, path.clone(), own.to_owned()));
}

fn webhook(node: &Node) -> Option<Webhook> {
    let provider = node.source.provider;
    let names: Vec<&str> = provider.webhooks().map(Webhook::name).collect();
    let name = node.text(&format!("one of: {}", names.join(", ")))?;
    provider.webhook(name).or_else(|| node.problem(unknown("webhook", name, &names)))
}

fn deadline(node: &Node, webhook: Option<Webhook>) -> Option<Duration> {
    let deadline = node.duration(DEADLINE)?;
    if let Some(webhook) = webhook.filter(|webhook| deadline > webhook.spec().deadline) {
        node.warning(format!(
            "{} is longer than the {} that {} allows: the sender may have given up before it is answered",
            show_duration(deadline),
            show_duration(webhook.spec().deadline),
            webhook.name()
        ));
    }
    Some(deadline)
}

/// `200`, `200-205`, `"200,204"` or `[200, 204]`.
fn success(node: &Node, webhook: Webhook) -> Option<SuccessSet> {
    let wanted = &format!("{} or [200, 204]", webhook.spec().all_success());
    let text = match node.value {
        Value::Number(number) => number.to_string(),
        Value::Sequence(items) if items.is_empty() => {
            return node.problem(format!("is empty, wanted {wanted}"));
        }
        Value::Sequence(_) => {
            let one = |entry: &Node| match entry.value {
                Value::Number(number) => Some(number.to_string()),
                _ => entry.text(&webhook.spec().one_success()).map(str::to_owned),
            };
            let judged = |entry: Node| {
                let text = one(&entry)?;
                entry.judged(SuccessSet::parse(&text, webhook)).map(|_| text)
            };
            let all: Vec<Option<String>> = node.list(wanted)?.into_iter().map(judged).collect();
            all.into_iter().collect::<Option<Vec<_>>>()?.join(",")
        }
        _ => node.text(wanted)?.to_owned(),
    };
    node.judged(SuccessSet::parse(&text, webhook))
}

fn upstream_host(node: &Node) -> Option<String> {
    let (host, port) = node.parsed("a host such as app.example or app.example:8080", host::authority)?;
    Some(port.map_or(host.bracketed(), |port| format!("{}:{port}", host.bracketed())))
}

fn on_error(node: Option<Node>) -> OnError {
    let words = [("relay", OnError::Relay), ("retry", OnError::Retry)];
    node.and_then(|node| node.choice(&words, &[])).unwrap_or_default()
}
