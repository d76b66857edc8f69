//! `health`: asks the running gate whether it is ready.

use std::time::Duration;

use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::cli::{FAILED, Failure, failed, print};

/// Below the usual time-outs of probes.
const WITHIN: Duration = Duration::from_secs(3);

/// The answer of a gate that is ready.
const READY: &str = "ready\n";

/// Ask the running gate whether it is ready.
///
/// Ready means: the lists are loaded, the listeners are bound, and no drain has begun.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 ready, 1 not ready or not reachable.")]
pub struct Args {
    #[command(flatten)]
    gate: Gate,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let client = AdminClient::find(&args.gate)?;
    let reply = client.ask("GET", "/readyz", WITHIN)?;
    if !matches!(reply.status, 200 | 503) {
        return Err(failed(format!("{client} answered {}; check the gate's address", reply.status)));
    }
    let ready = reply.status == 200 && reply.body == READY;
    if reply.status == 200 && !ready {
        return Err(failed(format!("{client} answered 200, but not like a gate; check the gate's address")));
    }
    print(&reply.body)?;
    Ok(if ready { 0 } else { FAILED })
}
