//! What the configuration says to the commands of lists: the ranges folder, and who may name clients.
//!
//! The configuration alone is read. Certificates, secrets and the other lists may be unreadable for whoever proposes.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::cli::flags::{Gate, Settings};
use crate::cli::{BAD_CONFIG, Failure, USAGE, failed, loading};
use crate::config::{self, AccessLog, Log, Route, Trusted, list_name};
use crate::files::file::{range_files, read};
use crate::files::folder::MOST_BYTES;
use crate::load::proposals::history::{Generation, History, read_history};
use crate::load::proposals::places::{Places, StoreError};
use crate::load::proposals::proposal::Proposal;
use crate::load::proposals::record::sha256;
use crate::policy::address::range_list::{RangeList, parse};
use crate::policy::proposal::moves::set;
use crate::policy::visible::is_hidden;
use crate::state::snapshot::Snapshot;

/// What a command is about.
#[derive(Debug)]
pub(super) struct Setting {
    /// The name of the list.
    pub list: String,
    /// Where it lies.
    pub places: Places,
    /// How to find the running gate.
    pub gate: Gate,
    /// After so many days a list counts as not reviewed.
    pub review_days: i64,
    /// Where the access log is.
    pub log: Log,
    /// What is served, and which lists it allows.
    pub routes: Vec<Route>,
    /// Who may name clients.
    pub trusted: Vec<Trusted>,
    /// Where the gate keeps its last good copies.
    pub state: Option<PathBuf>,
    /// Whether damaged records were named.
    is_told: Cell<bool>,
}

/// The list as it lies there.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Its bytes, if there is a file.
    pub bytes: Option<Vec<u8>>,
    /// Its prefixes, if the file is good.
    pub list: Option<RangeList>,
}

impl Setting {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The configuration has problems, or there can be no list of this name.
    pub(super) fn read(settings: &Settings, list: &str) -> Result<Self, Failure> {
        let list =
            list_name(list).map_err(|error| Failure { code: USAGE, lines: vec![error.to_string()] })?;
        let path = settings.file.path();
        let bad = |lines: Vec<String>| Failure { code: BAD_CONFIG, lines };
        let text =
            path.as_deref().map(|path| config_text(path).map_err(|error| bad(vec![error.to_string()])));
        let text = text.transpose()?;
        let base = path.as_deref().and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
        let mut overrides = settings.overrides();
        // Whoever changes lists is no service, and needs no secret: no path of theirs is opened.
        overrides.credentials.get_or_insert_with(|| "credentials".to_owned());
        without_upstream(path.as_deref(), &mut overrides.upstream);
        let parsed = config::parse(text.as_deref(), &overrides, &base)
            .map_err(|problems| bad(problems.iter().map(ToString::to_string).collect()))?;
        Ok(Self {
            list,
            places: Places::new(&whole(&parsed.config.ranges)),
            gate: Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() },
            review_days: parsed.config.review_days(),
            log: with_whole_paths(parsed.config.log),
            routes: parsed.config.routes,
            trusted: parsed.config.trusted_proxies,
            state: parsed.config.state,
            is_told: Cell::new(false),
        })
    }

    /// The list as it lies there.
    pub(super) fn live(&self) -> Live {
        let bytes = read(&self.places.live(&self.list), MOST_BYTES).ok();
        let list = bytes.as_deref().and_then(|bytes| parse(bytes).ok());
        Live { bytes, list }
    }

    /// The prefixes that a change is compared with: those of the list, or of its newest generation if the file is gone or
    /// bad.
    pub(super) fn before(&self, live: &Live) -> BTreeSet<IpNet> {
        set(self.before_list(live).as_ref())
    }

    /// The same as a list; none if there never was one.
    pub(super) fn before_list(&self, live: &Live) -> Option<RangeList> {
        let newest = || self.history().into_iter().rev().find_map(|one| parse(&one.text().ok()?).ok());
        live.list.clone().or_else(newest)
    }

    /// The generations of the list, oldest first. Records that cannot be read are named once.
    pub(super) fn history(&self) -> Vec<Generation> {
        let History { generations, damaged } = read_history(&self.places, &self.list);
        if !damaged.is_empty() && !self.is_told.replace(true) {
            for error in damaged {
                eprintln!(
                    "warning: {error}; it is passed over and left where it is: mend it or move it away"
                );
            }
        }
        generations
    }

    /// Whether the file can be read as a list, or there never was one.
    pub(super) fn is_read(&self, live: &Live) -> bool {
        let never = || read_history(&self.places, &self.list) == History::default();
        match (&live.list, &live.bytes) {
            (Some(_), _) => true,
            (None, Some(_)) => false,
            (None, None) => never(),
        }
    }

    /// Who may name clients, except for this list itself.
    pub(super) fn trusted(&self) -> BTreeSet<IpNet> {
        let mut all = BTreeSet::new();
        for one in &self.trusted {
            match one {
                Trusted::Prefix(prefix) => all.extend([*prefix]),
                Trusted::List(name) if *name == self.list => {}
                Trusted::List(name) => all.extend(of_file(&self.places.live(name))),
            }
        }
        all
    }

    /// Whether the list says who may name clients.
    pub(super) fn names_proxies(&self) -> bool {
        self.trusted.contains(&Trusted::List(self.list.clone()))
    }

    /// The prefixes of the other lists in the folder, by name.
    pub(super) fn others(&self) -> Vec<(String, BTreeSet<IpNet>)> {
        let files = range_files(self.places.ranges()).unwrap_or_default();
        let other = |path: &PathBuf| {
            let name = path.file_stem()?.to_str().filter(|name| *name != self.list)?.to_owned();
            Some((name, of_file(path)))
        };
        files.iter().filter_map(other).collect()
    }
}

impl Live {
    /// The digest of the file.
    pub(super) fn digest(&self) -> Option<String> {
        self.bytes.as_deref().map(sha256)
    }
}

/// The same path from the root on: whoever reads a message may be in another folder.
pub(super) fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn with_whole_paths(mut log: Log) -> Log {
    if let AccessLog::File(path) = &mut log.access {
        *path = whole(path);
    }
    log
}

/// Without a file nothing names an application, and lists need none. The port is one that nobody listens on.
fn without_upstream(file: Option<&Path>, overrides: &mut Option<String>) {
    if file.is_none() {
        overrides.get_or_insert_with(|| "http://127.0.0.1:1".to_owned());
    }
}

/// Everything that a gate would load, for commands that judge requests by it.
///
/// # Errors
/// Every problem of the configuration and of the range files.
pub(super) fn loaded(settings: &Settings) -> Result<Snapshot, Failure> {
    let mut settings = settings.clone();
    without_upstream(settings.file.path().as_deref(), &mut settings.keys.upstream);
    Ok(loading::read(&settings)?.snapshot)
}

fn of_file(path: &Path) -> BTreeSet<IpNet> {
    set(list_of_file(path).as_ref())
}

fn list_of_file(path: &Path) -> Option<RangeList> {
    read(path, MOST_BYTES).ok().and_then(|bytes| parse(&bytes).ok())
}

fn config_text(path: &Path) -> Result<String, ConfigError> {
    let bytes =
        read(path, config::MAX_TEXT).map_err(|error| ConfigError(path.to_owned(), error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| ConfigError(path.to_owned(), "is not UTF-8 text".to_owned()))
}

/// The configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.display(), .1)]
struct ConfigError(PathBuf, String);

/// There is no proposal for the list; perhaps another one was meant.
pub(super) fn no_proposal(setting: &Setting) -> String {
    let (list, others) = (&setting.list, Proposal::lists(&setting.places));
    let there = if others.is_empty() {
        String::new()
    } else {
        format!("; there are proposals for {}", others.join(", "))
    };
    format!("there is no proposal for {list}{there}; `nexmo-gate ranges propose {list}` makes one")
}

/// A failure of the disk.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn store(error: StoreError) -> Failure {
    failed(error.to_string())
}

/// Who runs the command: who called sudo, or the user.
pub(super) fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let uid =
        || std::fs::metadata("/proc/self").map_or("somebody".to_owned(), |own| format!("uid {}", own.uid()));
    let name = named.filter(|name| !name.trim().is_empty()).unwrap_or_else(uid);
    name.chars().filter(|c| !is_hidden(*c)).take(64).collect()
}
