//! `ranges replay`: judges the requests of the access log again with a proposed list.
//!
//! The code that admits requests judges ([`crate::judge::trial`]). Invariant: any log can be given, in any order, whole or
//! cut, and takes a bounded amount of memory; of what it holds only addresses, times and the names of configured routes
//! are printed.
//!
//! | file | noun |
//! | --- | --- |
//! | [`lines`] | the lines of a log |
//! | [`entry`] | what a line is |
//! | [`reading`] | the reading of logs, one after the other |
//! | [`past`] | the reading of the log of a configuration, with its parts |
//! | [`tally`] | what was found |
//! | [`report`] | that, for programs |
//! | [`text`](mod@text) | and for people |
//! | [`before`] | the same before a publication, which it may hold |
//! | [`beside`] | the other lists that it is judged with |
//! | [`rotated`] | the files of a log that is rotated |
//! | [`names`] | their names |

pub(super) mod before;
pub(super) mod beside;
mod entry;
mod lines;
mod names;
mod past;
mod reading;
pub(super) mod report;
mod rotated;
mod tally;
pub(super) mod text;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::entry::Stamp;
use self::lines::{Unread, open};
use self::reading::{Copies, Reading};
use self::report::{Asked, ReplayReport};
use self::rotated::Unlisted;
use self::text::text;
use crate::cli::flags::Settings;
use crate::cli::ranges::UNREADABLE;
use crate::cli::ranges::setting::{loaded, whole};
use crate::cli::{DENIED, FAILED, Failure, USAGE, failed, print, print_json};
use crate::config::AccessLog;
use crate::config::read::error::QuantityError;
use crate::config::read::units::duration;
use crate::files::file::{ReadError, read};
use crate::files::folder::MOST_BYTES;
use crate::judge::trial::Trial;
use crate::load::proposals::lookout::{self, NotRanges};
use crate::load::proposals::places::{Places, StoreError};
use crate::load::proposals::proposal::Proposal;
use crate::policy::address::range_list::RangeList;
use crate::state::snapshot::Snapshot;
use crate::telemetry::timestamp;

/// Judge the requests of the access log again with a proposed list: who would be lost, who gained.
///
/// Each logged client is judged for the route that its request came to, by the lists as they are and by the proposal. The
/// logs may be compressed by gzip, and be given in any order; without one it is that of the configuration with its rotated
/// parts, as for `publish`. Networks are
/// shown as a /24, and of IPv6 as a /48.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 nobody would be lost, 3 somebody would be, 1 there is no proposal, 2 wrong \
                        use, 65 a log or the proposal is unreadable, or no replay ran, 78 bad configuration or ranges.\n\n\
                        Example: nexmo-gate ranges replay sms /var/log/nexmo-gate/access.log* --since 7d")]
pub(super) struct Args {
    /// The list, and the access logs; - reads one from standard input. With --all there are only logs
    #[arg(value_name = "LIST|ACCESS_LOG")]
    words: Vec<PathBuf>,
    /// The content to try; - reads it from standard input [default: the proposal for the list]
    #[arg(long = "with", value_name = "FILE")]
    with: Option<PathBuf>,
    /// Try every proposal that there is, all together
    #[arg(long, conflicts_with = "with")]
    all: bool,
    /// Only the requests of the last time, as in 7d or 12h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Duration>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Why nothing can be judged again.
#[derive(Debug, thiserror::Error)]
enum NoReplay {
    /// No list was named.
    #[error("name the list whose proposal is tried, or give --all")]
    NoList,
    /// There is no such list.
    #[error("there is no list {0:?}; there are: {1}")]
    NotAList(String, String),
    /// Nothing was proposed.
    #[error("there is no proposal for {0}; try a file: --with FILE")]
    NoProposal(String),
    /// Nothing was proposed for any list.
    #[error("there is no proposal; name a list and try a file: nexmo-gate ranges replay LIST --with FILE")]
    NoProposals,
    /// The proposal cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    With { path: PathBuf, error: ReadError },
    /// It is no range file.
    #[error("{}: {error}", .path.display())]
    NotRanges { path: PathBuf, error: NotRanges },
    /// The configuration names no file.
    #[error("name the access log: the configuration writes it to no file (`log.access`)")]
    NoLog,
    /// Standard input is named twice.
    #[error("standard input is named twice")]
    Twice,
    /// A log cannot be read.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// Two logs are copies of one.
    #[error(
        "{0} and {1} begin with the same request, so they are the same log, and would count twice: name one of them"
    )]
    Copy(String, String),
    /// There is nothing to read.
    #[error("no replay ran: {0}: no line")]
    Empty(String),
    /// The log of the configuration cannot be found.
    #[error(transparent)]
    Unlisted(#[from] Unlisted),
    /// It was rotated.
    #[error("{}: was rotated or cut while it was read, twice; run it again", .0.display())]
    Moved(PathBuf),
    /// No line is that of an access log.
    #[error("{0}: none of the lines is that of an access log of the gate with `log.format: json`")]
    NotALog(String),
}

impl NoReplay {
    fn code(&self) -> u8 {
        match self {
            Self::NoList | Self::NotAList(..) | Self::NoLog | Self::Twice => USAGE,
            Self::NoProposal(_) | Self::NoProposals => FAILED,
            Self::Store(_)
            | Self::With { .. }
            | Self::NotRanges { .. }
            | Self::Unread(_)
            | Self::Copy(..)
            | Self::Empty(_)
            | Self::Unlisted(_)
            | Self::Moved(_)
            | Self::NotALog(_) => UNREADABLE,
        }
    }
}

impl From<NoReplay> for Failure {
    fn from(error: NoReplay) -> Self {
        Self { code: error.code(), lines: vec![error.to_string()] }
    }
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let snapshot = loaded(&args.settings)?;
    let (list, logs) = if args.all { (None, args.words.as_slice()) } else { named(&args.words)? };
    let own = if logs.is_empty() { Some(log_of(&snapshot)?) } else { None };
    let logs = each_once(logs);
    let shown: Vec<String> = own.iter().chain(&logs).map(|log| log.display().to_string()).collect();
    if args.words.iter().chain(&args.with).filter(|path| **path == Path::new("-")).count() > 1 {
        return Err(NoReplay::Twice.into());
    }
    let tried = tried(&snapshot, list, args.with.as_deref())?;
    let trial = Trial::new(&snapshot, &tried);
    let at = args.since.map(|since| SystemTime::now() - since);
    let since = at.and_then(stamp);
    let begin = || Reading::new(&trial, since, u64::MAX);
    let reading = match &own {
        Some(log) => with_parts(log, at.unwrap_or(SystemTime::UNIX_EPOCH), begin)?,
        None => of_all(&logs, begin())?,
    };
    let Reading { tally, unfinished, .. } = reading;
    if tally.lines.all > 0 && !tally.lines.are_of_a_log() || tally.lines.all == 0 && !unfinished.is_empty() {
        return Err(NoReplay::NotALog(shown.join(", ")).into());
    }
    if tally.lines.all == 0 {
        return Err(NoReplay::Empty(shown.join(", ")).into());
    }
    let asked = Asked { lists: tried.keys().cloned().collect(), since, unfinished };
    let report = ReplayReport::new(&tally, asked, |route| {
        snapshot.routes.get(route).map_or("", |route| route.label.as_str())
    });
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| failed(error.to_string()))?;
        print_json(&(json + "\n"))?;
    } else {
        print(&text(&report))?;
    }
    Ok(if tally.lost.requests == 0 { 0 } else { DENIED })
}

/// The list, and the logs behind it.
fn named(words: &[PathBuf]) -> Result<(Option<&str>, &[PathBuf]), NoReplay> {
    let (list, logs) = words.split_first().ok_or(NoReplay::NoList)?;
    Ok((Some(list.to_str().ok_or(NoReplay::NoList)?), logs))
}

/// The log of the configuration.
fn log_of(snapshot: &Snapshot) -> Result<PathBuf, NoReplay> {
    match &snapshot.config.log.access {
        AccessLog::File(path) => Ok(whole(path)),
        AccessLog::Stdout | AccessLog::Stderr | AccessLog::Off => Err(NoReplay::NoLog),
    }
}

/// The reading of logs that were named.
fn of_all<'t>(logs: &[PathBuf], mut reading: Reading<'t>) -> Result<Reading<'t>, NoReplay> {
    for log in logs {
        if let Some(other) = reading.add(open(log)?, log, Copies::Refused)? {
            return Err(NoReplay::Copy(other, log.display().to_string()));
        }
    }
    Ok(reading)
}

/// The reading of a log with its rotated parts.
fn with_parts<'t>(
    log: &Path,
    since: SystemTime,
    begin: impl Fn() -> Reading<'t>,
) -> Result<Reading<'t>, NoReplay> {
    let mut past = past::read(log, since, begin, || ())?;
    if let Some(error) = past.closed.pop() {
        return Err(error.into());
    }
    if past.has_moved {
        return Err(NoReplay::Moved(log.to_owned()));
    }
    for strange in &past.strange {
        eprintln!("warning: {strange}; it was not read");
    }
    Ok(past.reading)
}

/// The logs, each file once, whatever its names are.
fn each_once(logs: &[PathBuf]) -> Vec<PathBuf> {
    let mut known = HashSet::new();
    let mut is_new = |log: &PathBuf| {
        let found = fs::metadata(log).ok().map(|found| (found.dev(), found.ino()));
        let is_new = log.as_os_str() == "-" || found.is_none_or(|found| known.insert(found));
        if !is_new {
            eprintln!("warning: {}: is named twice, and counts once", log.display());
        }
        is_new
    };
    logs.iter().filter(|log| is_new(log)).cloned().collect()
}

/// The lists that are tried, by name; `None` means every proposal.
fn tried(
    snapshot: &Snapshot,
    list: Option<&str>,
    with: Option<&Path>,
) -> Result<BTreeMap<String, RangeList>, NoReplay> {
    let places = Places::new(&snapshot.config.ranges);
    let proposed = |list: &str| -> Result<RangeList, NoReplay> {
        let text = Proposal::read(&places, list)?.ok_or_else(|| NoReplay::NoProposal(list.to_owned()))?.text;
        ranges(&places.proposals().join(format!("{list}.txt")), &text)
    };
    let Some(list) = list else {
        let all = Proposal::lists(&places).into_iter();
        let all: BTreeMap<_, _> =
            all.map(|list| Ok((list.clone(), proposed(&list)?))).collect::<Result<_, NoReplay>>()?;
        return if all.is_empty() { Err(NoReplay::NoProposals) } else { Ok(all) };
    };
    if !snapshot.lists.contains_key(list) {
        let known: Vec<&str> = snapshot.lists.keys().map(String::as_str).collect();
        return Err(NoReplay::NotAList(list.to_owned(), known.join(", ")));
    }
    let ranges = match with {
        Some(path) => ranges(path, &content(path)?)?,
        None => proposed(list)?,
    };
    Ok(BTreeMap::from([(list.to_owned(), ranges)]))
}

fn content(path: &Path) -> Result<Vec<u8>, NoReplay> {
    let unread = |error| NoReplay::With { path: path.to_owned(), error };
    if path != Path::new("-") {
        return read(path, MOST_BYTES).map_err(unread);
    }
    let mut text = Vec::new();
    io::stdin()
        .take(MOST_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| unread(ReadError::Io(error.into())))?;
    Ok(text)
}

fn ranges(path: &Path, text: &[u8]) -> Result<RangeList, NoReplay> {
    lookout::ranges(text).map_err(|error| NoReplay::NotRanges { path: path.to_owned(), error })
}

/// A time as the log has it.
fn stamp(at: SystemTime) -> Option<Stamp> {
    let mut text = Vec::new();
    timestamp::write(&mut text, at);
    Stamp::read(&text)
}

/// A time back from now.
fn since(text: &str) -> Result<Duration, SinceError> {
    let since = duration(text)?;
    // No log reaches further back, and the subtraction must not fail.
    if since > SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() {
        return Err(SinceError::Far);
    }
    Ok(since)
}

/// A time back from now that cannot be used.
#[derive(Debug, thiserror::Error)]
enum SinceError {
    /// It is none.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// It is too long ago.
    #[error("is before 1970")]
    Far,
}
