//! Python's wsgiref.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use super::process::Process;
use super::{Application, Understood, View, understood};
use crate::harness::scratch::Scratch;
use crate::spelling::Spelling;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/applications/wsgi.py");

pub struct Python {
    folder: Scratch,
    process: Mutex<Process>,
}

impl Python {
    pub fn start(routes: usize) -> Option<Self> {
        let folder = Scratch::new();
        let mut command = Command::new("python3");
        command.arg(SCRIPT).arg(folder.path()).arg(routes.to_string());
        let mut process = Process::start(&mut command, "python3")?;
        process.wait_ready();
        Some(Self { folder, process: Mutex::new(process) })
    }
}

impl Application for Python {
    fn name(&self) -> &'static str {
        "wsgiref"
    }

    fn way(&self) -> &'static str {
        "its request handler's parsing, without a socket"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, body: &[u8]) -> Understood {
        understood(body)
    }

    fn judge(&self, spellings: &[Spelling]) -> Vec<Vec<View>> {
        let mut process = self.process.lock().expect("the process");
        let mut views = Vec::with_capacity(spellings.len());
        for some in spellings.chunks(1000) {
            let heads: String = some.iter().map(|one| hex(&one.head()) + "\n").collect();
            process.stdin.write_all(format!("{}\n{heads}", some.len()).as_bytes()).expect("ask python3");
            process.stdin.flush().expect("ask python3");
            for _ in some {
                let mut line = String::new();
                process.stdout.read_line(&mut line).expect("python3 answers");
                views.push(understood(line.as_bytes()).views);
            }
        }
        views
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
