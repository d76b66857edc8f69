//! `routes[].signature`: what a route asks of the signature of a request.

use serde_yaml::Value;

use crate::config::keys;
use crate::config::model::SecretFile;
use crate::config::read::node::Node;
use crate::config::read::units::quote;
use crate::config::sections::signatures::word;
use crate::policy::demand::{Demand, Need};
use crate::policy::provider::Webhook;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::keyring::Owner;

const WANTED: &str = "off, note, require, or keys such as { need: require, secrets: [a1b2c3d] }";

/// Reads `signature`. What a file does not say depends on the webhook and on the secrets.
pub(crate) fn demand(node: Option<&Node>, secrets: &[SecretFile], webhook: Webhook) -> Demand {
    match node {
        None => Demand { need: natural(webhook, secrets, &[]), ..Demand::default() },
        Some(node) => read(node, secrets, webhook).unwrap_or_default(),
    }
}

fn read(node: &Node, secrets: &[SecretFile], webhook: Webhook) -> Option<Demand> {
    if !matches!(node.value, Value::Mapping(_)) {
        node.text(WANTED)?;
        return Some(Demand { need: need(node, secrets, &[], webhook)?, ..Demand::default() });
    }
    let section = node.section(WANTED)?;
    let named = section.get("secrets").map_or(Some(Vec::new()), |list| names(&list, secrets));
    let applications = section.get("applications").map_or(Some(Vec::new()), |list| applications(&list));
    let (named, applications) = (named?, applications?);
    if !applications.is_empty() && webhook.spec().signed == Signed::Parameter {
        let message =
            "refuses every message that is signed by the parameter `sig`, which names no application";
        node.source.report.warning(&format!("{}.applications", node.path), message);
    }
    let need = match section.get("need") {
        Some(own) => need(&own, secrets, &named, webhook)?,
        None => natural(webhook, secrets, &named),
    };
    Some(Demand { need, secrets: named, applications })
}

fn need(node: &Node, secrets: &[SecretFile], named: &[String], webhook: Webhook) -> Option<Need> {
    let need = node.choice(&[Need::Off, Need::Note, Need::Require].map(|one| (one.word(), one)), &[])?;
    if need == Need::Note && !counting(secrets, named) && !node.source.report.is_spoilt("signatures.secrets")
    {
        let message = "finds nothing good: signatures.secrets has no secret that counts here";
        node.source.report.warning(&node.path, message);
    }
    if need != Need::Require {
        return Some(need);
    }
    if !is_signed(webhook) {
        let message =
            format!("require would refuse every request: {} webhooks are not signed", webhook.name());
        return node.problem(message);
    }
    if counting(secrets, named) || node.source.report.is_spoilt("signatures.secrets") {
        return Some(need);
    }
    if secrets.is_empty() {
        return node.problem("require needs a secret in signatures.secrets");
    }
    node.problem(
        "require needs a secret in signatures.secrets: those there have a `name`, so the route must list them, as in \
         { need: require, secrets: [NAME] }",
    )
}

/// What a route asks that does not say it.
fn natural(webhook: Webhook, secrets: &[SecretFile], named: &[String]) -> Need {
    if is_signed(webhook) && counting(secrets, named) { Need::Note } else { Need::Off }
}

fn is_signed(webhook: Webhook) -> bool {
    webhook.spec().signed != Signed::Never && webhook.provider().signing.is_some()
}

/// Whether some secret counts on a route that names these.
fn counting(secrets: &[SecretFile], named: &[String]) -> bool {
    !named.is_empty() || secrets.iter().any(|one| matches!(one.owner, Owner::Account(_)))
}

/// Names and API keys of secrets that there are.
fn names(list: &Node, secrets: &[SecretFile]) -> Option<Vec<String>> {
    let known: Vec<&str> = secrets.iter().map(|one| one.owner.word()).collect();
    let known_all = !list.source.report.is_spoilt("signatures.secrets");
    let mut all = Vec::new();
    for entry in list.list("a list of names or API keys such as [a1b2c3d]")? {
        let name = word(&entry, "the name or API key of a secret in signatures.secrets")?;
        if known_all && !known.contains(&name.as_str()) {
            entry.problem::<()>(missing(&name, &known));
        }
        add(&entry, &mut all, name);
    }
    if all.is_empty() {
        return list.problem("is empty; leave it out for every secret with an api_key");
    }
    Some(all)
}

fn missing(name: &str, known: &[&str]) -> String {
    let shown = quote(name);
    if known.is_empty() {
        return format!("no secret named {shown}; signatures.secrets has none");
    }
    let meant = keys::nearest(name, known.iter().copied())
        .map_or(String::new(), |near| format!(" (did you mean {near}?)"));
    let mut known = known.to_vec();
    known.dedup();
    format!("no secret named {shown} in signatures.secrets; there are: {}{meant}", known.join(", "))
}

fn applications(list: &Node) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for entry in list.list("a list of application ids")? {
        add(&entry, &mut all, word(&entry, "the id of an application")?);
    }
    if all.is_empty() {
        return list.problem("is empty; leave it out for any application");
    }
    Some(all)
}

fn add(entry: &Node, all: &mut Vec<String>, word: String) {
    if all.contains(&word) {
        entry.problem::<()>(format!("{} is listed twice", quote(&word)));
    }
    all.push(word);
}
