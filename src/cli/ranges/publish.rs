//! `ranges publish`: makes the proposal the list, unless something speaks against it.

use std::time::Duration;

use crate::cli::flags::Settings;
use crate::cli::ranges::release::{Consent, Force, Release, release, released, show};
use crate::cli::ranges::replay::before::{Next, replay};
use crate::cli::ranges::replay::beside::digests_of;
use crate::cli::ranges::review::{Held, id};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Setting, no_proposal, store};
use crate::cli::ranges::weigh::{Proposed, weigh};
use crate::cli::{FAILED, Failure, failed, print};
use crate::load::proposals::proposal::Proposal;
use crate::load::proposals::publication::end;
use crate::policy::address::range_list::parse;
use crate::policy::proposal::moves::set;

/// Make the proposal the list, unless its guards hold it.
///
/// It is held when more than half of the list goes, when it grows more than four times, when a new prefix is very wide, is
/// no address of the internet or holds a trusted proxy, when a request came lately from a prefix that goes, when the
/// proposal is older than a week, or when the list has changed since. Where addresses go, the access log of the configuration is
/// judged again as by `ranges replay`, and it is held when somebody would be lost, or the log cannot be read; so it is where the
/// list says who the proxies are, also where addresses come. All reasons are told at once. With --if it is
/// also held, whoever forces it, when the list or the proposal is not the one that was looked at. The running gate is asked to
/// load the list, and the command waits until it serves.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 published, 1 no proposal, changed meanwhile, not written or not loaded, 2 wrong use, 3 held, \
                        78 bad configuration."
)]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Only if the list and the proposal are still those that `ranges diff` showed under this id
    #[arg(long = "if", value_name = "ID")]
    only_if: Option<String>,
    #[command(flatten)]
    force: Force,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let mut consent = args.force.consent()?;
    let setting = Setting::read(&args.settings, &args.list)?;
    let proposal = Proposal::read(&setting.places, &args.list).map_err(store)?;
    let proposal = proposal.ok_or_else(|| failed(no_proposal(&setting)))?;
    let list = parse(&proposal.text).map_err(|problems| {
        let path = setting.places.proposals().join(format!("{}.txt", args.list));
        let at = |line: u32| format!("{}:{line}", path.display());
        let lines = problems.iter().map(|problem| format!("{}: {}", at(problem.line), problem.message));
        let advice = format!("`nexmo-gate ranges propose {}` or `fetch` replaces the proposal", args.list);
        Failure { code: FAILED, lines: lines.chain([advice]).collect() }
    })?;
    let running = Running::find(&setting.gate);
    let beside = digests_of(&setting);
    let live = setting.live();
    if live.digest().as_ref() == Some(&proposal.record.sha256) {
        return again(&setting, running.ok(), args.json);
    }
    let record = &proposal.record;
    let prefixes = set(Some(&list));
    let proposed =
        Proposed { prefixes: &prefixes, base: record.base.clone(), at: Duration::from_secs(record.at) };
    let (mut review, moves) = weigh(&setting, &live, &proposed, &running);
    review.id = Some(id(&live, &proposal.text));
    if args.only_if.is_some() && args.only_if != review.id {
        let message = "this is not what was looked at: the list or its proposal has changed since".to_owned();
        review.held.push(Held { message, reason: "changed".to_owned() });
        consent = Consent::OfAnother(format!("look at it again: nexmo-gate ranges diff {}", args.list));
    }
    let past = replay(&setting, &live, &Next { ranges: &list, moves: &moves }, &mut review);
    show(&format!("from {}", record.source), &review, past.as_ref(), consent, args.json)?;
    let text = Release {
        text: &proposal.text,
        source: record.source.clone(),
        as_of: record.as_of.clone(),
        document: record.document.clone(),
        change: review.change,
        beside,
    };
    release(&setting, &live, running, text, args.json)
}

/// The proposal is the list already: a publication ended too early, after the last step that counts.
fn again(setting: &Setting, running: Option<Running>, as_json: bool) -> Result<u8, Failure> {
    let list = &setting.list;
    if !end(&setting.places, list).map_err(store)? {
        return Err(failed(format!("{list}: another command has just published the proposal")));
    }
    if !as_json {
        print(&format!("{list}: the proposal is the list already\n"))?;
    }
    let serves = running.map(|running| running.reload()).transpose()?;
    released(setting, serves, as_json)
}
