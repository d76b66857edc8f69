//! The chosen lists, as the gate reads them.
//!
//! Invariant: nothing is exported of files in which the gate would find a problem, and each problem is told with file and line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::cli::flags::Settings;
use crate::cli::loading;
use crate::cli::{BAD_CONFIG, Failure};
use crate::config::Trusted;
use crate::load::loader::Loader;
use crate::state::snapshot::{List, Snapshot};

/// Where no configuration is, none names an application, and nothing is sent to one here.
const NOWHERE: &str = "http://127.0.0.1:1";

/// The lists, and what may stand between a firewall and the senders.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Each once, in the order of their names.
    pub lists: Vec<Arc<List>>,
    /// The trusted proxies that are on other machines.
    pub proxies: Vec<IpNet>,
}

/// Reads the configuration and every range file; without a configuration or with `--ranges` alone, only the folder.
pub(super) fn read(settings: &Settings, names: &[String]) -> Result<Chosen, Failure> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    // With a folder and nothing else, a configuration that happens to be in a usual place is not meant.
    let keys = &settings.keys;
    let has_config = settings.file.config.is_some()
        || keys.upstream.is_some()
        || (keys.ranges.is_none() && settings.file.path().is_some());
    let snapshot = if has_config {
        loading::read(settings)?.snapshot
    } else {
        folder_alone(settings, keys.ranges.clone(), &names)?
    };
    let proxies = proxies(&snapshot);
    let all_good = names.iter().all(|name| snapshot.lists.contains_key(*name));
    // A bad file that no route names is a warning for the gate. Here it is named.
    let snapshot = if all_good {
        snapshot
    } else {
        folder_alone(settings, Some(snapshot.config.ranges.display().to_string()), &names)?
    };
    let list = |name: &&str| {
        let none = || Failure { code: BAD_CONFIG, lines: vec![format!("no list named {name:?}")] };
        snapshot.lists.get(*name).map(Arc::clone).ok_or_else(none)
    };
    let lists = names.iter().map(list).collect::<Result<_, _>>()?;
    Ok(Chosen { lists, proxies })
}

/// Reads the range files as for a configuration that names just these lists.
fn folder_alone(
    settings: &Settings,
    ranges: Option<String>,
    names: &BTreeSet<&str>,
) -> Result<Snapshot, Failure> {
    let mut overrides = settings.overrides();
    overrides.upstream = Some(NOWHERE.to_owned());
    overrides.allow = Some(names.iter().copied().collect::<Vec<_>>().join(","));
    overrides.ranges = ranges;
    let (loaded, _) = Loader::new(None::<PathBuf>, overrides).inspect();
    let read = loading::judge(None, loaded).map_err(|mut failure| {
        for line in &mut failure.lines {
            // The flag stands for the words of the command line here.
            let said = line.strip_prefix("--allow").and_then(|rest| rest.split_once(": "));
            if let Some((_, said)) = said {
                *line = said.to_owned();
            }
        }
        failure
    })?;
    Ok(read.snapshot)
}

/// The trusted proxies that matter to a firewall: of one on this machine, a firewall in front of the machine sees the senders.
fn proxies(snapshot: &Snapshot) -> Vec<IpNet> {
    let of = |trusted: &Trusted| match trusted {
        Trusted::Prefix(prefix) => vec![*prefix],
        Trusted::List(name) => {
            let list = snapshot.lists.get(name);
            list.iter().flat_map(|list| list.ranges.entries()).map(|entry| entry.prefix).collect()
        }
    };
    let is_elsewhere = |net: &IpNet| !(net.network().is_loopback() && net.broadcast().is_loopback());
    let mut all: Vec<IpNet> =
        snapshot.config.trusted_proxies.iter().flat_map(of).filter(is_elsewhere).collect();
    all.sort_unstable();
    all.dedup();
    all
}
