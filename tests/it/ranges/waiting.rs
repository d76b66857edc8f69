//! A proposal that waits is seen by the gate, and changes nothing that it serves.

use serde_json::{Value, json};

use crate::harness::{ADMITTED, STRANGER, Setup, Upstream, get};
use crate::ranges::stand::ranges;

#[test]
fn a_proposal_that_waits_is_told_until_it_is_published() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let from = gate.stderr.len();
    let said = ranges(&gate.setup, &["propose", "test", "--source", "the vendor"], "127.0.0.2\n127.0.0.3\n");
    // Held: a guard says that loopback addresses are no sender's.
    assert_eq!(said.code, 3, "{said:?}");
    // The folder is looked at every few seconds; nothing was asked for.
    let told = gate.wait_message(from, |message, _| message == "a proposal waits");
    assert_eq!(
        (&told["list"], &told["added"], &told["by"]),
        (&json!("test"), &json!(1), &json!("ada")),
        "{told}"
    );
    let waiting = gate.status()["proposals"].clone();
    assert_eq!(waiting[0]["added"], json!(["127.0.0.3/32"]), "{waiting}");
    assert_eq!(
        (&waiting[0]["changes"]["added"], &waiting[0]["changes"]["lost_v4"]),
        (&json!("1"), &json!("0"))
    );
    assert_eq!((&waiting[0]["source"], &waiting[0]["problem"]), (&json!("the vendor"), &Value::Null));
    assert_eq!(gate.metric("proposal_changes{list=\"test\",kind=\"gained_v4\"}"), 1);
    assert!(gate.metric("proposal_age_seconds{list=\"test\"}") < 60);
    for (sender, status) in [(ADMITTED, 200), (STRANGER, 403)] {
        assert_eq!(gate.ask(sender, &get("/")).status, status, "it only waits");
    }
    assert_eq!(gate.metric("generation"), 1);
    let said = ranges(&gate.setup, &["publish", "test", "--force", "--yes-i-know"], "");
    assert_eq!(said.code, 0, "{said:?}");
    // The command cannot ask a gate for whose admin address the system chose the port.
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.status()["proposals"], json!([]));
    assert_eq!(gate.ask(STRANGER, &get("/")).status, 200);
}

#[test]
fn a_proposal_that_cannot_be_read_is_told_and_stops_no_reload() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    assert_eq!(ranges(&gate.setup, &["propose", "test"], "127.0.0.2\n127.0.0.3\n").code, 3);
    gate.setup.dir.write("ranges/.proposed/test.txt", "127.0.0.2\n0.0.0.0/0\n");
    gate.setup.dir.write("ranges/.proposed/other.json", "\u{0}{");
    gate.setup.dir.write("ranges/.proposed/other.txt", "127.0.0.2\n");
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2\n127.0.0.4\n");
    assert_eq!(gate.reload().0, 200);
    let problems = gate.status()["proposals"].clone();
    let problem = |place: usize| problems[place]["problem"].as_str().unwrap_or_default().to_owned();
    assert!(problem(0).contains("other.json"), "{problems}");
    assert!(problem(1).contains("test.txt"), "{problems}");
    assert_eq!((gate.metric("generation"), gate.metric("last_reload_ok")), (2, 1));
}
