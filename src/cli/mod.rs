//! The command line: one file for each command.
//!
//! A command returns its exit code or a [`Failure`]; only `main` prints a failure. The output is for people,
//! `--json` is for programs. Exit codes are an interface: 0 success, 1 failed while running, 2 wrong usage
//! (clap's own), 3 denied (`explain`), not good (`signature`) or held (`ranges`; `ranges replay`: somebody would be lost; `simulate`: a message would be), 65 a document that is not read and 69 an
//! address that does not answer (`ranges`), 78 a bad configuration or range file (`EX_CONFIG` of sysexits.h, so
//! that a supervisor knows that a retry does not help).
//!
//! [`flags`] holds the options that several commands share, [`environment`] what their variables are, [`loading`] turns them into a snapshot,
//! [`admin_client`] talks to a running gate, [`table`] lines up columns.

pub(crate) mod admin_client;
pub(crate) mod check;
mod child;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod doctor;
mod environment;
pub(crate) mod explain;
pub(crate) mod flags;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod loading;
pub(crate) mod ranges;
pub(crate) mod reload;
pub mod run;
pub(crate) mod signature;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod webhooks;

use std::borrow::Cow;
use std::io::{self, Write as _};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::policy::visible::{is_hidden, visible, visible_json};
pub(crate) use crate::server::{BAD_CONFIG, Failure};

/// The exit code of a failure while running.
pub(crate) const FAILED: u8 = 1;
/// The exit code for wrong usage, as clap has it.
pub(crate) const USAGE: u8 = 2;
/// The exit code of `explain` for a denied address, of `signature` for one that is not good, and of `ranges` for a change
/// that is held, or by which somebody would be lost.
pub(crate) const DENIED: u8 = 3;

/// A firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
///
/// It stands in front of your application, admits only requests from the listed address ranges, gives the
/// sender the status that the webhook's delivery rules call for, logs every request, and forwards what it
/// admits.
#[derive(Debug, Parser)]
#[command(name = "nexmo-gate", version, max_term_width = 100, disable_help_subcommand = false)]
#[command(after_help = "First steps: `nexmo-gate demo` shows it at work on this machine alone. \
                        `nexmo-gate check` reads config.yaml and the range files and prints a summary.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until TERM or INT; reload on HUP.
    Run(run::Args),
    /// Read the configuration and every range file: print all problems, or a summary.
    Check(check::Args),
    /// Show whether an address is admitted, and why, with every step of the decision.
    Explain(Box<explain::Args>),
    /// Judge the signature of one recorded request, and show the step that fails.
    Signature(Box<signature::Args>),
    /// Send webhooks as the vendor does, and see what the vendor would make of the answer.
    Simulate(Box<simulate::Args>),
    /// Propose, review, publish, roll back and export a range list.
    Ranges(ranges::Args),
    /// Ask the running gate whether it is ready: for container and load balancer probes.
    Health(health::Args),
    /// Make the running gate load its files again, and print what changed.
    Reload(reload::Args),
    /// Show what the running gate has loaded, its counts and its states.
    Status(status::Args),
    /// Say what is wrong with the gate and what stands in front of it, with the line to change.
    Doctor(Box<doctor::Args>),
    /// Show what just came, what the sender was told, and why.
    Inspect(inspect::Args),
    /// See the gate at work: a sample application, the gate, and every sample webhook, on loopback only.
    Demo(demo::Args),
    /// Write an application for webhooks: a gate on this machine that shows what came and what became of it.
    Dev(dev::Args),
    /// Print completions for a shell.
    Completions(generate::CompletionsArgs),
    /// Print a manual page: of the program, or of the configuration file.
    Man(generate::ManArgs),
}

/// Reads the arguments and the variables of the process. Ends it where they cannot be used, or where help was asked for.
#[must_use]
pub fn command_line() -> Cli {
    let mut found = environment::without_empty(Cli::command()).get_matches();
    Cli::from_arg_matches_mut(&mut found).unwrap_or_else(|error| error.format(&mut Cli::command()).exit())
}

/// Runs a command; the value is the exit code.
///
/// # Errors
/// The command failed; nothing about it has been printed yet.
pub fn run(cli: Cli) -> Result<u8, Failure> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Signature(args) => signature::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Ranges(args) => ranges::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

/// A failure with one line.
pub(crate) fn failed(line: impl Into<String>) -> Failure {
    Failure { code: FAILED, lines: vec![line.into()] }
}

/// Writes text for people to standard output. A reader that stops reading (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    printed(text).map(|_| ())
}

/// Writes JSON to standard output: what acts on a terminal is escaped so that the text stays JSON, and says the same.
pub(crate) fn print_json(text: &str) -> Result<(), Failure> {
    written(&visible_json(text)).map(|_| ())
}

/// As [`print`]; the value says whether somebody still reads.
pub(crate) fn printed(text: &str) -> Result<bool, Failure> {
    written(&harmless(text))
}

fn written(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Escapes what acts on a terminal: another program may have answered, or somebody else has named a source.
fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    text.split_inclusive(['\n', '\t'])
        .map(|part| match part.strip_suffix(['\n', '\t']) {
            Some(line) => visible(line) + part.get(line.len()..).unwrap_or_default(),
            None => visible(part),
        })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_acts_on_a_terminal() {
        assert_eq!(harmless("a\tb\n\u{1b}[31m\r\u{9b}\u{202e}"), "a\tb\n\\u{1b}[31m\\r\\u{9b}\\u{202e}");
        assert!(matches!(harmless("plain \u{e4}\n"), Cow::Borrowed(_)));
    }
    #[test]
    fn the_command_line_is_consistent_and_every_option_is_explained() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        let mut seen = 0;
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            assert!(sub.get_about().is_some(), "{}", sub.get_name());
            for arg in sub.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", sub.get_name(), arg.get_id());
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
    }
}
