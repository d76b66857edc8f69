//! Receivers of webhooks that others wrote and published: the vendor's app for Django, and the vendor's nodes for Node-RED.
//!
//! Here is only what starts them. Their packages read the messages, check signatures and answer. The versions are the last
//! that there are, from 2019; `scripts/prerequisites-long` installs them with what they stood on.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::frameworks::{Application, started};
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;
use crate::signatures::signers::Signer;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/receivers");
const SECRET: &str = "secret-of-this-run";

fn packages() -> PathBuf {
    Signer::packages().with_file_name("receivers")
}

/// What the program says of a webhook: its exit code, its document and its words.
fn simulated(application: &Application, args: &[&str]) -> (Option<i32>, Value, String) {
    let folder = Scratch::new();
    folder.write("secret", SECRET);
    let mut command = binary();
    command.arg("simulate").args(args).args(["--to", &format!("http://127.0.0.1:{}", application.port)]);
    command.arg("--secret-file").arg(folder.path().join("secret"));
    let output = command.output().expect("the program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_default(), text)
}

/// The status that the only message was answered with.
fn status(document: &Value) -> Option<u64> {
    document["messages"][0]["tries"][0]["status"].as_u64()
}

fn django(method: &str) -> Option<Application> {
    let mut command = Command::new(packages().join("python/bin/python3"));
    command.arg(format!("{SCRIPTS}/app.py")).args([SECRET, method]);
    started("Django", &mut command)
}

#[test]
#[ignore = "needs python3 and packages: make test-long, make oracles"]
fn the_vendors_app_for_django_takes_a_signed_sms_and_refuses_a_forged_one() {
    const TEXT: &str = "text=Grüße & 1=1, \"x\"";
    for (theirs, ours) in [
        ("", "sig:md5hash"),
        ("md5", "sig:md5"),
        ("sha1", "sig:sha1"),
        ("sha256", "sig:sha256"),
        ("sha512", "sig:sha512"),
    ] {
        let Some(application) = django(theirs) else { return };
        let run = |args: &[&str]| simulated(&application, &[&["sms-inbound"], args].concat());
        let (code, document, _) =
            run(&["--method", "json", "--sign", ours, "--set", TEXT, "--twice", "--json"]);
        assert_eq!(code, Some(0), "{ours}: {document}");
        let (_, _, told) = run(&["--method", "json", "--sign", ours, "--set", TEXT, "--show"]);
        assert!(told.contains("< read: Grüße & 1=1, \"x\""), "{ours}: {told}");
        // It takes JSON alone, and says so.
        for (form, wanted) in [("get", 405), ("form", 415)] {
            let (code, document, _) = run(&["--method", form, "--sign", ours, "--json"]);
            assert_eq!((code, status(&document)), (Some(3), Some(wanted)), "{ours}, {form}: {document}");
        }
        let (code, document, _) = run(&["--method", "json", "--sign", "none", "--json"]);
        assert_eq!((code, status(&document)), (Some(3), Some(403)), "{ours}: {document}");
        for forged in ["wrong", "other-body"] {
            let (code, document, _) = run(&["--method", "json", "--sign", forged, "--json"]);
            assert_eq!((code, status(&document)), (Some(0), Some(403)), "{ours}, {forged}: {document}");
        }
        eprintln!("receivers: the vendor's app for Django takes {ours}, and refuses what is forged");
    }
    // It looks at no clock, which the program finds.
    let Some(application) = django("") else { return };
    let (code, document, _) =
        simulated(&application, &["sms-inbound", "--method", "json", "--sign", "stale", "--json"]);
    assert_eq!((code, status(&document)), (Some(3), Some(200)), "{document}");
}

#[test]
#[ignore = "needs python3 and packages: make test-long, make oracles"]
fn the_vendors_app_for_django_joins_the_parts_of_a_long_sms() {
    let Some(application) = django("") else { return };
    let part = |number: &str, text: &str, id: &str| {
        let number = format!("concat-part={number}");
        let (text, id) = (format!("text={text}"), format!("messageId={id}"));
        let set = ["--set", "concat=true", "--set", "concat-ref=7", "--set", "concat-total=2", "--set"];
        let args = [&["sms-inbound", "--method", "json", "--show"], &set[..]].concat();
        let (code, _, told) =
            simulated(&application, &[&args[..], &[&number, "--set", &text, "--set", &id]].concat());
        assert_eq!(code, Some(0), "{told}");
        told
    };
    assert!(part("2", "world", "B").contains("< Partial message received."));
    assert!(
        part("2", "world", "B").contains("< Partial message already stored."),
        "a repeat is no other part"
    );
    assert!(part("1", "Hello ", "A").contains("< read: Hello world"));
}

#[test]
#[ignore = "needs node and packages: make test-long, make oracles"]
fn the_vendors_nodes_and_node_red_take_every_webhook() {
    let folder = Scratch::new();
    let mut command = Command::new("node");
    command.arg(format!("{SCRIPTS}/flow.js")).arg(folder.path());
    command.env("NODE_PATH", packages().join("node_modules"));
    let Some(application) = started("Node-RED", &mut command) else { return };
    let (code, document, _) = simulated(&application, &["all", "--twice", "--json"]);
    let all = document["messages"].as_array().expect("messages");
    let bad: Vec<&Value> = all.iter().filter(|one| one["good"] != true).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!((code, all.len()), (Some(0), 30));
    // The vendor's node says whom it heard.
    let (_, _, told) = simulated(&application, &["voice-answer", "--set", "from=447700900123", "--show"]);
    assert!(told.contains("\"text\":\"Hello 4477"), "{told}");
    eprintln!("receivers: Node-RED took all of {}, twice", document["sent"]);
}
