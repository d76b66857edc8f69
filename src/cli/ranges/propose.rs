//! `ranges propose`: reads a document, and writes what it says as the proposal for a list.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::cli::flags::Settings;
use crate::cli::ranges::UNREADABLE;
use crate::cli::ranges::release::{Release, release};
use crate::cli::ranges::review::{Review, id, json, now};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Live, Setting, operator, store};
use crate::cli::ranges::weigh::{Proposed as Considered, weigh};
use crate::cli::{DENIED, Failure, print, print_json};
use crate::files::file::read;
use crate::load::proposals::proposal::Proposal;
use crate::load::proposals::publication::Digests;
use crate::load::proposals::record::{Change, Record, sha256};
use crate::policy::address::range_list::Day;
use crate::policy::proposal::addition::{Reviewed, alone};
use crate::policy::proposal::document;
use crate::policy::proposal::document::refusal::MOST_BYTES;
use crate::policy::proposal::file::{About, render};
use crate::policy::visible::{is_hidden, visible};

/// Read a document of any shape, and propose what it says for a list.
///
/// JSON of any shape, or one CIDR or address a line. Everything in it that looks like an address must be one. The proposal
/// is not live: `ranges diff` shows it, `ranges publish` makes it the list.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 the same as the list, or proposed; 3 proposed, and publish will hold it; 65 the document \
                        cannot be read as a list."
)]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// The document; - reads it from standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Where the document is from, for the comments of the list [default: FILE]
    #[arg(long, value_name = "URL", value_parser = source)]
    source: Option<String>,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    settings: Settings,
}

/// How a document is read, and what becomes of it.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Shape {
    /// The day that the document gives for itself, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub as_of: Option<Day>,
    /// The group of a JSON document that is meant, if it has several; may be there several times
    #[arg(long = "group", value_name = "KEY")]
    pub groups: Vec<String>,
    /// Publish at once if it only adds what is inside prefixes that a person has reviewed
    #[arg(long)]
    pub auto_add: bool,
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// The text is no source.
#[derive(Debug, thiserror::Error)]
enum NoSource {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MOST_SOURCE} characters")]
    Long,
    #[error("has a line end, or another character that nobody sees")]
    Hidden,
}

/// The characters of a source: it stands in the list, in its record, in the log and on the status page.
const MOST_SOURCE: usize = 1000;

fn source(text: &str) -> Result<String, NoSource> {
    match text {
        text if text.trim().is_empty() => Err(NoSource::Empty),
        text if text.chars().nth(MOST_SOURCE).is_some() => Err(NoSource::Long),
        text if text.contains(is_hidden) => Err(NoSource::Hidden),
        text => Ok(text.to_owned()),
    }
}

/// The text is no day that a document can have.
#[derive(Debug, thiserror::Error)]
enum NoDay {
    #[error("wanted a day such as 2026-11-27")]
    NotADay,
    #[error("is in the future: today is {0}, by the clock of this machine")]
    ToCome(Day),
}

fn day(text: &str) -> Result<Day, NoDay> {
    let (day, today) = (Day::parse(text).ok_or(NoDay::NotADay)?, Day::at(now().as_secs()));
    if day.is_to_come(today) { Err(NoDay::ToCome(today)) } else { Ok(day) }
}

/// What a document said; `--json` prints it.
#[derive(Debug, Serialize)]
struct Proposed {
    /// Whether a proposal waits now.
    #[serde(rename = "proposed")]
    waits: bool,
    #[serde(flatten)]
    review: Review,
    source: String,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let setting = Setting::read(&args.settings, &args.list)?;
    let bytes = content(&args.file)?;
    let named = if args.file == Path::new("-") {
        "standard input".to_owned()
    } else {
        visible(&args.file.display().to_string()).chars().take(MOST_SOURCE).collect()
    };
    propose(&setting, &bytes, &args.source.clone().unwrap_or(named), &args.shape, Since::Now)
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    let most = MOST_BYTES as u64 + 1;
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(most)
            .read_to_end(&mut bytes)
            .map(|_| bytes)
            .map_err(|error| error.to_string())
    } else {
        read(file, MOST_BYTES as u64).map_err(|error| error.to_string())
    };
    bytes.map_err(|error| unreadable(&file.display().to_string(), [error]))
}

/// Since when a proposal waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Somebody made it now.
    Now,
    /// The same document may have been proposed before: then since that time, or a timer would hide that nobody looks.
    First,
}

/// The document is no list.
pub(super) fn unreadable(what: &str, reasons: impl IntoIterator<Item = String>) -> Failure {
    Failure {
        code: UNREADABLE,
        lines: reasons.into_iter().map(|reason| format!("{what}: {reason}")).collect(),
    }
}

/// Proposes what a document says.
///
/// # Errors
/// It is no list, or the proposal cannot be written.
pub(super) fn propose(
    setting: &Setting,
    bytes: &[u8],
    source: &str,
    shape: &Shape,
    since: Since,
) -> Result<u8, Failure> {
    let prefixes = document::read(bytes, &shape.groups)
        .map_err(|reasons| unreadable(source, reasons.iter().map(ToString::to_string)))?;
    let live = setting.live();
    let (now, document) = (now(), sha256(bytes));
    let about = About { source, as_of: shape.as_of, fetched: Day::at(now.as_secs()), sha256: &document };
    let text = render(live.bytes.as_deref(), &prefixes, about).into_bytes();
    let running = Running::find(&setting.gate);
    let prefixes = prefixes.into_iter().collect::<BTreeSet<_>>();
    let proposed = Considered { prefixes: &prefixes, base: live.digest(), at: now };
    let (mut review, moves) = weigh(setting, &live, &proposed, &running);
    review.id = Some(id(&live, &text));
    // A list whose file is gone or bad is mended also by the same prefixes.
    if review.is_same() && live.list.is_some() {
        return same(setting, source, review, shape);
    }
    let current =
        live.list.as_ref().zip(live.bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()));
    if shape.auto_add {
        let reviewed = Reviewed { today: Day::at(now.as_secs()), within: setting.review_days };
        match alone(current, &moves, reviewed) {
            // The access log has to be asked whether a sender becomes a proxy.
            Ok(()) if setting.names_proxies() => {
                eprintln!("warning: a person has to publish it: `trusted_proxies` names the list");
            }
            Ok(()) if review.held.is_empty() => {
                let from = From { source, document, as_of: shape.as_of };
                return at_once(setting, (&live, running), &text, review, from, shape.json);
            }
            Ok(()) => {}
            Err(why) => eprintln!("warning: a person has to publish it: {why}"),
        }
    }
    let change = review.change.clone();
    let from = From { source, document, as_of: shape.as_of };
    let mut record = record(&live, &text, from, change, now);
    if since == Since::First
        && let Ok(Some(waits)) = Proposal::read(&setting.places, &setting.list)
        && waits.record.document == record.document
        && waits.record.base == record.base
    {
        record.at = waits.record.at;
    }
    let proposal = Proposal { list: setting.list.clone(), record, text };
    proposal.write(&setting.places).map_err(store)?;
    let held = review.held_lines();
    review.warn();
    let list = &setting.list;
    if shape.json {
        print_json(&json(&Proposed { waits: true, review, source: source.to_owned() }))?;
    } else {
        let id = review.id.as_deref().unwrap_or_default();
        print(&format!("{list}: proposed from {source}\n{}", review.text()))?;
        print(&format!("publish exactly this with `nexmo-gate ranges publish {list} --if {id}`\n"))?;
    }
    if held.is_empty() { Ok(0) } else { Err(Failure { code: DENIED, lines: held }) }
}

/// Where a document is from.
struct From<'a> {
    source: &'a str,
    document: String,
    as_of: Option<Day>,
}

fn record(live: &Live, text: &[u8], from: From<'_>, change: Change, now: Duration) -> Record {
    Record {
        as_of: from.as_of.map(|day| day.to_string()),
        at: now.as_secs(),
        base: live.digest(),
        by: operator(),
        change,
        document: Some(from.document),
        sha256: sha256(text),
        source: from.source.to_owned(),
    }
}

/// The document says what the list says. A proposal that waits says something else, so it goes.
fn same(setting: &Setting, source: &str, review: Review, shape: &Shape) -> Result<u8, Failure> {
    Proposal::remove(&setting.places, &setting.list).map_err(store)?;
    if shape.json {
        print_json(&json(&Proposed { waits: false, review, source: source.to_owned() }))?;
    } else {
        print(&format!("{}: {source} says what the list says\n", setting.list))?;
    }
    Ok(0)
}

/// Publishes an addition that needs no person.
fn at_once(
    setting: &Setting,
    (live, running): (&Live, Result<Running, Failure>),
    text: &[u8],
    review: Review,
    from: From<'_>,
    as_json: bool,
) -> Result<u8, Failure> {
    if !as_json {
        print(&format!("{}: added from {}\n{}", setting.list, from.source, review.text()))?;
    }
    let addition = Release {
        text,
        source: from.source.to_owned(),
        as_of: from.as_of.map(|day| day.to_string()),
        document: Some(from.document),
        change: review.change,
        beside: Digests::new(),
    };
    Proposal::remove(&setting.places, &setting.list).map_err(store)?;
    release(setting, live, running, addition, as_json)
}
