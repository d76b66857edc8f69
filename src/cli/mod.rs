//! The command line: what can be asked of the program, one file a command.
//!
//! A command returns its exit code or a [`Failure`]; only `main` prints a failure. What is printed here
//! is for people, `--json` is for programs. Exit codes are an interface: 0 fine, 1 failed while running,
//! 2 wrong usage (clap's own), 3 denied (`explain`), 78 a bad configuration or range file (`EX_CONFIG` of
//! sysexits.h, so that a supervisor knows that trying again changes nothing).
//!
//! [`flags`] holds the options that several commands share, [`loading`] turns them into a snapshot,
//! [`admin_client`] talks to a running gate, [`table`] lines up columns.

pub(crate) mod admin_client;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod flags;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod loading;
pub(crate) mod reload;
pub mod run;
pub(crate) mod status;
pub(crate) mod table;

use std::borrow::Cow;
use std::io::{self, Write as _};

use clap::{Parser, Subcommand};

pub(crate) use crate::server::{BAD_CONFIG, Failure};

/// Something failed while it ran.
pub(crate) const FAILED: u8 = 1;
/// `explain`: the answer is no.
pub(crate) const DENIED: u8 = 3;

/// A firewall and IP allowlist proxy for Nexmo (Vonage) webhooks.
///
/// It stands in front of your application, admits only requests from the listed address ranges, tells
/// the sender exactly what the webhook's delivery rules need to hear, logs every request, and forwards
/// what it admits.
#[derive(Debug, Parser)]
#[command(name = "nexmo-gate", version, max_term_width = 100, disable_help_subcommand = false)]
#[command(after_help = "First steps: `nexmo-gate demo` shows it at work on this machine alone. \
                        `nexmo-gate check` reads config.yaml and the range files and says what they mean.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to stop (TERM or INT), reload on HUP.
    Run(run::Args),
    /// Read the configuration and every range file: all problems, or what they mean.
    Check(check::Args),
    /// Say whether an address is admitted, and why: the whole chain of reasons.
    Explain(explain::Args),
    /// Ask the running gate whether it is ready: for container and load balancer probes.
    Health(health::Args),
    /// Make the running gate load its files again, and say what changed.
    Reload(reload::Args),
    /// Show what the running gate has loaded and how it is doing.
    Status(status::Args),
    /// See it at work: a sample application, the gate, and every sample webhook, on loopback only.
    Demo(demo::Args),
    /// Print completions for a shell.
    Completions(generate::CompletionsArgs),
    /// Print a manual page: of the program, or of the configuration file.
    Man(generate::ManArgs),
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
        Command::Health(args) => health::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

/// A failure with one line.
pub(crate) fn failed(line: impl Into<String>) -> Failure {
    Failure { code: FAILED, lines: vec![line.into()] }
}

/// Writes to standard output. Whoever reads it may stop reading (`| head`): that is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(harmless(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A text without what acts on a terminal: whoever answers in the gate's place chooses what is printed.
fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| if acts(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_acts_on_a_terminal() {
        assert_eq!(harmless("a\tb\n\u{1b}[31m\r\u{9b}"), "a\tb\n\\u{1b}[31m\\r\\u{9b}");
        assert!(matches!(harmless("plain \u{e4}\n"), Cow::Borrowed(_)));
    }
    use clap::CommandFactory as _;

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
