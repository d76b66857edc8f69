//! stand-in
use super::Failure;
/// See it at work.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Stop after the tour
    #[arg(long)]
    once: bool,
}
pub(super) fn run(_args: &Args) -> Result<u8, Failure> { Ok(0) }
