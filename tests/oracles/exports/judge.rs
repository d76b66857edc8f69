//! A program in Python that loads texts and says what became of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::cannot_run;
use crate::harness::gate::setup::binary;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/exports");
/// In seconds: a target that hangs is no reason to hang too.
const MOST_SECONDS: &str = "500";
/// With it a program says that this machine lacks what it needs.
const LACKS: i32 = 77;

/// How a format is exported, and into which folder.
pub struct Text {
    pub format: &'static str,
    pub more: &'static [&'static str],
    pub folder: &'static str,
}

pub struct Judge {
    pub case: &'static str,
    script: &'static str,
    own_network: bool,
}

/// A judge whose needs this machine has.
pub struct Program(Command, &'static str);

impl Judge {
    /// It has a network of its own, in which every address is the machine's.
    pub const fn in_own_network(case: &'static str, script: &'static str) -> Self {
        Self { case, script, own_network: true }
    }

    /// It only computes.
    pub const fn with_packages(case: &'static str, script: &'static str) -> Self {
        Self { case, script, own_network: false }
    }

    /// Nothing, said loudly, where this machine lacks something.
    pub fn program(&self) -> Option<Program> {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools");
        let own = tools.join("firewalls/bin/python3");
        let python = if own.exists() { own } else { PathBuf::from("python3") };
        let mut command = Command::new("timeout");
        command.args(["-k", "5", MOST_SECONDS]);
        if self.own_network {
            command.args(["unshare", "--net", "--mount", "--kill-child", "--fork", "--pid", "--mount-proc"]);
        }
        // Debian keeps the programs of firewalls in sbin, which is not on every user's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("FRONTS", tools.join("fronts")).stdin(Stdio::null());
        command.arg(python).arg(format!("{SCRIPTS}/{}", self.script));
        let asked = self.ask_for_needs(&mut command);
        asked.then_some(Program(command, self.case))
    }

    /// Without a folder it only looks whether it has what it needs.
    fn ask_for_needs(&self, command: &mut Command) -> bool {
        let skip = |why: &str| cannot_run(&format!("the export oracle with {}", self.case), why);
        match command.output() {
            Ok(output) if output.status.success() => return true,
            Ok(output) if output.status.code() == Some(LACKS) || self.own_network => {
                let why = String::from_utf8_lossy(&output.stderr);
                skip(&format!("{}; scripts/prerequisites-long installs it", why.trim()));
            }
            Ok(output) => panic!("{}: {}", self.script, String::from_utf8_lossy(&output.stderr)),
            Err(error) => skip(&error.to_string()),
        }
        false
    }
}

impl Program {
    /// What it says when all is as it must be.
    pub fn ask(mut self, folder: &Path) -> String {
        let gate = binary().get_program().to_owned();
        let output = self.0.arg(folder).arg(gate).output().expect("the program ran before");
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}{complaint}", self.1);
        said.trim_end().to_owned()
    }
}
