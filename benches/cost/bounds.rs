//! The recorded counts, and how far from them is too far.

use std::fmt::Write as _;
use std::path::PathBuf;

/// One line of the file: a name and the count that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub name: String,
    pub count: f64,
}

/// A count may exceed what was recorded by this share and this much: a compiler's whim is no regression.
const SHARE: f64 = 0.10;

/// The most that is accepted.
pub fn most(name: &str, recorded: f64) -> f64 {
    // Threads wake each other more often on a busy machine; a call too many a request would still show.
    let slack = match name {
        _ if name.ends_with("system calls") => recorded,
        _ if name.ends_with("transfers") => 0.25,
        _ if name.ends_with("thread that serves") => 0.5,
        // How many of a flood of denials are written down depends on the clock.
        "a denied POST: instructions" => recorded * 0.5,
        "a denied POST: allocations" => 1.5,
        _ if name.ends_with("allocations") => 0.5,
        _ => recorded * SHARE + 16.0,
    };
    recorded + slack
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/cost/bounds.txt")
}

/// Reads the file.
pub fn read() -> Vec<Recorded> {
    let text = std::fs::read_to_string(path()).expect("benches/cost/bounds.txt");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, count) = line.rsplit_once(char::is_whitespace).expect("a name and a count");
            Recorded { name: name.trim().to_owned(), count: count.parse().expect("a count") }
        })
        .collect()
}

/// Writes the file.
pub fn write(all: &[Recorded], versions: &str) {
    let mut text = "# What an operation or a request cost when this was recorded: `make bench-cost-record`.\n\
                    # `make bench-cost` fails when a count is more than a tenth above (system calls: README.md).\n"
        .to_owned();
    let _ = writeln!(text, "# {versions}");
    for Recorded { name, count } in all {
        let _ = writeln!(text, "{name:<56}{count:>12.2}");
    }
    std::fs::write(path(), text).expect("benches/cost/bounds.txt");
}
