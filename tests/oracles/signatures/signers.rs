//! Those who sign: programs that know nothing of the gate. Each signs all samples in one process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::cannot_run;
use crate::harness::scratch::Scratch;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/signatures");

/// A program that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    Node,
    Python,
    Php,
}

impl Signer {
    pub const ALL: [Self; 3] = [Self::Node, Self::Python, Self::Php];

    /// Where `scripts/prerequisites-long` installs the packages.
    pub fn packages() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("signers")
    }

    fn command(self) -> Command {
        let packages = Self::packages();
        match self {
            Self::Node => {
                let mut node = Command::new("node");
                node.arg(format!("{SCRIPTS}/sign.js")).env("NODE_PATH", packages.join("node_modules"));
                node
            }
            Self::Python => {
                let mut python = Command::new(packages.join("python/bin/python3"));
                python.arg(format!("{SCRIPTS}/sign.py"));
                python
            }
            Self::Php => {
                let mut php = Command::new("php");
                php.args(["-n", "-d", "memory_limit=-1"]).arg(format!("{SCRIPTS}/sign.php"));
                php
            }
        }
    }

    /// What it says of each sample; `None`, said loudly, where this machine does not have it.
    pub fn ask<'s>(self, samples: impl Iterator<Item = &'s Value>) -> Option<Vec<Value>> {
        let folder = Scratch::new();
        let (ask, answer) = (folder.path().join("ask"), folder.path().join("answer"));
        let lines: Vec<String> = samples.map(Value::to_string).collect();
        fs::write(&ask, lines.join("\n") + "\n").expect("the samples");
        let ran = self.command().arg(&ask).arg(&answer).output();
        let skip = |why: &str| {
            let why = format!("{why}; scripts/prerequisites-long installs it");
            cannot_run(&format!("the signature oracle with {self:?}"), &why);
        };
        let output = ran.map_err(|error| skip(&error.to_string())).ok()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        if ["Cannot find module", "ModuleNotFoundError"].iter().any(|word| complaint.contains(word)) {
            skip("its packages are missing");
            return None;
        }
        assert!(output.status.success(), "{self:?}: {complaint}");
        eprintln!("signature oracle, {}", String::from_utf8_lossy(&output.stdout).trim());
        let text = fs::read_to_string(&answer).expect("the answers");
        let answers: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(answers.len(), lines.len(), "{self:?} lost a sample");
        Some(answers)
    }
}
