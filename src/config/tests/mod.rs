//! Messages are interface: whole files against whole reports.

use std::path::Path;

use crate::config::*;

mod chaos;
mod flags;
mod provider;
mod reports;
mod sections;
mod tls;
mod values;

const BASE: &str = "/etc/gate";

fn read(text: &str) -> Result<Parsed, Vec<Problem>> {
    parse(Some(text), &Overrides::default(), Path::new(BASE))
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Ok(parsed) => panic!("accepted: {text}\n{:?}", parsed.config),
        Err(problems) => lines(&problems),
    }
}

fn config(text: &str) -> Config {
    read(text).unwrap_or_else(|problems| panic!("{text}\n{:#?}", lines(&problems))).config
}

/// The problems of a file that is correct except for these lines.
fn with(text: &str) -> Vec<String> {
    problems(&format!("upstream: http://127.0.0.1:3000\n{text}"))
}

fn good(text: &str) -> Config {
    config(&format!("upstream: http://127.0.0.1:3000\n{text}"))
}
