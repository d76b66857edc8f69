//! The environment of the process, as far as it is a part of the command line.
//!
//! Compose files, unit files and charts pass a variable on also where nobody has given it a value. So an empty variable
//! counts as not set; an empty value of a flag was written by somebody, and is a problem.

use std::ffi::{OsStr, OsString};

use clap::Command;
use clap::builder::Resettable;

use crate::config::{CREDENTIALS, PORT, variables};

/// The command line without the variables whose value is empty.
pub(super) fn without_empty(command: Command) -> Command {
    without(command, &|name| std::env::var_os(name).is_some_and(|value| is_empty(&value)))
}

/// The variable `PORT`, if it has a value.
pub(super) fn port() -> Option<String> {
    std::env::var_os(PORT).filter(|value| !is_empty(value)).map(|value| value.to_string_lossy().into_owned())
}

/// The folder of the service's credentials, if systemd was told of some.
pub(super) fn credentials() -> Option<String> {
    let folder = std::env::var_os(CREDENTIALS).filter(|value| !is_empty(value));
    folder.map(|value| value.to_string_lossy().into_owned())
}

/// The names of the variables that begin like the gate's and mean nothing to it.
pub(super) fn unknown() -> Vec<String> {
    let plain = |text: OsString| text.to_string_lossy().into_owned();
    variables::unknown(std::env::vars_os().map(|(name, value)| (plain(name), plain(value))))
}

/// Spaces alone are no value either: every reader would trim them.
fn is_empty(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

fn without(command: Command, unwanted: &dyn Fn(&OsStr) -> bool) -> Command {
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if unwanted(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(|below| without(below, unwanted))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn an_unwanted_variable_is_taken_from_every_command() {
        let left = |command: &Command| {
            let commands = command.get_subcommands();
            commands.flat_map(Command::get_arguments).filter_map(|arg| arg.get_env()).count()
        };
        let whole = Cli::command();
        assert!(left(&whole) > 40, "{}", left(&whole));
        let named = |name: &OsStr| name == "NEXMO_GATE_CONFIG";
        let commands = whole
            .get_subcommands()
            .filter(|one| one.get_arguments().any(|arg| arg.get_env().is_some_and(named)));
        let commands = commands.count();
        assert!(commands >= 5, "{commands}");
        assert_eq!(left(&without(Cli::command(), &named)), left(&whole) - commands);
        assert_eq!(left(&without(Cli::command(), &|_| true)), 0);
    }

    #[test]
    fn spaces_are_no_value() {
        for (value, empty) in [("", true), (" \t", true), ("off", false), ("0", false)] {
            assert_eq!(is_empty(OsStr::new(value)), empty, "{value:?}");
        }
    }
}
