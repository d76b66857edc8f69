//! `ranges`: what is done with the lists besides serving by them. One file for each command.

pub(crate) mod suggest;

use clap::Subcommand;

use crate::cli::Failure;

/// Work on the lists of ranges.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Print what to add to a list for senders that no list holds and that proved themselves by a signature.
    Suggest(Box<suggest::Args>),
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Suggest(args) => suggest::run(args),
    }
}
