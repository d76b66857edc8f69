//! The replay before a publication: the access log of the configuration, judged with what would be published.
//!
//! Of the configuration only lists, routes and the place of the log are needed, as for the other commands that change a list.
//! Invariant: where nobody can say who would be lost, that is said; a log that is there and may not be read holds the
//! publication.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::admin::text::quantity::counted;
use crate::cli::ranges::replay::lines::Unread;
use crate::cli::ranges::replay::reading::Reading;
use crate::cli::ranges::replay::report::{Asked, ReplayReport};
use crate::cli::ranges::replay::rotated::{Unlisted, files};
use crate::cli::ranges::replay::stamp;
use crate::cli::ranges::replay::text::requests;
use crate::cli::ranges::review::{Held, Review};
use crate::cli::ranges::setting::{Live, Setting};
use crate::config::{AccessLog, LogFormat};
use crate::judge::trial::Trial;
use crate::policy::address::range_list::RangeList;
use crate::policy::proposal::guard::LATELY;
use crate::policy::proposal::moves::Moves;

/// The bytes of logs, unpacked, for which somebody waits who publishes.
const MOST_BYTES: u64 = 2 << 30;
const DAYS: u64 = LATELY.as_secs() / 86_400;

/// A list as it would be published.
pub(crate) struct Next<'a> {
    /// Its content.
    pub ranges: &'a RangeList,
    /// How it differs from the list.
    pub moves: &'a Moves,
}

/// Why no request was judged again.
#[derive(Debug, thiserror::Error)]
enum Silent {
    /// The log goes elsewhere.
    #[error("`log.access` is {0} and no file; `ranges replay` reads a log from standard input too")]
    Elsewhere(&'static str),
    /// There is none yet, or not any more.
    #[error("{}: has no line of the last {DAYS} days", .0.display())]
    None(PathBuf),
    /// It cannot be found.
    #[error(transparent)]
    Unlisted(#[from] Unlisted),
    /// It says nothing of anybody.
    #[error("{}: has no request of the last {DAYS} days that can be judged{}", .0.display(), Form(.1))]
    Mute(PathBuf, LogFormat),
}

/// What the form of a log has to do with it.
struct Form<'a>(&'a LogFormat);

impl std::fmt::Display for Form<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            LogFormat::Json => Ok(()),
            LogFormat::Text => f.write_str("; `log.format: text` has no routes"),
        }
    }
}

/// Judges the requests of the last days again, and adds to the review what speaks against the next content of the list. Where no
/// address goes nobody can be lost, and no log is read.
pub(crate) fn replay(
    setting: &Setting,
    live: &Live,
    next: &Next<'_>,
    review: &mut Review,
) -> Option<ReplayReport> {
    let difference = &next.moves.difference;
    if difference.v4.lost == 0 && difference.v6.lost == 0 {
        return None;
    }
    match judged(setting, live, next, review) {
        Ok(report) => Some(report),
        Err(Silent::Unlisted(Unlisted::Closed { path, error })) => {
            review.held.push(unread(&Unread::Closed { path, error }));
            None
        }
        Err(silent) => {
            review.unknown.push(format!("no replay ran, so nobody can say who would be lost: {silent}"));
            None
        }
    }
}

fn judged(
    setting: &Setting,
    live: &Live,
    next: &Next<'_>,
    review: &mut Review,
) -> Result<ReplayReport, Silent> {
    let log = file(&setting.log.access)?;
    let since = SystemTime::now() - LATELY;
    let files = files(log, since)?;
    if files.is_empty() {
        return Err(Silent::None(log.to_owned()));
    }
    let (mut lists, absent) = setting.beside();
    lists.extend(setting.before_list(live).map(|list| (setting.list.clone(), list)));
    let tried = BTreeMap::from([(setting.list.clone(), next.ranges.clone())]);
    let routes = setting.routes.iter().map(|route| {
        let lists = route.allow.iter().filter_map(|name| Some((name.as_str(), lists.get(name)?)));
        (route.label(), lists.collect())
    });
    let trial = Trial::of(routes, &tried);
    let since = stamp(since);
    let mut reading = Reading::new(&trial, since, MOST_BYTES);
    let mut closed = 0;
    for file in &files {
        match reading.add(file) {
            Ok(_) => {}
            // It was rotated away just now.
            Err(Unread::Closed { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error @ Unread::Compressed { .. }) => review.unknown.push(error.to_string()),
            Err(error) => {
                closed += 1;
                review.held.push(unread(&error));
            }
        }
    }
    for (log, why) in &reading.unfinished {
        review.unknown.push(format!("{log} was not read to its end: {why}"));
    }
    if reading.is_cut {
        review.unknown.push(format!(
            "only {} MiB of the access log were read, the newest first; `ranges replay` reads all of it",
            MOST_BYTES >> 20
        ));
    }
    if !absent.is_empty() {
        review.unknown.push(format!(
            "of the lists {} there is no good file, so the replay was without them",
            absent.join(", ")
        ));
    }
    if reading.tally.lines.judged == 0 && closed == 0 {
        return Err(Silent::Mute(log.to_owned(), setting.log.format));
    }
    let Reading { tally, unfinished, .. } = reading;
    let asked = Asked { lists: vec![setting.list.clone()], since, unfinished };
    let labels: Vec<String> = setting.routes.iter().map(crate::config::Route::label).collect();
    let report = ReplayReport::new(&tally, asked, |route| labels.get(route).map_or("", String::as_str));
    let lost = lost(&report, review);
    review.held.extend(lost);
    Ok(report)
}

fn file(access: &AccessLog) -> Result<&Path, Silent> {
    match access {
        AccessLog::File(path) => Ok(path),
        AccessLog::Stdout => Err(Silent::Elsewhere("stdout")),
        AccessLog::Stderr => Err(Silent::Elsewhere("stderr")),
        AccessLog::Off => Err(Silent::Elsewhere("off")),
    }
}

/// The objection that somebody would be lost.
fn lost(report: &ReplayReport, review: &Review) -> Option<Held> {
    let last = report.lost.networks.iter().map(|network| network.last.as_str()).max()?;
    let requests = requests(report.lost.requests);
    let networks = counted(report.lost.networks.len(), "network", "networks");
    // The gate's own count is told beside it.
    let same =
        if review.held.iter().any(|held| held.reason == "hit") { "; the gate counted them too" } else { "" };
    let message = format!(
        "somebody would be lost: {requests} of {networks} in the access log, the last at {last}{same}"
    );
    Some(Held { message, reason: "lost".to_owned() })
}

/// The objection that nobody can say whether somebody would be.
fn unread(error: &Unread) -> Held {
    let is_forbidden =
        matches!(error, Unread::Closed { error, .. } if error.kind() == io::ErrorKind::PermissionDenied);
    let advice = if is_forbidden { "; run this as a user who may read the log" } else { "" };
    let message =
        format!("the access log cannot be read, so nobody can say who would be lost: {error}{advice}");
    Held { message, reason: "unread".to_owned() }
}
