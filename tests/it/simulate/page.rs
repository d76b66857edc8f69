//! docs/simulate.md says what the program does.

use super::run;
use crate::harness::{Answer, Upstream};

const PAGE: &str = include_str!("../../../docs/simulate.md");

/// Words alone: without the numbers that differ from run to run, and however wide the columns are.
fn words(text: &str, url: &str) -> Vec<String> {
    let text = text.replace(url, "http://127.0.0.1:3000");
    let is_told = |word: &&str| !word.starts_with('(') && word.parse::<u32>().is_err();
    text.split_whitespace().filter(is_told).filter(|word| *word != "ms)").map(str::to_owned).collect()
}

#[test]
fn the_example_of_the_page_is_what_the_program_says() {
    let upstream = Upstream::start(|_| Answer::status(503));
    let ran = run(&["sms-inbound", "--to", &format!("{}/webhooks/inbound-sms", upstream.url())]);
    let shown = PAGE.split("```\n").find(|part| part.starts_with("sms-inbound: ")).expect("the example");
    assert_eq!(words(shown, "http://127.0.0.1:3000"), words(&ran.text, upstream.url()));
}

#[test]
fn the_page_describes_every_option() {
    let ran = run(&["--help"]);
    let first = |line: &'_ str| {
        line.split_whitespace().next().filter(|word| word.starts_with("--")).map(str::to_owned)
    };
    let options: Vec<String> = ran.text.lines().filter_map(first).collect();
    assert!(options.len() >= 19, "{options:?}");
    for option in options {
        assert!(PAGE.contains(&format!("`{option}")), "{option} is not in docs/simulate.md");
    }
}
