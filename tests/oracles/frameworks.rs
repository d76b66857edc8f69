//! Every webhook is sent to applications that stand on frameworks of others: Flask, Express, and PHP's built-in server.
//!
//! The vendor's own examples for them are in repositories and in no package, so each application is the smallest that the
//! framework's documents show (what the vendor did publish as packages is in `receivers.rs`), with the vendor's own classes where its packages have some. They read the fields with the
//! framework's parsers, and refuse what has none.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::gate::setup::binary;
use crate::harness::{cannot_run, wait_until};
use crate::signatures::signers::Signer;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/frameworks");

/// A running application, which ends with the value.
pub struct Application {
    child: Child,
    pub port: u16,
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packages() -> PathBuf {
    Signer::packages()
}

/// One that prints its port when it is ready; `None`, said loudly, where this machine does not have what it needs.
pub fn started(name: &str, command: &mut Command) -> Option<Application> {
    let skip = |why: &str| {
        cannot_run(
            &format!("the application on {name}"),
            &format!("{why}; scripts/prerequisites-long installs it"),
        );
    };
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| skip(&error.to_string())).ok()?;
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line);
    let port = read.ok().and_then(|_| line.trim().parse().ok()).unwrap_or(0);
    let application = Application { child, port };
    if port == 0 {
        skip("it did not start");
        return None;
    }
    Some(application)
}

/// PHP's server takes a port and does not say when it listens.
fn php() -> Option<Application> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port();
    let mut command = Command::new("php");
    command.args(["-n", "-S", &format!("127.0.0.1:{port}")]).arg(format!("{SCRIPTS}/app.php"));
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            cannot_run("the application on PHP", &format!("{error}; scripts/prerequisites-long installs it"));
            return None;
        }
    };
    let application = Application { child, port };
    wait_until(
        || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
        || "PHP does not listen".to_owned(),
    );
    Some(application)
}

#[test]
#[ignore = "needs node, python3, php and their packages: make test-long, make oracles"]
fn every_webhook_is_taken_by_applications_on_frameworks_of_others() {
    let mut flask = Command::new(packages().join("python/bin/python3"));
    flask.arg(format!("{SCRIPTS}/app.py"));
    let mut express = Command::new("node");
    express.arg(format!("{SCRIPTS}/app.js")).env("NODE_PATH", packages().join("node_modules"));
    let applications = [
        ("Flask", started("Flask", &mut flask)),
        ("Express", started("Express", &mut express)),
        ("PHP's server", php()),
    ];
    for (name, application) in applications {
        let Some(application) = application else { continue };
        let mut command = binary();
        command.args([
            "simulate",
            "all",
            "--twice",
            "--json",
            "--to",
            &format!("http://127.0.0.1:{}", application.port),
        ]);
        let output = command.output().expect("the program");
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let bad: Vec<&Value> = document["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .filter(|one| one["good"] != true)
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
        assert_eq!((output.status.code(), document["good"].as_u64()), (Some(0), Some(30)), "{name}");
        eprintln!("frameworks: {name} took all of {}, twice", document["sent"]);
    }
}
