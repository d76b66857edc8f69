//! Node's http.

use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::{Application, Understood, View, understood};
use crate::harness::scratch::Scratch;
use crate::spelling::Spelling;
use crate::spelling::pipeline::{self, Heard};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/applications/node.js");

pub struct Node {
    folder: Scratch,
    _process: Process,
}

impl Node {
    pub fn start(routes: usize) -> Option<Self> {
        let folder = Scratch::new();
        let mut command = Command::new("node");
        command.arg(SCRIPT).arg(folder.path()).arg(routes.to_string());
        let mut process = Process::start(&mut command, "node")?;
        process.wait_ready();
        Some(Self { folder, _process: process })
    }
}

impl Application for Node {
    fn name(&self) -> &'static str {
        "node"
    }

    fn way(&self) -> &'static str {
        "requests on a socket of its own, in a row"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, body: &[u8]) -> Understood {
        understood(body)
    }

    fn judge(&self, spellings: &[Spelling]) -> Vec<Vec<View>> {
        let heard = pipeline::ask_socket(&self.socket(0), spellings);
        let views =
            |heard: Heard| if heard.status == 200 { self.read(&heard.body).views } else { Vec::new() };
        heard.into_iter().map(views).collect()
    }
}
