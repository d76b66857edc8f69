//! The figures, as a table: printed as they come, and kept in the documents when that is asked for.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::attacks::Attack;
use crate::verdict::Row;

const DOCUMENT: &str = "docs/siege.md";
/// The figures stand between these.
const BEGIN: &str = "<!-- figures: written by `make siege-report` -->";
const END: &str = "<!-- end of the figures -->";

pub fn say(row: &Row) {
    let verdict = if row.is_good() { "good" } else { "RED" };
    println!(
        "{:22} {:22} {:>4} of {:>4} MiB  CPU {:>3} %  p99 {} -> {} ms  gone {:>7} of {:>4.1} s  sent {} heard {} logged {}  {verdict}",
        row.attack,
        row.terms,
        row.peak_mib,
        row.most_mib,
        row.cpu_percent,
        all(row.quiet),
        all(row.during),
        seconds(row.gone),
        row.bound.as_secs_f64(),
        row.sent,
        row.heard,
        row.logged,
    );
    for fault in &row.faults {
        println!("    {fault}");
    }
}

/// The one that keeps its connection, the one that comes anew, the one beside the gate.
fn all(times: [Duration; 3]) -> String {
    times.map(|time| format!("{:.1}", time.as_secs_f64() * 1000.0)).join("/")
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "not".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
}

/// The last words; whether all is good.
pub fn sum_up(rows: &[Row]) -> bool {
    let red: Vec<&Row> = rows.iter().filter(|row| !row.is_good()).collect();
    println!("siege: {} phases, {} red", rows.len(), red.len());
    for row in &red {
        println!("  {} in {}: {}", row.attack, row.terms, row.faults.join("; "));
    }
    red.is_empty()
}

/// Puts the figures into the document, in the place of the last ones.
pub fn keep(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("a place for the figures");
    let (_, after) = rest.split_once(END).expect("an end of the figures");
    let figures = table(rows);
    fs::write(&path, format!("{before}{BEGIN}\n\n{figures}\n{END}{after}")).expect("the document");
    println!("siege: the figures stand in {DOCUMENT}");
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{}\n\n", machine());
    text.push_str("| attack | configuration | peak, MiB | bound, MiB | CPU, % of a core | p99 quiet -> during, ms (kept/new/beside) | gone after, s | bound, s | sent | answered | logged | |\n");
    text.push_str("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n");
    for row in rows {
        let gone = row.gone.map_or_else(|| "not".to_owned(), |time| format!("{:.1}", time.as_secs_f64()));
        let verdict = if row.is_good() { "good".to_owned() } else { row.faults.join("; ") };
        // A string takes everything.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} -> {} | {gone} | {:.0} | {} | {} | {} | {verdict} |",
            row.attack,
            row.terms,
            row.peak_mib,
            row.most_mib,
            row.cpu_percent,
            all(row.quiet),
            all(row.during),
            row.bound.as_secs_f64(),
            row.sent,
            row.heard,
            row.logged,
        );
    }
    text.push_str("\nThe attacks:\n\n| attack | what it does |\n| --- | --- |\n");
    for attack in Attack::ALL {
        let _ = writeln!(text, "| {} | {} |", attack.name(), attack.words());
    }
    text
}

/// What the figures were taken on.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let said = |program: &str, words: &[&str]| -> String {
        let output = Command::new(program).args(words).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    };
    format!(
        "Taken on {} with {cores} cores ({}), {}, Linux {}, at commit {}.",
        said("date", &["-u", "+%Y-%m-%d"]),
        name.map_or("an unknown processor", |(_, name)| name),
        std::env::consts::ARCH,
        said("uname", &["-r"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
    )
}
