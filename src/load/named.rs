//! The lists that a config names, and which of them are missing.

use std::collections::BTreeSet;

use crate::config::read::units::quote;
use crate::config::{Config, Problem, Trusted, keys};
use crate::files::folder::{Folder, MOST_BYTES, MOST_FILES};
use crate::load::file_view::FileView;
use crate::load::lists::Lists;

/// Every list name in a config, with its key path.
pub(crate) fn list_names(config: &Config) -> Vec<(String, &str)> {
    let mut named = Vec::new();
    for (at, trusted) in config.trusted_proxies.iter().enumerate() {
        if let Trusted::List(name) = trusted {
            named.push((format!("trusted_proxies[{at}]"), name.as_str()));
        }
    }
    for (at, route) in config.routes.iter().enumerate() {
        let places = route.allow.iter().enumerate();
        named.extend(places.map(|(place, name)| (format!("routes[{at}].allow[{place}]"), name.as_str())));
    }
    named
}

/// A warning about the files that were not read, because there are too many.
pub(crate) fn unread(folder: &Folder) -> Option<Problem> {
    let (count, first) = folder.unread.as_ref()?;
    let message = format!(
        "{count} files that the config does not name are not read, the first is {}: more than {} MiB of range files or \
         {MOST_FILES} such files are too many; move them away",
        first.display(),
        MOST_BYTES >> 20
    );
    Some(Problem::new(folder.path.display().to_string(), message))
}

/// A problem for each list name without a file. A file that exists and is bad has its own problems.
pub(crate) fn unknown_lists(named: &[(String, &str)], lists: &Lists, look: &FileView) -> Vec<Problem> {
    let known: BTreeSet<&str> = lists.good.keys().chain(&lists.refused).map(String::as_str).collect();
    let there_are = if known.is_empty() {
        let folder = look.ranges.as_ref().map(|f| f.path.display().to_string()).unwrap_or_default();
        format!("; there is no *.txt file in {folder}")
    } else {
        format!("; there are: {}", known.iter().copied().collect::<Vec<_>>().join(", "))
    };
    let unknown = named.iter().filter(|(_, name)| !known.contains(name));
    unknown
        .map(|(at, name)| {
            let meant = keys::nearest(name, known.iter().copied())
                .map_or(String::new(), |near| format!(" (did you mean {near}?)"));
            Problem::new(at, format!("no list named {}{there_are}{meant}", quote(name)))
        })
        .collect()
}
