//! `ranges rollback`: makes an earlier generation the list again. It is a publication of its own.

use crate::cli::flags::Settings;
use crate::cli::ranges::release::{Force, Release, release, show};
use crate::cli::ranges::replay::before::{Next, replay};
use crate::cli::ranges::replay::beside::digests_of;
use crate::cli::ranges::review::Review;
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Setting, store};
use crate::cli::ranges::weigh::confirms;
use crate::cli::{Failure, failed};
use crate::load::proposals::history::Generation;
use crate::load::proposals::places::StoreError;
use crate::policy::address::range_list::parse;
use crate::policy::proposal::moves::set;

/// Make an earlier generation the list again.
///
/// It becomes a generation of its own, so that nothing of the history is lost. It was published before, so two guards alone hold
/// it: the running gate holds another change, which loading the list would confirm; and the access log of the configuration is
/// judged again as by `publish`, and somebody would be lost, or the log cannot be read.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 published, 1 no such generation, changed meanwhile, not written or not loaded, 2 wrong use, \
                        3 held, 78 bad configuration."
)]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// The number of the generation [default: the newest that is not the list]
    #[arg(value_name = "N")]
    number: Option<u64>,
    #[command(flatten)]
    force: Force,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let consent = args.force.consent()?;
    let setting = Setting::read(&args.settings, &args.list)?;
    let running = Running::find(&setting.gate);
    let beside = digests_of(&setting);
    let live = setting.live();
    let (wanted, text) = wanted(&setting, args.number, live.digest().as_deref())?;
    let number = wanted.number;
    let list =
        parse(&text).map_err(|_| failed(format!("generation {number} of {} is no good list", args.list)))?;
    let (mut review, moves) = Review::of(&setting, &setting.before(&live), &set(Some(&list)), &[]);
    review.held.extend(confirms(&setting, &running));
    let past = replay(&setting, &live, &Next { ranges: &list, moves: &moves }, &mut review);
    show(&format!("back to generation {number}"), &review, past.as_ref(), consent, args.json)?;
    let back = Release {
        text: &text,
        source: format!("generation {number}"),
        as_of: wanted.record.as_of.clone(),
        document: wanted.record.document.clone(),
        change: review.change,
        beside,
    };
    release(&setting, &live, running, back, args.json)
}

/// The generation that was named, or the newest that is not the list; and its text.
fn wanted(
    setting: &Setting,
    number: Option<u64>,
    live: Option<&str>,
) -> Result<(Generation, Vec<u8>), Failure> {
    let list = &setting.list;
    let mut all = setting.history().into_iter().rev();
    if let Some(number) = number {
        let named = all.find(|one| one.number == number);
        let named = named.ok_or_else(|| store(StoreError::NoGeneration { list: list.clone(), number }))?;
        let text = named.text().map_err(store)?;
        return Ok((named, text));
    }
    for one in all.filter(|one| Some(one.record.sha256.as_str()) != live) {
        match one.text() {
            Ok(text) => return Ok((one, text)),
            Err(error) => eprintln!("warning: {error}; it is passed over"),
        }
    }
    Err(failed(format!("{list} has no earlier generation")))
}
