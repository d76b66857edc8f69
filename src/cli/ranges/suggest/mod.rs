//! `ranges suggest`: what to add to a list for senders that no list holds and that proved themselves by a signature.
//!
//! The gate keeps them; an access log has them too. Which network stands for which senders is decided in
//! `policy::address::suggest`. Invariant: nothing is written; the text is a part of a range file, with its source.

mod seen;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Serialize;

use self::seen::{from_gate, from_log};
use crate::admin::api::strangers::SignedStranger;
use crate::cli::flags::Settings;
use crate::cli::ranges::setting::loaded;
use crate::cli::signature::moment::Moment;
use crate::cli::{DENIED, Failure, USAGE, failed, print, print_json};
use crate::config::Trusted;
use crate::config::keys::nearest;
use crate::policy::address::addr::Address;
use crate::policy::address::reserved::reserved;
use crate::policy::address::suggest::suggest;
use crate::policy::visible::is_hidden;
use crate::state::snapshot::{List, Snapshot};

/// Print what to add to a list for senders that no list holds and that proved themselves by a signature.
///
/// Such a sender may be the provider on a new range. Compare what is printed with the published list before you add it.
/// The running gate is asked; without one, the file in its state folder is read.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 there is something to add, 1 nobody could be asked, 3 there is nothing, 78 bad configuration or ranges.\n\n\
                  Example: nexmo-gate ranges suggest sms >> ranges/sms.txt"
)]
pub(crate) struct Args {
    /// The list: only senders on routes that allow it [default: all]
    #[arg(value_name = "LIST")]
    list: Option<String>,
    /// Read an access log (JSON lines) instead of asking the gate; - reads standard input
    #[arg(long, value_name = "ACCESS_LOG")]
    from: Option<PathBuf>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// A network to add, and who stands for it.
#[derive(Debug, Serialize)]
struct Suggestion {
    addresses: Vec<IpAddr>,
    first: String,
    last: String,
    network: String,
    requests: u64,
    routes: Vec<String>,
    signed_by: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let snapshot = loaded(&args.settings)?;
    let list = args.list.as_deref().map(|name| list_of(&snapshot, name)).transpose()?;
    let mut seen = match &args.from {
        Some(path) => from_log(path)?,
        None => from_gate(&args.settings, &snapshot)?,
    };
    if let Some(list) = list {
        seen.retain(|one| one.routes.iter().any(|label| allows(&snapshot, label, list)));
    }
    let taken = |network: IpNet| is_taken(&snapshot, list, network);
    let networks = suggest(seen.iter().map(|one| one.address), taken);
    let suggestions: Vec<Suggestion> = networks.iter().map(|network| suggestion(*network, &seen)).collect();
    let left_out = seen.len() - suggestions.iter().map(|one| one.addresses.len()).sum::<usize>();
    if args.json { print_json(&json(&suggestions)?) } else { print(&text(&suggestions)) }?;
    if left_out > 0 {
        eprintln!(
            "left out: {left_out} of {} senders, which a list holds now, or which are a trusted proxy or in reserved space",
            seen.len()
        );
    }
    if suggestions.is_empty() {
        eprintln!("nothing to add: no sender that no list holds proved itself by a signature");
    }
    Ok(if suggestions.is_empty() { DENIED } else { 0 })
}

fn list_of<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s List, Failure> {
    let found = snapshot.lists.get(name).map(AsRef::as_ref);
    found.ok_or_else(|| {
        let names = || snapshot.lists.keys().map(String::as_str);
        let meant =
            nearest(name, names()).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        let there: Vec<&str> = names().collect();
        let line = format!("there is no list {name}{meant} (there are: {})", there.join(", "));
        Failure { code: USAGE, lines: vec![line] }
    })
}

/// Whether the route with this label allows the list.
fn allows(snapshot: &Snapshot, label: &str, list: &List) -> bool {
    let of_route = |allow: &[std::sync::Arc<List>]| allow.iter().any(|allowed| allowed.name == list.name);
    snapshot.routes.iter().any(|route| route.label == label && of_route(&route.allow))
}

/// Whether a network has an address that must not be suggested: a list has it, or a proxy, or nobody on the Internet.
fn is_taken(snapshot: &Snapshot, list: Option<&List>, network: IpNet) -> bool {
    let has = |list: &List| {
        list.ranges.set().contains(Address::new(network.addr()))
            || list.ranges.entries().iter().any(|entry| network.contains(&entry.prefix))
    };
    let listed = match list {
        Some(list) => has(list),
        None => snapshot.admitting.iter().any(|list| has(list)),
    };
    let proxy = || {
        snapshot.trusted.contains(Address::new(network.addr()))
            || trusted(snapshot).any(|proxy| network.contains(&proxy))
    };
    listed || reserved(&network).is_some() || proxy()
}

/// The prefixes of the trusted proxies.
fn trusted(snapshot: &Snapshot) -> impl Iterator<Item = IpNet> {
    let prefixes = |trusted: &Trusted| match trusted {
        Trusted::Prefix(prefix) => vec![*prefix],
        Trusted::List(name) => {
            let list = snapshot.lists.get(name);
            list.iter().flat_map(|list| list.ranges.entries()).map(|entry| entry.prefix).collect()
        }
    };
    snapshot.config.trusted_proxies.iter().flat_map(prefixes)
}

fn suggestion(network: IpNet, seen: &[SignedStranger]) -> Suggestion {
    let inside: Vec<&SignedStranger> = seen.iter().filter(|one| network.contains(&one.address)).collect();
    let distinct = |mut texts: Vec<String>| {
        texts.sort();
        texts.dedup();
        texts
    };
    let time = |seconds: Option<u64>| Moment(seconds.unwrap_or_default()).text();
    Suggestion {
        addresses: inside.iter().map(|one| one.address).collect(),
        first: time(inside.iter().map(|one| one.first).min()),
        last: time(inside.iter().map(|one| one.last).max()),
        network: network.to_string(),
        requests: inside.iter().map(|one| one.requests).sum(),
        routes: distinct(inside.iter().flat_map(|one| &one.routes).map(|route| one_line(route)).collect()),
        signed_by: distinct(inside.iter().map(|one| one_line(&one.signed_by)).collect()),
    }
}

/// A log or a file may say anything, and what stands behind a line end would be a line of the list.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

fn json(suggestions: &[Suggestion]) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(suggestions).map_err(|error| failed(error.to_string()))?;
    Ok(text + "\n")
}

/// As a part of a range file.
fn text(suggestions: &[Suggestion]) -> String {
    let mut out = String::new();
    for one in suggestions {
        let requests = plural(one.requests, "request");
        let addresses = plural(one.addresses.len() as u64, "address");
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "# source: seen by this gate, signed by {}: {requests} from {addresses}, {} to {}, for {}\n# as-of: {}\n{}",
            one.signed_by.join(", "),
            one.first,
            one.last,
            one.routes.join(" "),
            &one.last[..10],
            one.network
        );
    }
    out
}

fn plural(count: u64, word: &str) -> String {
    let ending = match (count, word.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {word}{ending}")
}
