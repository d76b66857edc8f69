//! `ranges propose` and `ranges diff`: what is read, what is written, what is left alone.

use std::fs;

use time::OffsetDateTime;

use crate::harness::gate::setup::binary;
use crate::harness::{Setup, Upstream, get};
use crate::ranges::stand::{Said, alone, history, list, ranges};

const OLD: &str = "# reviewed: 2026-11-21\n# auto-add: 20.30.0.0/16\n20.30.40.0/24\n";

#[test]
fn a_proposal_is_shown_and_changes_no_list() {
    let setup = alone(OLD);
    let said = ranges(
        &setup,
        &["propose", "test", "--source", "https://v.example/", "--as-of", "2026-11-20"],
        "20.30.40.0/24\n20.30.41.0/24\n",
    );
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(
        said.out.starts_with("test: proposed from https://v.example/\n  added     20.30.41.0/24\n"),
        "{said:?}"
    );
    assert_eq!(list(&setup), OLD);
    let text = fs::read_to_string(setup.path().join("ranges/.proposed/test.txt")).expect("the proposal");
    assert!(text.starts_with(OLD), "{text}");
    assert!(text.contains("\n# source: https://v.example/\n# as-of: 2026-11-20\n# fetched: 20"), "{text}");

    let diff = ranges(&setup, &["diff", "test", "--json"], "");
    let told = diff.json();
    assert_eq!(
        (diff.code, &told["added"][0], &told["change"]["gained_v4"]),
        (1, &"20.30.41.0/24".into(), &256.into())
    );
    // No list of its own: neither `check` nor a gate sees it.
    let check = Said::of(
        binary().args(["check", "--config"]).arg(setup.path().join("config.yaml")).output().expect("check"),
    );
    assert_eq!(check.code, 0);
    assert!(!check.out.contains("proposed") && !check.err.contains("proposed"), "{check:?}");

    // What says the same as the list takes the proposal back.
    let said = ranges(&setup, &["propose", "test"], "[\"20.30.40.0/24\"]");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "test: standard input says what the list says\n"),
        "{said:?}"
    );
    let diff = ranges(&setup, &["diff", "test"], "");
    assert_eq!(diff.code, 2, "{diff:?}");
    assert!(diff.err.contains("there is no proposal for test"), "{diff:?}");
    assert_eq!(history(&setup), []);
}

#[test]
fn a_document_that_is_no_list_proposes_nothing() {
    let setup = alone(OLD);
    for (document, wanted) in [
        ("<html><title>Log in</title>", "is a web page (\"Log in\")"),
        ("{\"a\": [\"20.30.40.256\"]}", "a[0]: \"20.30.40.256\": each part of an IPv4 address is 0 to 255"),
        ("{\"a\": [\"20.30.40.0/24\"], \"b\": [\"20.30.41.0/24\"]}", "--group must choose: a (1), b (1)"),
        ("cidr,where\n20.30.40.0/24,eu\n", "line 1: is a row of a CSV table"),
        ("", "holds no address"),
    ] {
        let said = ranges(&setup, &["propose", "test", "-"], document);
        assert_eq!((said.code, said.out.as_str()), (65, ""), "{said:?}");
        assert!(said.err.starts_with("error: standard input: ") && said.err.contains(wanted), "{said:?}");
    }
    assert!(!setup.path().join("ranges/.proposed").exists());
    assert_eq!(ranges(&setup, &["propose", "../test"], "20.30.40.1").code, 2);
    assert_eq!(ranges(&setup, &["propose", "test", "/dev/zero"], "").code, 65);
    assert_eq!(list(&setup), OLD);
}

#[test]
fn additions_inside_what_was_reviewed_publish_themselves_if_asked() {
    let setup = alone(OLD);
    let outside = ranges(&setup, &["propose", "test", "--auto-add"], "20.30.40.0/24\n20.31.0.0/24\n");
    assert_eq!((outside.code, list(&setup).as_str()), (0, OLD), "{outside:?}");
    assert!(outside.err.contains("a person has to publish it: 20.31.0.0/24 is in no prefix"), "{outside:?}");
    let gone = ranges(&setup, &["propose", "test", "--auto-add"], "20.30.41.0/24\n");
    assert!(gone.err.contains("1 prefixes would be removed") && list(&setup) == OLD, "{gone:?}");
    let inside = ranges(&setup, &["propose", "test", "--auto-add"], "20.30.40.0/24\n20.30.41.0/24\n");
    assert_eq!(inside.code, 0, "{inside:?}");
    assert!(list(&setup).contains("20.30.41.0/24"), "{inside:?}");
    assert_eq!(history(&setup).len(), 2);
    assert_eq!(ranges(&setup, &["diff", "test"], "").code, 2, "no proposal waits");
}

#[test]
fn an_addition_to_a_list_of_proxies_does_not_publish_itself() {
    let setup = alone("20.30.50.0/24\n").range("lb", OLD).trusts(&["lb"]);
    setup.write_config();
    let said = ranges(&setup, &["propose", "lb", "--auto-add"], "20.30.40.0/24\n20.30.50.0/28\n");
    assert!(said.err.contains("a person has to publish it: `trusted_proxies` names the list"), "{said:?}");
    assert_eq!(fs::read_to_string(setup.path().join("ranges/lb.txt")).expect("the list"), OLD);
}

#[test]
fn secrets_and_broken_lists_are_not_needed_to_propose() {
    let setup = alone("20.30.40.0/24\nbroken\n")
        .key("signatures", "{ secrets: [{ api_key: a1b2c3d4, file: \"${CREDENTIALS_DIRECTORY}/secret\" }] }");
    setup.write_config();
    // What a gate serves is its last good version, of which no file here tells.
    for command in [&["propose", "test"][..], &["publish", "test"]] {
        let said = ranges(&setup, command, "20.30.40.0/24\n");
        assert!(
            said.code == 3 && said.err.contains("the list's file is missing or cannot be read"),
            "{said:?}"
        );
    }
    let said = ranges(&setup, &["publish", "test", "--force", "--yes-i-know"], "");
    assert_eq!(said.code, 0, "a broken list is mended: {said:?}");
    assert!(list(&setup).ends_with("\n20.30.40.0/24\n") && !list(&setup).contains("broken"));
    assert_eq!(history(&setup).len(), 1, "what is no list is no generation");
}

#[test]
fn a_source_is_one_line_that_is_seen_whole() {
    let setup = alone(OLD);
    let new = "20.30.40.0/24\n20.30.41.0/24\n";
    for source in ["a\n# reviewed: 2026-11-28", "\u{202e}elpmaxe", "", " ", "a\u{2028}b", &"x".repeat(1001)] {
        let said = ranges(&setup, &["propose", "test", "--source", source], new);
        assert_eq!(said.code, 2, "{source:?}: {said:?}");
    }
    assert!(!setup.path().join("ranges/.proposed").exists());
    // A file may have any name.
    let path = setup.path().join("a\u{202e}\n# auto-add: 20.0.0.0");
    fs::write(&path, new).expect("a document");
    let said = ranges(&setup, &["propose", "test", &path.display().to_string()], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("a\\u{202e}\\n# auto-add: 20.0.0.0\n"), "{said:?}");
    let text = fs::read_to_string(setup.path().join("ranges/.proposed/test.txt")).expect("the proposal");
    assert!(text.contains("/a\\u{202e}\\n# auto-add: 20.0.0.0\n"), "{text}");
    assert_eq!(ranges(&setup, &["publish", "test"], "").code, 0);
    assert!(history(&setup)[1].2.ends_with("a\\u{202e}\\n# auto-add: 20.0.0.0"));
}

#[test]
fn a_list_has_a_name_that_the_gate_loads() {
    let setup = alone(OLD);
    for name in ["_9", "-x", ".x", "a/b", "", &"x".repeat(65)] {
        let said = ranges(&setup, &["propose", "--", name], "20.30.40.0/24\n");
        assert_eq!(said.code, 2, "{name:?}: {said:?}");
        // Of a file with such a name the gate says the same.
        if !name.is_empty() && !name.contains(['/', '.']) {
            setup.dir.write(&format!("ranges/{name}.txt"), OLD);
            let check = binary().args(["check", "--config"]).arg(setup.path().join("config.yaml")).output();
            let said = Said::of(check.expect("check"));
            assert!(said.err.contains("a letter or digit first, 64 at most"), "{name:?}: {said:?}");
            fs::remove_file(setup.path().join(format!("ranges/{name}.txt"))).expect("the file");
        }
    }
    assert_eq!(ranges(&setup, &["propose", "9_-.x"], "20.30.40.0/24\n").code, 0);
}

#[test]
fn without_a_configuration_a_folder_is_enough() {
    let setup = alone(OLD);
    let run = |args: &[&str]| {
        let mut command = binary();
        command.current_dir(setup.path().join("ranges")).arg("ranges").args(args).args(["--ranges", "."]);
        Said::of(command.output().expect("the gate's binary"))
    };
    let document = setup.path().join("document").display().to_string();
    setup.dir.write("document", "20.30.40.0/24\n20.30.41.0/24\n");
    let said = run(&["propose", "test", &document]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(run(&["diff", "test"]).code, 1);
    let said = run(&["publish", "test"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(list(&setup).contains("20.30.41.0/24"));
    assert_eq!((run(&["history", "test"]).code, run(&["rollback", "test"]).code), (0, 0));
    setup.dir.write(
        "access.log",
        "{\"ts\":\"2026-11-21T19:30:00.123Z\",\"outcome\":\"delivered\",\"client_ip\":\"20.30.40.1\",\"route\":\"/*\"}\n",
    );
    let log = setup.path().join("access.log").display().to_string();
    setup.dir.write("new", "20.30.41.0/24\n");
    let new = setup.path().join("new").display().to_string();
    let said = run(&["replay", "test", "--allow", "test", "--with", &new, &log]);
    assert_eq!(said.code, 3, "{said:?}");
}

#[test]
fn a_day_that_is_to_come_is_refused_and_of_a_review_it_is_a_warning() {
    let upstream = Upstream::echo();
    let (as_of, new) = (["propose", "test", "--as-of"], "20.30.40.0/24\n20.30.41.0/24\n");
    let setup = alone(OLD);
    for (day, wanted) in
        [("9999-12-31", "is in the future: today is 20"), ("2026-02-30", "wanted a day such as 2026-11-27")]
    {
        let said = ranges(&setup, &[&as_of[..], &[day]].concat(), new);
        assert!(said.code == 2 && said.err.contains(wanted), "{day}: {said:?}");
    }
    assert!(!setup.path().join("ranges/.proposed").exists());
    // Where it is tomorrow already, somebody may have made it.
    let tomorrow = (OffsetDateTime::now_utc() + time::Duration::days(1)).date().to_string();
    assert_eq!(ranges(&setup, &[&as_of[..], &[&tomorrow]].concat(), new).code, 0);

    // The clock of a machine may be behind: its gate starts and says so.
    let setup = Setup::new(upstream.url()).range("test", "# reviewed: 9999-12-31\n127.0.0.2/32\n");
    setup.write_config();
    let wanted = "ranges/test.txt: `# reviewed: 9999-12-31` is in the future";
    let check = binary().args(["check", "--config"]).arg(setup.path().join("config.yaml")).output();
    let check = Said::of(check.expect("check"));
    assert!(check.code == 0 && check.err.contains("warning: ") && check.err.contains(wanted), "{check:?}");
    let gate = setup.start();
    gate.wait_message(0, |message, line| message.contains(wanted) && line["level"] == "WARN");
    assert_eq!(gate.ask("127.0.0.2", &get("/hook")).status, 200);
}
