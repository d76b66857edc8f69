//! `ranges publish` and `ranges rollback`: what holds a list, and what becomes of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::harness::{Setup, Upstream, get, wait_until};
use crate::ranges::stand::{Said, alone, history, list, ranges};

const OLD: &str = "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n";

fn proposed(setup: &Setup, text: &str) -> Said {
    ranges(setup, &["propose", "test"], text)
}

fn publish(setup: &Setup, more: &[&str]) -> Said {
    ranges(setup, &[&["publish", "test"], more].concat(), "")
}

#[test]
fn without_a_gate_a_list_is_published_for_its_next_start() {
    let setup = alone(OLD);
    fs::set_permissions(setup.path().join("ranges/test.txt"), Permissions::from_mode(0o640)).expect("a mode");
    assert_eq!(publish(&setup, &[]).code, 1, "nothing is proposed");
    assert_eq!(proposed(&setup, &format!("{OLD}20.30.43.0/24\n")).code, 0);
    let said = publish(&setup, &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!((&said.json()["generation"], said.json()["serves"].is_null()), (&2.into(), true));
    assert!(said.err.contains("warning: no gate was asked to load it"), "{said:?}");
    assert!(list(&setup).ends_with("20.30.43.0/24\n"));
    let file = fs::metadata(setup.path().join("ranges/test.txt")).expect("the list");
    assert_eq!(file.mode() & 0o777, 0o640, "whoever could read it can read it");
    assert_eq!(publish(&setup, &[]).code, 1, "it is published");
    assert_eq!(ranges(&setup, &["diff", "test", "1"], "").code, 1);
    assert_eq!(ranges(&setup, &["diff", "test", "2"], "").code, 0);
    assert_eq!(ranges(&setup, &["rollback", "test", "9"], "").code, 1);
    assert_eq!(ranges(&setup, &["rollback", "test"], "").code, 0);
    assert_eq!(list(&setup), OLD);
}

#[test]
fn everything_that_speaks_against_a_list_is_told_at_once() {
    let setup = alone(OLD).trusts(&["30.0.0.1/32"]);
    setup.write_config();
    // The proposal is made first, and then the list is another one.
    assert_eq!(proposed(&setup, "30.0.0.0/9\n10.0.0.0/24\n").code, 3);
    let by_hand = format!("{OLD}20.30.44.0/24\n");
    setup.dir.write("ranges/test.txt", &by_hand);
    let said = publish(&setup, &["--json"]);
    assert_eq!((said.code, list(&setup)), (3, by_hand.clone()), "{said:?}");
    let told = said.json();
    let held: Vec<&str> =
        told["held"].as_array().expect("a list").iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(held, ["shrinks", "shrinks", "grows", "wide", "trusted", "reserved", "moved"]);
    assert_eq!(said.err.matches("error: held: test: ").count(), held.len(), "{said:?}");
    assert_eq!(said.json()["overlaps"]["trusted_proxies"], 1);
    assert_eq!(history(&setup), [], "nothing was written");
    // A person may, and what was saved by hand can come back.
    assert_eq!(publish(&setup, &["--force", "--yes-i-know"]).code, 0);
    assert!(list(&setup).contains("30.0.0.0/9"));
    assert_eq!(ranges(&setup, &["rollback", "test"], "").code, 0);
    assert_eq!(list(&setup), by_hand);
}

#[test]
fn what_the_running_gate_knows_holds_a_list_too() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url())
        .range("test", "127.0.0.0/30\n127.0.0.4/32\n127.0.0.64/26\n")
        .range("other", "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test, other] }"#]);
    let gate = setup.start();
    let admin = gate.admin_addr().to_string();
    let publish = |more: &[&str]| publish(&gate.setup, &[&["--admin", &admin], more].concat());
    for from in ["127.0.0.2", "127.0.0.4"] {
        assert_eq!(gate.ask(from, &get("/hook")).status, 200);
    }
    let said = proposed(&gate.setup, "127.0.0.0/30\n127.0.0.64/26\n");
    assert_eq!(said.code, 0, "only the gate knows");
    assert!(
        said.err.contains("warning: no gate was asked whether requests came lately from what goes"),
        "{said:?}"
    );
    // Where it can be asked, the proposal says already that it will be held.
    let asked = ranges(&gate.setup, &["propose", "test", "--admin", &admin], "127.0.0.0/30\n127.0.0.64/26\n");
    assert_eq!(asked.code, 3, "{asked:?}");
    assert!(
        asked.err.contains("held: test: 1 removed prefixes sent requests lately: 127.0.0.4/32"),
        "{asked:?}"
    );
    let said = publish(&[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("held: test: 1 removed prefixes sent requests lately: 127.0.0.4/32 last on 20"),
        "{said:?}"
    );
    // Nothing came from this one.
    assert_eq!(
        proposed(&gate.setup, "127.0.0.0/30\n127.0.0.4/32\n").code,
        3,
        "more than half of the addresses"
    );
    assert_eq!(proposed(&gate.setup, "127.0.0.0/30\n127.0.0.4/32\n127.0.0.64/27\n").code, 0);

    // Another list shrinks by accident; making this one live would confirm it.
    let from = gate.stderr.len();
    gate.setup.dir.write("ranges/other.txt", "20.30.40.0/24\n");
    gate.wait_message(from, |message, _| message == "reload held");
    let asked = ["propose", "test", "--json", "--admin", &admin];
    let asked = ranges(&gate.setup, &asked, "127.0.0.0/30\n127.0.0.4/32\n127.0.0.64/27\n");
    assert_eq!((asked.code, &asked.json()["held"][0]["reason"]), (3, &"confirms".into()), "{asked:?}");
    let said = publish(&[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("loading the list would confirm it: ") && said.err.contains("other"),
        "{said:?}"
    );
    gate.setup.dir.write("ranges/other.txt", "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n");
    wait_until(|| publish(&[]).code == 0, || format!("{:?}", publish(&[])));
    assert_eq!(gate.status()["lists"][1]["prefixes"], 3);
    // A file that the gate cannot load is published all the same, and the command says so.
    assert_eq!(proposed(&gate.setup, "127.0.0.0/30\n127.0.0.4/32\n127.0.0.64/28\n").code, 0);
    gate.setup.dir.write("ranges/other.txt", "broken\n");
    let said = publish(&[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("other.txt:1"), "{said:?}");
}

#[test]
fn a_proposal_that_was_changed_or_is_old_is_not_published() {
    let setup = alone(OLD);
    assert_eq!(proposed(&setup, &format!("{OLD}20.30.43.0/24\n")).code, 0);
    let record = setup.path().join("ranges/.proposed/test.json");
    let text = fs::read_to_string(&record).expect("the record");
    let now: u64 =
        text.split("\"at\": ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok()).expect("a time");
    fs::write(&record, text.replace(&now.to_string(), &(now - 8 * 86_400).to_string())).expect("a record");
    let said = publish(&setup, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("it was proposed 8 days ago, and 7 is the most"), "{said:?}");
    setup.dir.write("ranges/.proposed/test.txt", "0.0.0.0/0\n");
    let said = publish(&setup, &["--force", "--yes-i-know"]);
    assert_eq!((said.code, list(&setup).as_str()), (1, OLD), "{said:?}");
    let wanted = "is not the text that was written here; `nexmo-gate ranges propose test` or `fetch` replaces the proposal";
    assert!(said.err.contains(wanted), "{said:?}");
    // Half a record too, and so it is.
    for command in ["publish", "diff"] {
        fs::write(&record, "{\"at\": 1").expect("a record");
        let said = ranges(&setup, &[command, "test"], "");
        assert!(
            said.err.contains("`nexmo-gate ranges propose test` or `fetch` replaces the proposal"),
            "{said:?}"
        );
    }
    assert_eq!(proposed(&setup, &format!("{OLD}20.30.43.0/24\n")).code, 0);
    assert_eq!(publish(&setup, &[]).code, 0);
}

#[test]
fn what_was_looked_at_is_what_is_published() {
    let setup = alone(OLD);
    let four = format!("{OLD}20.30.43.0/24\n");
    assert_eq!(proposed(&setup, &four).code, 0);
    let shown = ranges(&setup, &["diff", "test", "--json"], "").json();
    let id = shown["id"].as_str().expect("an id").to_owned();
    assert!(ranges(&setup, &["diff", "test"], "").out.contains(&format!("ranges publish test --if {id}`\n")));
    assert_eq!(
        ranges(&setup, &["diff", "test", "--json"], "").json()["id"],
        id.as_str(),
        "it stays the same"
    );
    let held = |said: &Said| {
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains("this is not what was looked at"), "{said:?}");
    };
    // The list is another one, and nobody looked at the whole difference; and then the proposal is.
    let with_comment = format!("# mine\n{OLD}");
    setup.dir.write("ranges/test.txt", &with_comment);
    held(&publish(&setup, &["--if", &id]));
    held(&publish(&setup, &["--if", &id, "--force", "--yes-i-know"]));
    setup.dir.write("ranges/test.txt", OLD);
    assert_eq!(proposed(&setup, &format!("{four}20.30.44.0/24\n")).code, 0);
    held(&publish(&setup, &["--if", &id]));
    assert_eq!((list(&setup).as_str(), history(&setup)), (OLD, Vec::new()));
    let again = ranges(&setup, &["diff", "test", "--json"], "").json();
    let said = publish(&setup, &["--if", again["id"].as_str().expect("an id")]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(list(&setup).contains("20.30.44.0/24"));
    assert!(
        ranges(&setup, &["diff", "test", "1", "--json"], "").json()["id"].is_null(),
        "nothing is published by it"
    );
}

#[test]
fn a_damaged_record_is_named_and_stops_no_command() {
    let setup = alone(OLD);
    for number in 3..6 {
        assert_eq!(proposed(&setup, &format!("{OLD}20.30.4{number}.0/24\n")).code, 0);
        assert_eq!(publish(&setup, &["--force", "--yes-i-know"]).code, 0);
    }
    let damaged = setup.path().join("ranges/.history/test/000003.json");
    fs::write(&damaged, "{\"at\": 1").expect("a record");
    fs::write(setup.path().join("ranges/.history/test/000002.txt"), "0.0.0.0/0\n").expect("a text");
    let wanted = "000003.json: is no record of this program, or a damaged one";
    for command in [&["history", "test"][..], &["diff", "test", "1"], &["rollback", "test"]] {
        let said = ranges(&setup, command, "");
        assert!(said.code <= 1 && said.err.matches(wanted).count() == 1, "{command:?}: {said:?}");
    }
    assert_eq!(list(&setup), OLD, "the newest generation that can be read");
    assert!(damaged.exists());
    let numbers: Vec<u64> = history(&setup).into_iter().map(|one| one.0).collect();
    assert_eq!(numbers, [1, 2, 4, 5]);
    let said = ranges(&setup, &["rollback", "test", "2"], "");
    assert!(
        said.code == 1 && said.err.contains("000002.txt: is not the text that was published"),
        "{said:?}"
    );
}
