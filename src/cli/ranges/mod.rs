//! `ranges`: the lists as files that a person looks after.
//!
//! | file | noun |
//! | --- | --- |
//! | [`export`] | the lists as firewalls and proxies in front take them, and what those have loaded |
//! | [`lists`] | the chosen lists, as the gate reads them |
//! | [`live`] | what a target prints of what it has loaded |

mod export;
mod lists;
mod live;

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
    /// Print lists as a firewall or a proxy takes them, or compare them with what it has loaded.
    Export(Box<export::Args>),
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Export(args) => export::run(args),
    }
}
