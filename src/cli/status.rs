//! `status`: prints what the running gate has loaded, its counts and its states.

use std::time::Duration;

use crate::admin::api::status::Status;
use crate::admin::text::status::text;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::cli::{Failure, print, print_json};

const WITHIN: Duration = Duration::from_secs(10);

/// Show what the running gate has loaded, its counts and its states.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 answered, 1 not reachable.")]
pub struct Args {
    #[command(flatten)]
    gate: Gate,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let client = AdminClient::find(&args.gate)?;
    let (status, reply) = client.fetch::<Status>("GET", "/status", WITHIN, &[200])?;
    if args.json { print_json(&reply.body) } else { print(&text(&status)) }?;
    Ok(0)
}
