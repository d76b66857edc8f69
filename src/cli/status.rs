//! `status`: what the running gate has loaded, and how it is doing.

use std::time::Duration;

use crate::admin::status_text::text;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::cli::{Failure, failed, print};

const WITHIN: Duration = Duration::from_secs(10);

/// Show what the running gate has loaded and how it is doing.
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
    let reply = client.ask("GET", "/status", WITHIN)?;
    if reply.status != 200 {
        return Err(failed(format!("{client} answered {}: {}", reply.status, reply.body.trim())));
    }
    let told = reply.json();
    if !told["version"].is_string() {
        return Err(failed(format!("{client} answered what is no status; is this a gate?")));
    }
    print(&if args.json { reply.body } else { text(&told) })?;
    Ok(0)
}
