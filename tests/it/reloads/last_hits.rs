//! When each prefix last admitted a request, as metrics, status and page tell it, and that reloads keep it.

use serde_json::Value;

use crate::harness::{ADMITTED, STRANGER, Setup, Upstream, get};
use crate::reloads::reload::rename_over;

const LIST: &str = "127.0.0.2/32\n127.0.0.8/29\n";

fn last_hits(status: &Value) -> &Value {
    &status["lists"][0]["last_hits"]
}

#[test]
fn the_last_hit_of_each_prefix_is_told_and_stays_over_a_reload() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).range("test", LIST).start();
    let sample =
        |prefix: &str| format!("prefix_last_hit_timestamp_seconds{{list=\"test\",prefix=\"{prefix}\"}}");
    assert_eq!(gate.metric(&sample("127.0.0.2/32")), 0);
    assert_eq!(gate.ask(ADMITTED, &get("/a")).status, 200);
    assert_eq!(gate.ask(STRANGER, &get("/a")).status, 403);
    let hit = gate.events(2).iter().find(|event| event["status"] == 200).expect("a hit")["ts"].clone();
    let status = gate.status();
    let seen = last_hits(&status)["prefixes"]["127.0.0.2/32"].as_str().expect("a time").to_owned();
    // To the second.
    assert_eq!(seen.get(..19), hit.as_str().and_then(|ts| ts.get(..19)), "{status}");
    let never = &last_hits(&status)["prefixes"]["127.0.0.8/29"];
    assert!(never.is_null() && last_hits(&status)["never"] == 1, "{status}");
    let at = gate.metric(&sample("127.0.0.2/32"));
    assert!(at > 1_700_000_000 && gate.metric(&sample("127.0.0.8/29")) == 0, "{at}");
    rename_over(&gate.setup.path().join("ranges/test.txt"), "127.0.0.4/32\n127.0.0.2/32\n");
    assert_eq!(gate.reload().0, 200);
    let status = gate.status();
    assert_eq!(last_hits(&status)["prefixes"]["127.0.0.2/32"], seen.as_str(), "{status}");
    assert_eq!(gate.metric(&sample("127.0.0.2/32")), at);
    assert_eq!(gate.metric(&sample("127.0.0.4/32")), 0);
}

#[test]
fn the_last_hits_survive_a_restart_and_a_damaged_file_is_told() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).range("test", LIST).key("state", "kept");
    std::fs::create_dir(setup.path().join("kept")).expect("state");
    let gate = setup.start();
    assert_eq!(gate.ask(ADMITTED, &get("/a")).status, 200);
    gate.events(1);
    let sample = "prefix_last_hit_timestamp_seconds{list=\"test\",prefix=\"127.0.0.2/32\"}";
    let (at, since) = (gate.metric(sample), gate.metric("prefix_hits_since_timestamp_seconds"));
    assert!(at >= since && since > 1_700_000_000, "{at} {since}");
    let setup = gate.finish().setup;
    let next = setup.start();
    assert_eq!((next.metric(sample), next.metric("prefix_hits_since_timestamp_seconds")), (at, since));
    let setup = next.finish().setup;
    setup.dir.write("kept/last-hits.json", "{");
    let gate = setup.start();
    assert!(gate.log().contains("when prefixes were hit before is forgotten"), "{}", gate.log());
    assert_eq!((gate.metric(sample), gate.metric("last_reload_ok")), (0, 1));
    assert!(gate.metric("prefix_hits_since_timestamp_seconds") >= since);
}
