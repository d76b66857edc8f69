//! `nexmo-gate simulate`: what it sends, when it sends it again, and what it makes of the answers.

mod page;
mod published;
mod refusals;
mod schedule;
mod signed;
mod stopped;
mod verdicts;

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;

/// A run of the program, with a folder of settings of its own.
pub struct Run {
    pub code: i32,
    pub text: String,
    pub error: String,
}

pub fn run(args: &[&str]) -> Run {
    run_in(Scratch::new().path(), args)
}

/// With this folder of settings.
pub fn run_in(settings: &Path, args: &[&str]) -> Run {
    let mut command = binary();
    command.arg("simulate").args(args).env("XDG_CONFIG_HOME", settings);
    let Output { status, stdout, stderr } = command.output().expect("the gate's binary");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Run { code: status.code().expect("an exit code"), text: text(stdout), error: text(stderr) }
}

/// The document of `--json`, with the exit code.
pub fn json(args: &[&str]) -> (i32, Value) {
    let ran = run(&[args, &["--json"]].concat());
    let document = serde_json::from_str(&ran.text);
    (ran.code, document.unwrap_or_else(|error| panic!("{error}: {}{}", ran.text, ran.error)))
}

/// The first try of the only message.
pub fn first_try(document: &Value) -> &Value {
    &document["messages"][0]["tries"][0]
}
