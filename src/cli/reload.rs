//! `reload`: make the running gate load its files again, wait, and say how it went.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::admin::status_text::problem_line;
use crate::cli::admin_client::{AdminClient, Reply};
use crate::cli::flags::Gate;
use crate::cli::{FAILED, Failure, failed, print};

/// Large lists take a while, and so does a slow file system.
const WITHIN: Duration = Duration::from_secs(60);

/// Make the running gate load its files again, and say what changed.
///
/// It waits until the new state serves. Where something is wrong, the last good state goes on serving
/// and every problem is printed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 loaded, 1 problems or not reachable.")]
pub struct Args {
    #[command(flatten)]
    gate: Gate,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let client = AdminClient::find(&args.gate)?;
    let reply = client.ask("POST", "/reload", WITHIN)?;
    outcome(&client, &reply)
}

fn outcome(client: &AdminClient, reply: &Reply) -> Result<u8, Failure> {
    let report = reply.json();
    if !matches!(reply.status, 200 | 422) || !report.is_object() {
        return Err(failed(format!("{client} answered {}: {}", reply.status, reply.body.trim())));
    }
    print(&text(&report))?;
    for warning in rows(&report["warnings"]) {
        eprintln!("warning: {}", problem_line(warning));
    }
    let problems: Vec<String> = rows(&report["problems"]).iter().map(problem_line).collect();
    if problems.is_empty() { Ok(0) } else { Err(Failure { code: FAILED, lines: problems }) }
}

/// What changed, in words; problems are not part of it.
fn text(report: &Value) -> String {
    let generation = &report["generation"];
    let good = rows(&report["problems"]).is_empty();
    let mut out = match (report["published"] == true, good) {
        (true, true) => format!("loaded: generation {generation} serves\n"),
        (true, false) => format!("loaded what is good: generation {generation} serves\n"),
        (false, true) => format!("nothing changed: generation {generation} goes on serving\n"),
        (false, false) => format!("not loaded: generation {generation} goes on serving\n"),
    };
    for (key, before) in [("changes", ""), ("held", "held: "), ("needs_restart", "")] {
        for line in rows(&report[key]) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {before}{}", line.as_str().unwrap_or_default());
        }
    }
    out
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reload_is_told_whole() {
        let report = json!({
            "generation": 3, "published": true, "problems": [],
            "changes": ["list sms: 2 added, 1 removed"], "held": ["list voice: 5 of 7"], "needs_restart": ["listen: needs a restart"],
        });
        assert_eq!(
            text(&report),
            "loaded: generation 3 serves\n  list sms: 2 added, 1 removed\n  held: list voice: 5 of 7\n  listen: needs a restart\n"
        );
    }

    #[test]
    fn problems_are_a_failure_even_when_the_rest_was_loaded() {
        let body = json!({
            "generation": 4, "published": true, "changes": [], "held": [], "needs_restart": [],
            "problems": [{ "at": "ranges/sms.txt:3", "message": "\"x\": is not an IP address" }, { "at": "", "message": "y" }],
        });
        let client = AdminClient::find(&Gate { admin: Some("unix:/x".into()), ..Gate::default() }).unwrap();
        let failure = outcome(&client, &Reply { status: 422, body: body.to_string() }).unwrap_err();
        let lines = vec!["ranges/sms.txt:3: \"x\": is not an IP address".to_owned(), "y".to_owned()];
        assert_eq!(failure, Failure { code: 1, lines });
    }
}
