//! `ranges diff`: how a proposal, a file or a generation differs from a list.

use std::path::Path;

use crate::cli::flags::Settings;
use crate::cli::ranges::review::{Review, id, json};
use crate::cli::ranges::setting::{Setting, no_proposal, store};
use crate::cli::{FAILED, Failure, USAGE, print, print_json};
use crate::files::file::read;
use crate::files::folder::MOST_BYTES;
use crate::load::proposals::places::StoreError;
use crate::load::proposals::proposal::Proposal;
use crate::policy::address::range_list::parse;
use crate::policy::proposal::moves::set;

/// Show how a proposal, a file or a generation differs from a list.
///
/// Prefixes that were added, removed, widened and narrowed, addresses that are gained and lost, and which other lists have
/// the added ones too. What is compared is the list with the other one: an added prefix is one that the list does not have.
/// The id of a proposal binds `publish --if ID` to what is shown here.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 the same prefixes, 1 a difference, 2 there is nothing to compare with.")]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// A range file, or the number of a generation [default: the proposal]
    #[arg(value_name = "FILE|GENERATION")]
    other: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let setting = Setting::read(&args.settings, &args.list)?;
    let (what, text) = other(&setting, args.other.as_deref())?;
    let list = parse(&text).map_err(|problems| {
        let lines = problems.iter().map(|problem| format!("{what}:{}: {}", problem.line, problem.message));
        Failure { code: USAGE, lines: lines.collect() }
    })?;
    let live = setting.live();
    let (mut review, _) = Review::of(&setting, &setting.before(&live), &set(Some(&list)), &[]);
    review.id = args.other.is_none().then(|| id(&live, &text));
    if args.json {
        print_json(&json(&review))?;
    } else {
        print(&format!("{}: {what}\n{}", args.list, review.text()))?;
        if let Some(id) = &review.id {
            print(&format!(
                "publish exactly this with `nexmo-gate ranges publish {} --if {id}`\n",
                args.list
            ))?;
        }
    }
    Ok(if review.is_same() { 0 } else { FAILED })
}

/// What the list is compared with, and its text.
fn other(setting: &Setting, wanted: Option<&str>) -> Result<(String, Vec<u8>), Failure> {
    let missing = |line: String| Failure { code: USAGE, lines: vec![line] };
    let list = &setting.list;
    let Some(wanted) = wanted else {
        let proposal = Proposal::read(&setting.places, list).map_err(store)?;
        let proposal = proposal.ok_or_else(|| missing(no_proposal(setting)))?;
        return Ok((format!("the proposal from {}", proposal.record.source), proposal.text));
    };
    if let Ok(number) = wanted.parse::<u64>() {
        let found = setting.history().into_iter().find(|one| one.number == number);
        let found = found.ok_or_else(|| StoreError::NoGeneration { list: list.clone(), number });
        let text = found.and_then(|found| found.text()).map_err(|error| missing(error.to_string()))?;
        return Ok((format!("generation {number}"), text));
    }
    let text = read(Path::new(wanted), MOST_BYTES).map_err(|error| missing(format!("{wanted}: {error}")))?;
    Ok((wanted.to_owned(), text))
}
