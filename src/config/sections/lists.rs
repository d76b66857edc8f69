//! Range lists: their names in `allow` and in `trusted_proxies`, and how long what is known of them counts.

use std::time::Duration;

use serde_yaml::Value;

use crate::config::model::Trusted;
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::quote;
use crate::policy::address::range_list::{ParsePrefixError, REVIEW_DAYS, parse_prefix};
use crate::policy::provider::Provider;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Reads `removed_grace`. Two weeks are longer than any sender tries again.
pub(crate) fn removed_grace(root: &Section) -> Duration {
    let set = root.get("removed_grace").and_then(|node| node.duration(Duration::ZERO..=14 * DAY));
    set.unwrap_or(DAY)
}

/// Reads `ranges_review`: whole days, because `# reviewed:` is a day.
pub(crate) fn ranges_review(root: &Section) -> Duration {
    let read = |node: Node| {
        if let Value::Number(days) = node.value {
            return node.problem(format!("{days} has no unit; write {days}d"));
        }
        let span = node.duration(DAY..=3650 * DAY)?;
        if !span.as_secs().is_multiple_of(DAY.as_secs()) || span.subsec_nanos() != 0 {
            return node.problem("is not a whole number of days, such as 90d");
        }
        Some(span)
    };
    root.get("ranges_review").and_then(read).unwrap_or(REVIEW_DAYS * DAY)
}

/// Reads `allow`; the default is the provider's lists. A list in `trusted_proxies` is refused, because a
/// trusted proxy is never a client.
pub(crate) fn allow(node: Option<&Node>, trusted: &[Trusted], provider: &Provider) -> Vec<String> {
    let all = provider.allow;
    let Some(node) = node else { return all.iter().map(|name| (*name).to_owned()).collect() };
    let wanted = format!("a list of range lists such as [{}]", all[..all.len().min(2)].join(", "));
    let Some(entries) = node.list(&wanted) else { return Vec::new() };
    if entries.is_empty() {
        node.problem::<()>("is empty; such a route admits nobody, leave the route out instead");
    }
    let mut names: Vec<String> = Vec::new();
    for entry in entries {
        let Some(name) = entry.parsed("the name of a range list", list_name) else { continue };
        if trusted.iter().any(|t| matches!(t, Trusted::List(list) if *list == name)) {
            entry.problem::<()>(format!(
                "{} is in trusted_proxies too, and a trusted proxy is never a client",
                quote(&name)
            ));
        }
        if names.contains(&name) {
            entry.problem::<()>(format!("{} is listed twice", quote(&name)));
        }
        names.push(name);
    }
    names
}

/// Why a text is not the name of a list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListNameError {
    /// It is a range itself.
    #[error("{0} is an address; write it into a file of the ranges folder, and that file's name here")]
    Address(String),
    /// It is the name of a file; the name of its list.
    #[error("a list is named without .txt; write {0}")]
    File(String),
    /// It holds other letters.
    #[error(
        "{0} is not the name of a list: letters, digits, '-', '_' and '.', a letter or digit first, 64 at most"
    )]
    Other(String),
}

/// Reads the name of a range list.
///
/// # Errors
/// What it is instead.
pub(crate) fn list_name(text: &str) -> Result<String, ListNameError> {
    if parse_prefix(text).is_ok() {
        return Err(ListNameError::Address(quote(text)));
    }
    if let Some(stem) = text.strip_suffix(".txt").filter(|stem| is_name(stem)) {
        return Err(ListNameError::File(stem.to_owned()));
    }
    if !is_name(text) {
        return Err(ListNameError::Other(quote(text)));
    }
    Ok(text.to_owned())
}

/// Whether a list, and so its file, may have this name: the rule of the configuration, of the loader and of the commands.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 64
        && text.bytes().all(plain)
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Reads `trusted_proxies`: CIDRs, addresses and names of lists.
pub(crate) fn trusted_proxies(root: &Section) -> Vec<Trusted> {
    let Some(node) = root.get_filled("trusted_proxies") else { return Vec::new() };
    let entries = node.list("a list of CIDRs such as [10.0.0.0/8]").unwrap_or_default();
    entries.iter().filter_map(|entry| entry.parsed("a CIDR or the name of a range list", trusted)).collect()
}

/// Why a text names no trusted proxy.
#[derive(Debug, thiserror::Error)]
enum TrustedError {
    /// All of IPv4 or of IPv6.
    #[error(
        "{0} trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses"
    )]
    Everybody(String),
    /// Neither a range nor the name of a list.
    #[error("{shown}: {source}")]
    Other {
        /// What stands there, as it may be shown.
        shown: String,
        /// Why it is no range.
        source: ParsePrefixError,
    },
}

fn trusted(text: &str) -> Result<Trusted, TrustedError> {
    if matches!(text, "0.0.0.0/0" | "::/0") {
        return Err(TrustedError::Everybody(text.to_owned()));
    }
    // A text with a dot is an address or a host name here, and never the name of a list.
    let name = is_name(text) && !text.contains('.') && text.bytes().any(|b| b.is_ascii_alphabetic());
    match parse_prefix(text) {
        Ok(prefix) => Ok(Trusted::Prefix(prefix)),
        Err(_) if name => Ok(Trusted::List(text.to_owned())),
        Err(source) => Err(TrustedError::Other { shown: quote(text), source }),
    }
}
