//! `ranges publish`: makes the proposal the list, unless something speaks against it.

use std::io::{IsTerminal as _, stdin};
use std::time::Duration;

use crate::cli::flags::Settings;
use crate::cli::ranges::release::{Release, release, released};
use crate::cli::ranges::review::{Held, id, json};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Setting, no_proposal, store};
use crate::cli::ranges::weigh::{Proposed, weigh};
use crate::cli::{DENIED, Failure, USAGE, failed, print};
use crate::load::proposals::proposal::Proposal;
use crate::load::proposals::publication::end;
use crate::policy::address::range_list::parse;
use crate::policy::proposal::moves::set;

/// Make the proposal the list, unless its guards hold it.
///
/// It is held when more than half of the list goes, when it grows more than four times, when a new prefix is very wide, is
/// no address of the internet or holds a trusted proxy, when a request came lately from a prefix that goes, when the
/// proposal is older than a week, or when the list has changed since. All reasons are told at once. With --if it is also held,
/// whoever forces it, when the list or the proposal is not the one that was looked at. The running gate is
/// asked to load the list, and the command waits until it serves.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 published, 1 no proposal, not written or not loaded, 3 held.")]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Only if the list and the proposal are still those that `ranges diff` showed under this id
    #[arg(long = "if", value_name = "ID")]
    only_if: Option<String>,
    /// Publish what is held; for a person at a terminal
    #[arg(long)]
    force: bool,
    /// With --force: a person has read what is held, and there is no terminal
    #[arg(long, requires = "force")]
    yes_i_know: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if args.force && !args.yes_i_know && !stdin().is_terminal() {
        let line =
            "--force is for a person at a terminal; without one, --yes-i-know says that a person has read it";
        return Err(Failure { code: USAGE, lines: vec![line.to_owned()] });
    }
    let setting = Setting::read(&args.settings, &args.list)?;
    let proposal = Proposal::read(&setting.places, &args.list).map_err(store)?;
    let proposal = proposal.ok_or_else(|| failed(no_proposal(&setting)))?;
    let list = parse(&proposal.text).map_err(|problems| {
        let lines = problems.iter().map(|problem| format!("line {}: {}", problem.line, problem.message));
        Failure { code: crate::cli::FAILED, lines: lines.collect() }
    })?;
    let running = Running::find(&setting.gate);
    if setting.live().digest().as_ref() == Some(&proposal.record.sha256) {
        return again(&setting, running.ok(), args.json);
    }
    let live = setting.live();
    let record = &proposal.record;
    let prefixes = set(Some(&list));
    let proposed =
        Proposed { prefixes: &prefixes, base: record.base.clone(), at: Duration::from_secs(record.at) };
    let (mut review, _) = weigh(&setting, &live, &proposed, &running);
    review.id = Some(id(&live, &proposal.text));
    let is_other = args.only_if.is_some() && args.only_if != review.id;
    if is_other {
        let message = "this is not what was looked at: the list or its proposal has changed since".to_owned();
        review.held.push(Held { message, reason: "changed".to_owned() });
    }
    if !args.json {
        print(&format!("{}: from {}\n{}", args.list, record.source, review.text()))?;
    }
    review.warn();
    if !review.held.is_empty() && (is_other || !args.force) {
        if args.json {
            print(&json(&review))?;
        }
        let more = if is_other {
            format!("look at it again: nexmo-gate ranges diff {}", args.list)
        } else {
            "read the difference; a person may publish it with --force".to_owned()
        };
        return Err(Failure { code: DENIED, lines: [review.held_lines(), vec![more]].concat() });
    }
    for line in review.held_lines() {
        eprintln!("warning: forced, {line}");
    }
    let text = Release {
        text: &proposal.text,
        source: record.source.clone(),
        as_of: record.as_of.clone(),
        document: record.document.clone(),
        change: review.change,
    };
    release(&setting, &live, running, text, args.json)
}

/// The proposal is the list already: a publication ended too early, after the last step that counts.
fn again(setting: &Setting, running: Option<Running>, as_json: bool) -> Result<u8, Failure> {
    end(&setting.places, &setting.list).map_err(store)?;
    let serves = running.map(|running| running.reload()).transpose()?;
    released(setting, serves, as_json)
}
