//! `run`: serves until a signal ends it.

use std::{io, process, thread};

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
    /// End when standard input does: for a command that shows a gate, and may be killed
    #[arg(long, hide = true)]
    end_with_input: bool,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if args.end_with_input {
        thread::spawn(end_with_input);
    }
    crate::server::serve(args.settings.file.path(), args.settings.overrides())?;
    Ok(0)
}

/// Ends the program with its standard input, which is a pipe from whoever shows this gate. Nobody looks any more, so there is
/// nothing to drain.
fn end_with_input() {
    // An error is an end too.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    process::exit(0);
}
