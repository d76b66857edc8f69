//! `ranges history`: the generations of a list.

use serde::Serialize;

use crate::cli::flags::Settings;
use crate::cli::ranges::review::{json, time};
use crate::cli::ranges::setting::Setting;
use crate::cli::table::columns;
use crate::cli::{Failure, print, print_json};
use crate::load::proposals::history::Generation;
use crate::load::proposals::record::Record;

/// Show the generations of a list.
///
/// When each was published, by whom, from where, and how much it changed. The one that is the list now is marked.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0.")]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// A generation; `--json` prints it.
#[derive(Debug, Serialize)]
struct Told {
    /// Its number.
    generation: u64,
    /// Whether it is the list now.
    live: bool,
    #[serde(flatten)]
    record: Record,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let setting = Setting::read(&args.settings, &args.list)?;
    let live = setting.live().digest();
    let all = setting.history();
    let newest = all.iter().rev().find(|one| Some(&one.record.sha256) == live.as_ref()).map(|one| one.number);
    let told = |one: Generation| Told {
        generation: one.number,
        live: Some(one.number) == newest,
        record: one.record,
    };
    let told: Vec<Told> = all.into_iter().map(told).collect();
    if args.json {
        print_json(&json(&told))?;
    } else if told.is_empty() {
        print(&format!("{}: nothing was published by a command yet\n", args.list))?;
    } else {
        print(&table(&told))?;
        if newest.is_none() {
            eprintln!("warning: the list is none of these: somebody has changed its file");
        }
    }
    Ok(0)
}

fn table(told: &[Told]) -> String {
    let head = ["", "published", "by", "added", "removed", "source"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for one in told {
        rows.push(vec![
            format!("{}{}", one.generation, if one.live { " live" } else { "" }),
            time(one.record.at),
            one.record.by.clone(),
            one.record.change.added.to_string(),
            one.record.change.removed.to_string(),
            one.record.source.clone(),
        ]);
    }
    columns(&rows, &[3, 4])
}
