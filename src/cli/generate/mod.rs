//! `completions` and `man`: made from the description of the command line and the table of keys.

mod config_page;

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{Cli, Failure, failed, print};

/// Print completions for a shell.
#[derive(clap::Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print a manual page.
#[derive(clap::Args, Debug)]
pub struct ManArgs {
    /// Which page
    #[arg(value_name = "PAGE", value_enum, default_value_t)]
    page: Page,
    /// Write all pages into this folder instead, with one for each command
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Page {
    /// nexmo-gate(1), of the program
    #[default]
    Program,
    /// nexmo-gate.yaml(5), of the configuration file
    Config,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nexmo-gate", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

pub(super) fn man(args: &ManArgs) -> Result<u8, Failure> {
    if let Some(dir) = &args.dir {
        let file = dir.join(format!("{}.5", config_page::NAME));
        clap_mangen::generate_to(Cli::command(), dir)
            .and_then(|()| fs::write(file, config_page::render()))
            .map_err(|error| failed(format!("{}: {error}", dir.display())))?;
        return Ok(0);
    }
    match args.page {
        Page::Config => print(&config_page::render())?,
        Page::Program => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| failed(format!("the manual page cannot be made: {error}")))?;
            print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(0)
}
