//! `ranges`: a list changes like a deploy. It is proposed, reviewed, published, and rolled back.
//!
//! One file for each command. Invariant: only `publish`, `rollback` and `propose --auto-add` change a list, and each leaves
//! a generation that can come back.
//!
//! | file | noun |
//! | --- | --- |
//! | [`propose`] | a document becomes a proposal |
//! | [`fetch`] | the same from an address |
//! | [`diff`] | how a proposal, a file or a generation differs |
//! | [`publish`] | a proposal becomes the list |
//! | [`replay`] | the requests of the access log, judged again with a proposal |
//! | [`rollback`] | an earlier generation becomes the list |
//! | [`history`] | the generations |
//! | [`export`] | lists as firewalls and proxies in front take them, and what those have loaded |
//! | [`suggest`] | what to add for senders that proved themselves |
//! | [`setting`] | the folder, the list and who may name clients, from the configuration |
//! | [`running`] | the gate that serves: its last hits, and the reload |
//! | [`review`] | a change as a person or a program reads it |
//! | [`weigh`](mod@weigh) | what speaks against a change, and what nobody can say of it |
//! | [`release`] | a text becomes the list, and the gate serves it |

mod diff;
mod export;
mod fetch;
mod history;
mod propose;
mod publish;
mod release;
mod replay;
mod review;
mod rollback;
mod running;
mod setting;
pub(crate) mod suggest;
mod weigh;

use clap::Subcommand;

use crate::cli::Failure;

/// The exit code for a document that cannot be read as a list (`EX_DATAERR` of sysexits.h).
const UNREADABLE: u8 = 65;
/// The exit code for an address that does not answer (`EX_UNAVAILABLE`).
const UNREACHABLE: u8 = 69;

/// Propose, review, publish and roll back a range list.
///
/// A change of a list is a deploy: somebody proposes it, somebody reads what it changes, and `publish` makes it live. The
/// gate itself fetches nothing and proposes nothing.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a document of any shape, and propose what it says for a list
    Propose(Box<propose::Args>),
    /// Fetch a document by HTTPS, and propose what it says for a list
    Fetch(Box<fetch::Args>),
    /// Show how a proposal, a file or a generation differs from a list
    Diff(Box<diff::Args>),
    /// Judge the requests of the access log again with a proposal: who would be lost, who gained
    Replay(Box<replay::Args>),
    /// Make the proposal the list, unless its guards hold it
    Publish(Box<publish::Args>),
    /// Make an earlier generation the list again
    Rollback(Box<rollback::Args>),
    /// Show the generations of a list
    History(Box<history::Args>),
    /// Print what to add to a list for senders that proved themselves by a signature
    Suggest(Box<suggest::Args>),
    /// Print lists as a firewall or a proxy takes them, or compare them with what it has loaded
    Export(Box<export::Args>),
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Propose(args) => propose::run(args),
        Command::Fetch(args) => fetch::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Publish(args) => publish::run(args),
        Command::Rollback(args) => rollback::run(args),
        Command::History(args) => history::run(args),
        Command::Suggest(args) => suggest::run(args),
        Command::Export(args) => export::run(args),
    }
}
