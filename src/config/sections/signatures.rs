//! `signatures`: the secrets that webhooks are signed with, and what becomes of a request by its signature.
//!
//! Invariant: no message repeats what stands in the place of a secret's path, because it may be the secret.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_yaml::Value;

use crate::config::model::{Deny, Route, SecretFile, Signatures};
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::{is_secret, quote};
use crate::policy::address::range_list::Day;
use crate::policy::demand::{OnBad, Repeats, Unlisted};
use crate::policy::signature::keyring::Owner;
use crate::policy::signature::mac::Method;
use crate::policy::signature::secret::Encoding;

/// The variable that systemd sets for a service with `LoadCredential=`.
pub(crate) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The oldest signature that counts, where the file does not say.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(25 * 3600);
/// How far a signature may lie in the future, where the file does not say.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// All of an account are tried for a request, so their number is bounded.
const MOST: usize = 64;
/// The longest `api_key`. They have eight characters; what is longer may be a secret, which no message may repeat.
const LONGEST_KEY: usize = 12;
const AGES: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(720 * 3600);
const SKEWS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
const WANTED: &str = "keys such as { api_key: a1b2c3d, file: secrets/a1b2c3d }";
const FILE: &str = "the path of a file that holds the secret and nothing else";
const NO_SECRET: &str = "no secret stands in this file: write it into a file of its own, and name that file here, \
                         as in { api_key: a1b2c3d, file: secrets/a1b2c3d }";
/// Keys under which people write a secret itself.
const NOT_HERE: [&str; 6] = ["secret", "signature_secret", "value", "key", "text", "content"];
/// A shorter word in the place of a path may well be the name of a file.
const SECRET_FROM: usize = 16;

/// Reads `signatures`.
pub(crate) fn signatures(root: &Section) -> Signatures {
    let section = root.section("signatures");
    let methods = Method::ALL.map(|method| (method.word(), method));
    let failures = [("retry", OnBad::Retry), ("forbid", OnBad::Forbid)];
    let unlisted = [Unlisted::Retry, Unlisted::Admit, Unlisted::Deny].map(|one| (one.word(), one));
    let repeats = [("forward", Repeats::Forward), ("answer", Repeats::Answer)];
    let duration =
        |key, range, default| section.get(key).and_then(|node| node.duration(range)).unwrap_or(default);
    Signatures {
        secrets: secrets(&section),
        sms_method: section.get("sms_method").and_then(|node| node.choice(&methods, &[])).unwrap_or_default(),
        max_age: duration("max_age", AGES, MAX_AGE),
        clock_skew: duration("clock_skew", SKEWS, CLOCK_SKEW),
        failure: section.get("failure").and_then(|node| node.choice(&failures, &[])).unwrap_or_default(),
        repeats: section.get("repeats").and_then(|node| node.choice(&repeats, &[])).unwrap_or_default(),
        unlisted: section.get("unlisted").and_then(|node| node.choice(&unlisted, &[])).unwrap_or_default(),
    }
}

fn secrets(section: &Section) -> Vec<SecretFile> {
    let Some(node) = section.get_filled("secrets") else { return Vec::new() };
    if refuses(&node) {
        return Vec::new();
    }
    let Some(entries) = node.list("a list such as [{ api_key: a1b2c3d, file: secrets/a1b2c3d }]") else {
        return Vec::new();
    };
    if entries.len() > MOST {
        node.problem::<()>(format!("has {} secrets; at most {MOST} are allowed", entries.len()));
    }
    let mut read: Vec<SecretFile> = Vec::new();
    for entry in entries {
        let Some(own) = secret(&entry) else { continue };
        note_same(&entry, &own, &read);
        read.push(own);
    }
    read
}

fn secret(entry: &Node) -> Option<SecretFile> {
    if refuses(entry) || holds_secret(entry) {
        return None;
    }
    let section = entry.section(WANTED)?;
    let encodings = [("text", Encoding::Text), ("base64", Encoding::Base64)];
    // Read each key, so that the problems of all are reported.
    let owner = owner(&section, entry);
    let file = section.get("file");
    if file.is_none() {
        section.problem("file", format!("missing; wanted {FILE}"));
    }
    let at = format!("{}.file", entry.path);
    let file = file.and_then(|node| path(&node));
    let encoding = section.get("encoding").map_or(Some(Encoding::Text), |node| node.choice(&encodings, &[]));
    let until = match section.get("until") {
        None => None,
        Some(node) => Some(until(&node)?),
    };
    let (owner, file, encoding) = (owner?, file?, encoding?);
    Some(SecretFile { at, owner, file, until, encoding })
}

/// Refuses a text where a list or a mapping should be: it may be the secret.
fn refuses(node: &Node) -> bool {
    let refused = matches!(node.value, Value::String(_) | Value::Number(_));
    if refused {
        node.problem::<()>(NO_SECRET);
    }
    refused
}

/// Whether a mapping has a secret under some key, which is reported.
fn holds_secret(entry: &Node) -> bool {
    let is_there = |key: &&&str| entry.value.get(**key).is_some();
    let Some(key) = NOT_HERE.iter().find(is_there) else { return false };
    entry.source.report.problem(&format!("{}.{key}", entry.path), NO_SECRET);
    true
}

/// Whose it is: exactly one of the two keys says so.
fn owner(section: &Section, entry: &Node) -> Option<Owner> {
    let word = |node: &Node| word(node, "a word of letters, digits, '-', '_' and '.'");
    match (section.get("api_key"), section.get("name")) {
        (Some(key), None) if key.value.as_str().is_some_and(|text| text.len() > LONGEST_KEY) => {
            key.problem(format!("is longer than {LONGEST_KEY} characters: it wants the API key of the account, which has eight. If it is a secret, write that into a file of its own"))
        }
        (Some(key), None) => word(&key).map(Owner::Account),
        (None, Some(name)) => word(&name).map(Owner::Name),
        (Some(_), Some(name)) => {
            name.problem("cannot be set together with `api_key`: a secret of an account counts on every route, one with a name on the routes that name it")
        }
        (None, None) => entry.problem(
            "needs `api_key`, the account whose secret it is, or `name`, by which routes name the secret",
        ),
    }
}

/// A word that can be named in messages, in the log and in metrics.
pub(super) fn word(node: &Node, wanted: &str) -> Option<String> {
    if let Value::Number(_) = node.value {
        // YAML reads 1e234567 as a number, and 0123 as another one.
        return node.problem("is read as a number; write it in quotes");
    }
    let text = node.text(wanted)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.len() > 64 || !text.bytes().all(plain) {
        return node.problem(format!("{} is not {wanted}, at most 64", quote(text)));
    }
    Some(text.to_owned())
}

/// The path of a secret's file; not the secret.
fn path(node: &Node) -> Option<PathBuf> {
    if let Value::String(text) = node.value
        && looks_like_secret(text)
    {
        let count = text.chars().count();
        return node.problem(format!(
            "looks like a secret itself ({count} characters), wanted {FILE}; a file of such a name is written with its folder, as ./NAME"
        ));
    }
    node.file(FILE)
}

/// Whether a text is rather a secret than the name of a file.
pub(crate) fn looks_like_secret(text: &str) -> bool {
    if text.starts_with(['/', '.', '$']) || text.contains("-----BEGIN") {
        return false;
    }
    let has = |of: fn(u8) -> bool| text.bytes().any(of);
    let of_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b' ');
    let mixed = has(|b| b.is_ascii_digit()) && has(|b| b.is_ascii_alphabetic());
    let long = text.len() >= SECRET_FROM && mixed && !text.contains(['.', '/']);
    is_secret(text) || long || !text.bytes().all(of_a_name)
}

fn until(node: &Node) -> Option<Day> {
    let wanted = "a date such as 2026-12-31";
    let text = node.text(wanted)?;
    Day::parse(text).or_else(|| node.problem(format!("{} is not {wanted}", quote(text))))
}

/// Reports an entry that says what an earlier one does, or that has the name of an account.
fn note_same(entry: &Node, own: &SecretFile, earlier: &[SecretFile]) {
    let place = |one: &SecretFile| one.at.trim_end_matches(".file").to_owned();
    if let Some(same) = earlier.iter().find(|one| one.owner == own.owner && one.file == own.file) {
        entry.problem::<()>(format!("names the same file as {} for the same owner", place(same)));
    }
    // A route names both in one list.
    let confused = |one: &&SecretFile| one.owner != own.owner && one.owner.word() == own.owner.word();
    if let Some(other) = earlier.iter().find(confused) {
        let shown = quote(own.owner.word());
        let (here, elsewhere) = match own.owner {
            Owner::Account(_) => ("an `api_key`", "a `name`"),
            Owner::Name(_) => ("a `name`", "an `api_key`"),
        };
        entry.problem::<()>(format!("{shown} is {here} here and {elsewhere} elsewhere, in {}", place(other)));
    }
}

/// Warns of what is said for strangers where nothing is read of them.
pub(crate) fn note_dropped(root: &Section, deny: Deny) {
    let said = root.get("signatures").is_some_and(|node| node.value.get("unlisted").is_some());
    if said && deny == Deny::Drop {
        let message = "has no effect with `deny: drop`: nothing that a stranger sends is read";
        root.source().report.warning("signatures.unlisted", message);
    }
}

/// Warns of secrets that count nowhere, because no route names them.
pub(crate) fn note_unused(root: &Section, secrets: &[SecretFile], routes: &[Route]) {
    for one in secrets {
        let Owner::Name(name) = &one.owner else { continue };
        if !routes.iter().any(|route| route.signature.secrets.contains(name)) {
            let place = one.at.trim_end_matches(".file");
            let message = format!("counts nowhere: no route has {} in `signature.secrets`", quote(name));
            root.source().report.warning(place, message);
        }
    }
}
