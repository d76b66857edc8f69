//! `check`: prints all problems of the configuration and the range files, or a summary.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use crate::admin::text::quantity::{Grouped, grouped};
use crate::cli::flags::Settings;
use crate::cli::loading::{self, Read};
use crate::cli::table::columns;
use crate::cli::{Failure, print};
use crate::config::{Listener, Trusted};
use crate::files::folder;
use crate::gate::memory;
use crate::load::since::Change;
use crate::policy::demand::Need;
use crate::state::snapshot::Snapshot;
use crate::telemetry::timestamp::unix_seconds;

/// Read the configuration and every range file: print all problems, or a summary.
///
/// Nothing is bound or sent, so it can be run beside a gate that serves.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 good (also with warnings), 78 bad configuration or ranges.")]
pub struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let read = loading::read(&args.settings)?;
    let today = today();
    for warning in warnings(&read, today) {
        eprintln!("warning: {warning}");
    }
    print(&summary(&read, today))?;
    Ok(0)
}

/// Whole days since 1970-01-01.
fn today() -> i64 {
    let seconds = unix_seconds(SystemTime::now());
    i64::try_from(seconds / 86_400).unwrap_or(i64::MAX)
}

/// The summary as text.
fn summary(read: &Read, today: i64) -> String {
    let snapshot = &read.snapshot;
    let config = &snapshot.config;
    let source = match &read.config {
        Some(path) => path.display().to_string(),
        None => "flags and variables (no configuration file)".to_owned(),
    };
    let mut out = format!("{source}: good\n\nlists in {}\n", config.ranges.display());
    out.push_str(&lists(snapshot, today));
    out.push_str("\nroutes\n");
    out.push_str(&routes(snapshot));
    out.push_str(&certificates(snapshot));
    out.push_str(&secrets(snapshot));
    let trusted = match snapshot.config.trusted_proxies.as_slice() {
        [] => "none: the peer of a connection is the client".to_owned(),
        entries => entries.iter().map(trusted_text).collect::<Vec<_>>().join(", "),
    };
    // Writing to a String cannot fail.
    for origin in config.listen.iter().filter_map(Listener::origin) {
        let _ = writeln!(out, "\n{origin}");
    }
    let _ = writeln!(out, "\ntrusted proxies  {trusted}");
    let _ = writeln!(
        out,
        "a denied sender  gets {} (deny: {}), mode: {}",
        config.deny.status(),
        config.deny.word(),
        config.mode.word()
    );
    out.push_str(&since(&read.since));
    out.push_str(&memory(snapshot));
    out
}

/// The changes that a gate on this machine has not loaded yet.
fn since(changes: &[Change]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let line = |change: &Change| match &change.held {
        None => format!("  {}\n", change.what),
        Some(why) => format!("  {} {why}: HELD by a running gate until `nexmo-gate reload`\n", change.what),
    };
    format!(
        "\nsince the last load of a gate with this state folder\n{}",
        changes.iter().map(line).collect::<String>()
    )
}

/// The memory that the process may take at worst, and for what.
fn memory(snapshot: &Snapshot) -> String {
    let terms = memory::terms(&snapshot.config, lists_memory(snapshot));
    let mib = |bytes: u64| format!("{} MiB", grouped(bytes.div_ceil(1 << 20)));
    let rows: Vec<Vec<String>> = terms
        .iter()
        .filter(|term| term.bytes > 0)
        .map(|term| vec![term.what.to_owned(), mib(term.bytes)])
        .collect();
    format!("\nmemory at worst  {}\n{}", mib(memory::worst(&terms)), columns(&rows, &[1]))
}

/// For the lists as they are now: a file that grows takes more.
fn lists_memory(snapshot: &Snapshot) -> u64 {
    let bytes = snapshot.lists.values().map(|list| list.text.len() as u64).sum();
    folder::lists_memory(bytes, snapshot.prefixes() as u64)
}

fn trusted_text(entry: &Trusted) -> String {
    match entry {
        Trusted::Prefix(prefix) => prefix.to_string(),
        Trusted::List(name) => format!("list {name}"),
    }
}

fn lists(snapshot: &Snapshot, today: i64) -> String {
    let head = ["list", "prefixes", "IPv4 addresses", "IPv6 addresses", "as of", "reviewed"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for list in snapshot.lists.values() {
        let (v4, v6) = list.ranges.set().covered();
        rows.push(vec![
            list.name.clone(),
            Grouped(list.ranges.entries().len() as u128).to_string(),
            grouped(v4).to_string(),
            Grouped(v6).to_string(),
            list.ranges.as_of().map_or("-".to_owned(), |day| day.to_string()),
            match list.ranges.reviewed_days(today) {
                None => "-".to_owned(),
                Some(0) => "today".to_owned(),
                Some(1) => "1 day ago".to_owned(),
                Some(days) => format!("{days} days ago"),
            },
        ]);
    }
    columns(&rows, &[1, 2, 3])
}

fn routes(snapshot: &Snapshot) -> String {
    let mut rows = vec![["route", "webhook", "deadline", "lists"].map(str::to_owned).to_vec()];
    for route in &snapshot.routes {
        rows.push(vec![
            route.label.clone(),
            route.webhook.name().to_owned(),
            format!("{} ms", route.deadline.as_millis()),
            route.allow.iter().map(|list| list.name.as_str()).collect::<Vec<_>>().join(", "),
        ]);
    }
    // Where no secret is configured, nobody wants to read `off` on every line.
    if snapshot.routes.iter().any(|route| route.signature.need != Need::Off) {
        rows[0].push("signature".to_owned());
        for (row, route) in rows[1..].iter_mut().zip(&snapshot.routes) {
            row.push(route.signature.need.word().to_owned());
        }
    }
    columns(&rows, &[2])
}

/// The certificates of the listeners that have TLS.
fn certificates(snapshot: &Snapshot) -> String {
    let mut rows =
        vec![["listener", "certificate", "names", "until", "days left"].map(str::to_owned).to_vec()];
    for (listener, door) in snapshot.config.listen.iter().zip(&snapshot.doors) {
        for one in door.iter().flat_map(|door| &door.certificates) {
            rows.push(vec![
                listener.address.to_string(),
                one.files.certificate.display().to_string(),
                one.names.join(", "),
                one.until.clone(),
                one.days_left(SystemTime::now()).map_or("-".to_owned(), |days| days.to_string()),
            ]);
        }
    }
    if rows.len() == 1 { String::new() } else { format!("\ncertificates\n{}", columns(&rows, &[4])) }
}

/// The secrets that webhooks are signed with: whose each is and where it lies, nothing of what it is.
fn secrets(snapshot: &Snapshot) -> String {
    let mut rows = vec![["secret of", "until", "file"].map(str::to_owned).to_vec()];
    for one in &snapshot.secrets.sources {
        let file = one.file.file.display().to_string();
        let until = one.file.until.map_or("-".to_owned(), |day| day.to_string());
        rows.push(vec![one.owner(), until, file]);
    }
    if rows.len() == 1 { String::new() } else { format!("\nsignatures\n{}", columns(&rows, &[])) }
}

/// What looks like a mistake, but works.
fn warnings(read: &Read, today: i64) -> Vec<String> {
    let snapshot = &read.snapshot;
    let mut lines: Vec<String> = read.warnings.iter().map(ToString::to_string).collect();
    let mut used: BTreeSet<&str> =
        snapshot.routes.iter().flat_map(|route| &route.allow).map(|list| list.name.as_str()).collect();
    for entry in &snapshot.config.trusted_proxies {
        if let Trusted::List(name) = entry {
            used.insert(name);
        }
    }
    for list in snapshot.lists.values() {
        let path = list.path.display();
        if !used.contains(list.name.as_str()) {
            lines.push(format!("{path}: no route allows the list {}", list.name));
            continue;
        }
        match list.ranges.reviewed_days(today) {
            None => lines.push(format!(
                "{path}: no `# reviewed: YYYY-MM-DD` line says when a person last compared it with its source"
            )),
            Some(days) if days > snapshot.config.review_days() => lines.push(format!(
                "{path}: last compared with its source {days} days ago; compare it and set `# reviewed:`"
            )),
            Some(_) => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage, anonymous};

    /// 2026-11-21
    const TODAY: i64 = 20_778;

    fn checked(
        config: &str,
        change: impl FnOnce(&std::path::Path),
    ) -> Result<(String, Vec<String>), Failure> {
        let mut stage = Stage::new(config);
        change(stage.folder.path());
        let folder = stage.folder.path().to_owned();
        let judged = loading::judge(Some(folder.join("config.yaml")), stage.load());
        match judged {
            Ok(read) => Ok((
                anonymous(&summary(&read, TODAY), &folder),
                warnings(&read, TODAY).iter().map(|line| anonymous(line, &folder)).collect(),
            )),
            Err(failure) => {
                let lines = failure.lines.iter().map(|line| anonymous(line, &folder)).collect();
                Err(Failure { lines, ..failure })
            }
        }
    }

    #[test]
    fn a_good_configuration_is_told_whole() {
        let (summary, warnings) = checked(CONFIG, |_| {}).unwrap();
        let wanted = "\
DIR/config.yaml: good

lists in DIR/ranges
  list   prefixes  IPv4 addresses  IPv6 addresses  as of       reviewed
  edge          1               1               0  -           -
  sms           3             256             256  -           265 days ago
  voice         2              32               0  2024-01-15  20 days ago

routes
  route                            webhook       deadline  lists
  /webhooks/answer                 voice-answer   4500 ms  voice, sms
  /webhooks/sms/*                  sms-inbound   14000 ms  sms
  api.example.com/webhooks/verify  verify        14000 ms  sms

trusted proxies  10.0.0.0/8, list edge
a denied sender  gets 403 (deny: forbid), mode: enforce

memory at worst  484 MiB
  the program                                               24 MiB
  lists, old and new at a reload                             1 MiB
  connections x limits.connections                         176 MiB
  messages, 2 x limits.buffers                             128 MiB
  requests x limits.concurrent_requests                     24 MiB
  kept connections to the application                       24 MiB
  lines of the two logs                                     16 MiB
  the allocator's own, a quarter of all but the first two   92 MiB
";
        assert_eq!(summary, wanted);
        assert_eq!(
            warnings,
            [
                "DIR/ranges/edge.txt: no `# reviewed: YYYY-MM-DD` line says when a person last compared it with its source",
                "DIR/ranges/sms.txt: last compared with its source 265 days ago; compare it and set `# reviewed:`",
            ]
        );
        let document = include_str!("../../docs/limits.md");
        let memory = &wanted[wanted.find("memory at worst").unwrap()..];
        assert!(document.contains(memory), "docs/limits.md shows another example than\n{memory}");
    }

    #[test]
    fn the_secrets_of_signatures_are_told_and_what_they_are_is_not() {
        let config = format!(
            "{CONFIG}signatures:\n  secrets:\n  - {{ api_key: a1b2c3d, file: new }}\n  \
             - {{ api_key: a1b2c3d, file: old, until: 2025-12-31 }}\n"
        );
        let (summary, warnings) = checked(&config, |folder| {
            for (name, text, mode) in [("new", "s3cr3t-of-sixteen", 0o600), ("old", "s3cr3t", 0o644)] {
                std::fs::write(folder.join(name), text).unwrap();
                let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
                std::fs::set_permissions(folder.join(name), mode).unwrap();
            }
        })
        .unwrap();
        let secrets = "
signatures
  secret of        until       file
  api_key a1b2c3d  -           DIR/new
  api_key a1b2c3d  2025-12-31  DIR/old
";
        assert!(summary.contains(secrets), "{summary}");
        assert!(summary.contains("voice, sms  note"), "{summary}");
        let at = "signatures.secrets[1]";
        let wanted = [
            format!("{at}.file: is shorter than 16 bytes, so it can be found by trying"),
            format!(
                "{at}.file: can be read by every user of this machine (mode 644); chmod it to 600 or 640"
            ),
            format!(
                "{at}.until: the secret of api_key a1b2c3d no longer counts since the end of 2025-12-31 (UTC); remove it"
            ),
        ];
        assert_eq!(warnings[..3], wanted);
        assert!(!format!("{summary}{warnings:?}").contains("s3cr3t"));
    }

    #[test]
    fn an_unused_list_and_observe_mode_are_warnings() {
        let config = "upstream: http://127.0.0.1:3000\nmode: observe\nroutes: [{ path: /a, webhook: generic, allow: [voice] }]";
        let (_, warnings) = checked(config, |_| {}).unwrap();
        let unused: Vec<&String> =
            warnings.iter().filter(|line| line.contains("no route allows the list")).collect();
        assert_eq!(
            unused,
            [
                "DIR/ranges/edge.txt: no route allows the list edge",
                "DIR/ranges/sms.txt: no route allows the list sms"
            ]
        );
        let about_mode: Vec<&String> = warnings.iter().filter(|line| line.contains("observe")).collect();
        let wanted =
            "mode: observe: no request is denied; limits still apply, and malformed requests are rejected";
        assert_eq!(about_mode, [wanted]);
    }

    #[test]
    fn a_bad_file_that_nothing_names_is_a_warning() {
        let (_, warnings) =
            checked(CONFIG, |folder| std::fs::write(folder.join("ranges/README.txt"), "Lists.\n").unwrap())
                .unwrap();
        let wanted = "DIR/ranges/README.txt:1: 6 characters that are not an address: is not an IP address; names are not looked up; no route and no trusted_proxies names it";
        assert_eq!(warnings[0], wanted);
    }

    #[test]
    fn every_problem_of_every_file_is_told_at_once() {
        let config = CONFIG.replace("[voice, sms]", "[vioce, sms]");
        let failure = checked(&config, |folder| {
            std::fs::write(folder.join("ranges/sms.txt"), "198.51.100.0/24\n198.51.100.1/24\n010.0.0.1\n")
                .unwrap();
        })
        .unwrap_err();
        assert_eq!(failure.code, 78);
        let wanted = [
            "routes[0].allow[0]: no list named \"vioce\"; there are: edge, sms, voice (did you mean voice?)",
            "DIR/ranges/sms.txt:2: \"198.51.100.1/24\": the address has bits beyond its prefix length; write 198.51.100.0/24 for the range or 198.51.100.1/32 for the one address",
            "DIR/ranges/sms.txt:3: \"010.0.0.1\": a leading zero is octal to some programs and decimal to others; write 10.0.0.1 if decimal was meant",
        ];
        assert_eq!(failure.lines, wanted);
    }
}
