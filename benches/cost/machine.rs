//! The machine that a figure was taken on: without it a figure means nothing.

use std::process::Command;

/// The processor, and the version of each program that had a part in the figure.
pub fn line(programs: &[&str]) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let model = model.trim_start_matches([':', ' ', '\t']).to_owned();
    std::iter::once(model)
        .chain(programs.iter().map(|program| version(program)))
        .collect::<Vec<_>>()
        .join(" | ")
}

fn version(program: &str) -> String {
    let said = Command::new(program).arg("--version").output().expect(program).stdout;
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned()
}
