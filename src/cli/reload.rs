//! `reload`: makes the running gate load its files again, waits, and prints the result.

use std::fmt::Write as _;
use std::time::Duration;

use crate::admin::api::reload::ReloadReport;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::cli::{FAILED, Failure, print};

/// Large lists take long, and so does a slow file system.
const WITHIN: Duration = Duration::from_secs(60);

/// Make the running gate load its files again, and print what changed.
///
/// It waits until the new state is in use. If something is wrong, the last good state stays in use, and every
/// problem is printed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 loaded, 1 problems or not reachable.")]
pub struct Args {
    #[command(flatten)]
    gate: Gate,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let client = AdminClient::find(&args.gate)?;
    let (report, _) = client.fetch::<ReloadReport>("POST", "/reload", WITHIN, &[200, 422])?;
    print(&text(&report))?;
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    outcome(&report)
}

fn outcome(report: &ReloadReport) -> Result<u8, Failure> {
    let lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if lines.is_empty() { Ok(0) } else { Err(Failure { code: FAILED, lines }) }
}

/// The result as text, without the problems.
fn text(report: &ReloadReport) -> String {
    let generation = report.generation;
    let mut out = match (report.published, report.problems.is_empty()) {
        (true, true) => format!("loaded: generation {generation} serves\n"),
        (true, false) => format!("loaded in part: generation {generation} serves\n"),
        (false, true) => format!("nothing changed: generation {generation} still serves\n"),
        (false, false) => format!("not loaded: generation {generation} still serves\n"),
    };
    let kinds = [(&report.changes, ""), (&report.held, "held: "), (&report.needs_restart, "")];
    for (lines, before) in kinds {
        for line in lines {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {before}{line}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::api::reload::Problem;

    fn report() -> ReloadReport {
        ReloadReport {
            changes: vec!["list sms: 2 added, 1 removed".to_owned()],
            generation: 3,
            held: vec!["list voice: 5 of 7".to_owned()],
            needs_restart: vec!["listen: needs a restart".to_owned()],
            problems: Vec::new(),
            published: true,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_reload_is_told_whole() {
        assert_eq!(
            text(&report()),
            "loaded: generation 3 serves\n  list sms: 2 added, 1 removed\n  held: list voice: 5 of 7\n  listen: needs a restart\n"
        );
        assert_eq!(outcome(&report()), Ok(0));
    }

    #[test]
    fn problems_are_a_failure_even_when_the_rest_was_loaded() {
        let problem = |at: &str, message: &str| Problem { at: at.to_owned(), message: message.to_owned() };
        let problems =
            vec![problem("ranges/sms.txt:3", "\"x\": is not an IP address"), problem("", "y\u{1b}[2J")];
        let failure = outcome(&ReloadReport { problems, ..report() }).unwrap_err();
        let lines =
            vec!["ranges/sms.txt:3: \"x\": is not an IP address".to_owned(), "y\\u{1b}[2J".to_owned()];
        assert_eq!(failure, Failure { code: 1, lines });
    }
}
