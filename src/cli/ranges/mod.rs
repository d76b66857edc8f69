//! `ranges`: the lists as files that a person looks after.
//!
//! | file | noun |
//! | --- | --- |
//! | [`replay`] | the requests of the access log, judged again with a proposed list |

mod replay;

use clap::Subcommand;

use crate::cli::Failure;

/// Work with the range lists.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Judge the requests of the access log again with a proposed list: who would be lost, who gained.
    Replay(Box<replay::Args>),
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Replay(args) => replay::run(args),
    }
}
