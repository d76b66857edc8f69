//! A ranges folder with a configuration, and the commands on it.

use std::fs;
use std::io::Write as _;
use std::process::Output;

use serde_json::Value;
use time::OffsetDateTime;

use crate::harness::Setup;
use crate::harness::gate::setup::binary;

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `ranges COMMAND...` with the configuration of a setup.
pub fn ranges(setup: &Setup, args: &[&str], input: &str) -> Said {
    let mut command = binary();
    command.arg("ranges").args(args).arg("--config").arg(setup.path().join("config.yaml"));
    command.env("SUDO_USER", "ada").stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the gate's binary");
    // A command that does not read it has ended already.
    let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
    Said::of(child.wait_with_output().expect("its output"))
}

/// A setup whose configuration is written, without a gate. Nobody listens at its admin address.
pub fn alone(list: &str) -> Setup {
    let setup = Setup::new("http://127.0.0.1:1")
        .range("test", list)
        .key("admin", "{ address: \"unix:nobody.sock\" }");
    setup.write_config();
    setup
}

/// The list as it lies there.
pub fn list(setup: &Setup) -> String {
    fs::read_to_string(setup.path().join("ranges/test.txt")).expect("the list")
}

/// Number, who, source and whether it is the list, of each generation.
pub fn history(setup: &Setup) -> Vec<(u64, String, String, bool)> {
    let all = ranges(setup, &["history", "test", "--json"], "").json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let row = |one: &Value| {
        let number = one["generation"].as_u64().expect("a number");
        (number, text(&one["by"]), text(&one["source"]), one["live"].as_bool().expect("live"))
    };
    all.as_array().expect("generations").iter().map(row).collect()
}

/// A line of the access log for a request of this client so many days ago.
pub fn line(client: &str, days: i64) -> String {
    let at = OffsetDateTime::now_utc() - time::Duration::days(days);
    let (date, (hour, minute, second)) = (at.date(), at.time().as_hms());
    let ts = format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", at.millisecond());
    format!("{{\"ts\":\"{ts}\",\"outcome\":\"delivered\",\"client_ip\":\"{client}\",\"route\":\"/*\"}}\n")
}

/// The reasons for which a change is held, as `--json` tells them.
pub fn reasons(said: &Said) -> Vec<String> {
    let held = said.json()["held"].as_array().cloned().unwrap_or_default();
    held.iter().filter_map(|one| Some(one["reason"].as_str()?.to_owned())).collect()
}
