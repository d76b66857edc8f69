//! `ranges publish`: makes the proposal the list, unless something speaks against it.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, stdin};
use std::time::Duration;

use ipnet::IpNet;

use crate::cli::flags::Settings;
use crate::cli::ranges::release::{Release, release, released};
use crate::cli::ranges::review::{Held, Review, json, now};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Live, Setting, no_proposal, store};
use crate::cli::{DENIED, Failure, USAGE, failed, print};
use crate::load::proposals::proposal::Proposal;
use crate::load::proposals::publication::end;
use crate::policy::address::range_list::parse;
use crate::policy::proposal::guard::{Facts, objections};
use crate::policy::proposal::moves::set;

/// Make the proposal the list, unless its guards hold it.
///
/// It is held when more than half of the list goes, when it grows more than four times, when a new prefix is very wide, is
/// no address of the internet or holds a trusted proxy, when a request came lately from a prefix that goes, when the
/// proposal is older than a week, or when the list has changed since. All reasons are told at once. The running gate is
/// asked to load the list, and the command waits until it serves.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 published, 1 no proposal, not written or not loaded, 3 held.")]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
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
    let (review, live) = weigh(&setting, &proposal, &set(Some(&list)), running.as_ref().ok())?;
    if !args.json {
        print(&format!("{}: from {}\n{}", args.list, proposal.record.source, review.text()))?;
    }
    if !review.held.is_empty() && !args.force {
        if args.json {
            print(&json(&review))?;
        }
        let more = "read the difference; a person may publish it with --force".to_owned();
        return Err(Failure { code: DENIED, lines: [review.held_lines(), vec![more]].concat() });
    }
    for line in review.held_lines() {
        eprintln!("warning: forced, {line}");
    }
    let record = &proposal.record;
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

/// How the list changes, and everything that speaks against it.
fn weigh(
    setting: &Setting,
    proposal: &Proposal,
    new: &BTreeSet<IpNet>,
    running: Option<&Running>,
) -> Result<(Review, Live), Failure> {
    let live = setting.live();
    let (old, trusted) = (setting.before(&live)?, setting.trusted());
    let hits = running.map(|running| running.hits(&setting.list)).unwrap_or_default();
    let facts = Facts {
        old: &old,
        new,
        trusted: &trusted,
        hits: &hits,
        // A list of which the gate has hits is served, whatever lies there.
        is_read: live.list.is_some() || (hits.is_empty() && setting.is_read(&live)?),
        same_base: proposal.record.base == live.digest(),
        proposed: Duration::from_secs(proposal.record.at),
        now: now(),
    };
    let (mut review, _) = Review::of(setting, &old, new, &objections(&facts));
    for held in running.map(|running| running.held_besides(&setting.list)).unwrap_or_default() {
        let message = format!("the gate holds another change, and loading the list would confirm it: {held}");
        review.held.push(Held { message, reason: "confirms".to_owned() });
    }
    Ok((review, live))
}
