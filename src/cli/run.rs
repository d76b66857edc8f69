//! `run`: serves until a signal ends it.

use crate::cli::Failure;
use crate::cli::flags::Settings;

/// Serve until TERM or INT.
///
/// TERM and INT drain: `/readyz` answers 503, open requests are finished, then the program ends. QUIT or a
/// second signal stops at once. HUP loads the files again; a changed file is also loaded without a signal.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 after a drain, 1 failed while running, 78 bad configuration or ranges.")]
pub struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    crate::server::serve(args.settings.file.path(), args.settings.overrides())?;
    Ok(0)
}
