//! The replay before a publication: the access log of the configuration, judged with what would be published.
//!
//! Of the configuration only lists, routes and the place of the log are needed, as for the other commands that change a list.
//! Invariant: where nobody can say who would be lost, that is said; a log that is there and cannot be read, or not for
//! the most part, holds the publication.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::admin::text::quantity::{counted, grouped};
use crate::cli::ranges::replay::beside::{Beside, beside};
use crate::cli::ranges::replay::lines::Unread;
use crate::cli::ranges::replay::past::{self, Past};
use crate::cli::ranges::replay::reading::Reading;
use crate::cli::ranges::replay::report::{Asked, ReplayReport};
use crate::cli::ranges::replay::rotated::Unlisted;
use crate::cli::ranges::replay::stamp;
use crate::cli::ranges::replay::text::requests;
use crate::cli::ranges::review::{Held, Review};
use crate::cli::ranges::setting::{Live, Setting};
use crate::config::{AccessLog, LogFormat};
use crate::judge::trial::{Proxies, Trial};
use crate::policy::address::range_list::RangeList;
use crate::policy::proposal::guard::LATELY;
use crate::policy::proposal::moves::Moves;

/// The bytes of logs, unpacked, for which somebody waits who publishes.
const MOST_BYTES: u64 = 2 << 30;
/// A list is held when more than one line in so many cannot be judged.
const ONE_IN: u64 = 10;
/// The files that a warning names.
const MOST_NAMED: usize = 5;
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
/// address goes nobody can be lost, and no log is read; but whoever becomes a proxy is no client any more.
pub(crate) fn replay(
    setting: &Setting,
    live: &Live,
    next: &Next<'_>,
    review: &mut Review,
) -> Option<ReplayReport> {
    let difference = &next.moves.difference;
    let is_smaller = difference.v4.lost > 0 || difference.v6.lost > 0;
    let is_proxies = setting.names_proxies();
    if !is_smaller && (!is_proxies || next.moves.added.is_empty()) {
        return None;
    }
    if is_smaller && is_proxies {
        review.unknown.push("the access log has only the nearest proxy of each request, so nobody can say whether one that goes stands behind it".to_owned());
    }
    match judged(setting, live, next, review) {
        Ok(report) => Some(report),
        Err(Silent::Unlisted(Unlisted::Closed { path, error })) => {
            review.held.push(closed(&Unread::Closed { path, error }));
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
    let Beside { mut lists, notes } = beside(setting);
    review.unknown.extend(notes);
    lists.extend(setting.before_list(live).map(|list| (setting.list.clone(), list)));
    let tried = BTreeMap::from([(setting.list.clone(), next.ranges.clone())]);
    let routes = setting.routes.iter().map(|route| {
        let lists = route.allow.iter().filter_map(|name| Some((name.as_str(), lists.get(name)?)));
        (route.label(), lists.collect())
    });
    let proxies = Proxies::of(&setting.trusted, |name| lists.get(name), &tried);
    let trial = Trial::of(routes, proxies, &tried);
    let oldest = stamp(since);
    let past = past::read(log, since, || Reading::new(&trial, oldest, MOST_BYTES), || ())?;
    let is_held = review.held.len();
    review.held.extend(unread(log, &past, setting.log.format));
    review.unknown.extend(unknown(log, &past));
    if past.files == 0 && past.closed.is_empty() {
        return Err(Silent::None(log.to_owned()));
    }
    let Reading { tally, unfinished, .. } = past.reading;
    if tally.lines.judged == 0 && review.held.len() == is_held {
        return Err(Silent::Mute(log.to_owned(), setting.log.format));
    }
    let asked = Asked { lists: vec![setting.list.clone()], since: oldest, unfinished };
    let labels: Vec<String> = setting.routes.iter().map(crate::config::Route::label).collect();
    let report = ReplayReport::new(&tally, asked, |route| labels.get(route).map_or("", String::as_str));
    let lost = lost(&report, review);
    review.held.extend(lost);
    Ok(report)
}

/// What of the log could not be read or judged, and holds the list.
fn unread(log: &Path, past: &Past<'_>, format: LogFormat) -> Vec<Held> {
    let Past { reading, closed: parts, has_moved, .. } = past;
    let mut held: Vec<Held> = parts.iter().map(closed).collect();
    let unfinished = reading.unfinished.iter();
    held.extend(unfinished.map(|(log, why)| nobody(&format!("{log} was not read to its end: {why}"))));
    if *has_moved {
        let log = log.display();
        held.push(nobody(&format!("{log}: was rotated or cut while it was read, twice; run it again")));
    }
    let (unclear, all) = reading.tally.unclear();
    // Lines for people are no surprise where the configuration asks for them.
    if format == LogFormat::Json && unclear.saturating_mul(ONE_IN) > all {
        held.push(nobody(&format!("{} of {} lines cannot be judged", grouped(unclear), grouped(all))));
    }
    held
}

/// What of it nobody can say, and holds nothing.
fn unknown(log: &Path, past: &Past<'_>) -> Vec<String> {
    let Reading { tally, is_cut, .. } = &past.reading;
    let mut unknown = Vec::new();
    if !past.strange.is_empty() {
        let shown = past.strange.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = past.strange.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        unknown.push(format!("beside the access log this was not read: {shown}{more}"));
    }
    if *is_cut {
        unknown.push(format!(
            "only {} MiB of the access log were read, the log itself and then its newest parts; `ranges replay` reads all of it",
            MOST_BYTES >> 20
        ));
    }
    if let (unclear @ 1.., all) = tally.unclear() {
        let (unclear, all) = (grouped(unclear), grouped(all));
        unknown.push(format!("{unclear} of {all} lines of the access log cannot be judged"));
    }
    if let Some(oldest) = tally.oldest.filter(|_| tally.lines.before == 0 && !past.has_older && !is_cut) {
        let (log, oldest) = (log.display(), oldest.text());
        unknown.push(format!("{log}: reaches back only to {oldest}, and not {DAYS} days"));
    }
    unknown
}

fn file(access: &AccessLog) -> Result<&Path, Silent> {
    match access {
        AccessLog::File(path) => Ok(path),
        AccessLog::Stdout => Err(Silent::Elsewhere("stdout")),
        AccessLog::Stderr => Err(Silent::Elsewhere("stderr")),
        AccessLog::Off => Err(Silent::Elsewhere("off")),
    }
}

/// The objection that somebody would be lost. What was never forwarded is shown, and holds nothing.
fn lost(report: &ReplayReport, review: &Review) -> Option<Held> {
    let last = report.lost.last_forwarded?;
    let requests = requests(report.lost.forwarded);
    let networks = report.lost.networks.iter().filter(|network| network.forwarded > 0).count();
    let networks = counted(networks, "network", "networks");
    // The gate's own count is told beside it.
    let same =
        if review.held.iter().any(|held| held.reason == "hit") { "; the gate counted them too" } else { "" };
    let last = last.text();
    let message = format!(
        "somebody would be lost: {requests} of {networks} in the access log, the last at {last}{same}"
    );
    Some(Held { message, reason: "lost".to_owned() })
}

/// The objection that a part may not be read.
fn closed(error: &Unread) -> Held {
    let is_forbidden =
        matches!(error, Unread::Closed { error, .. } if error.kind() == io::ErrorKind::PermissionDenied);
    let advice = if is_forbidden { "; run this as a user who may read the log" } else { "" };
    nobody(&format!("{error}{advice}"))
}

/// The objection that nobody can say whether somebody would be lost.
fn nobody(why: &str) -> Held {
    let message = format!("the access log cannot be read, so nobody can say who would be lost: {why}");
    Held { message, reason: "unread".to_owned() }
}
