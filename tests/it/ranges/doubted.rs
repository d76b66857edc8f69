//! What the access log cannot say, or says of others than senders: it holds a list, or is told and holds nothing.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::gate::setup::binary;
use crate::harness::{Setup, Upstream, get, wait_until};
use crate::ranges::stand::{Said, alone, history, line, list, ranges, reasons};

const OLD: &str = "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n";
const NEW: &str = "20.30.40.0/24\n20.30.41.0/24\n";

/// A list of which a prefix is proposed to go, with this access log.
fn stand(log: &str) -> Setup {
    let setup = alone(OLD).key("log", "{ access: ./access.log }");
    setup.write_config();
    assert_eq!(ranges(&setup, &["propose", "test"], NEW).code, 0);
    setup.dir.write("access.log", log);
    setup
}

fn publish(setup: &Setup, more: &[&str]) -> Said {
    ranges(setup, &[&["publish", "test"], more].concat(), "")
}

#[test]
fn a_list_of_proxies_is_judged_by_who_would_be_the_client() {
    let proxies = "20.30.40.0/24\n20.30.41.0/24\n";
    let setup = Setup::new("http://127.0.0.1:1")
        .range("lb", proxies)
        .range("test", "20.30.50.0/24\n")
        .key("admin", "{ address: \"unix:nobody.sock\" }")
        .key("log", "{ access: ./access.log }")
        .trusts(&["lb"]);
    setup.write_config();
    let behind = line("20.30.50.7", 1).replace("\"route\"", "\"peer_ip\":\"20.30.41.9\",\"route\"");
    setup.dir.write("access.log", &behind);
    let run = |args: &[&str], input| ranges(&setup, args, input);
    let lost = |said: &Said| {
        assert_eq!((said.code, reasons(said)), (3, vec!["lost".to_owned()]), "{said:?}");
    };
    // The proxy goes by which the sender comes; another one may.
    assert_eq!(run(&["propose", "lb"], "20.30.40.0/24\n").code, 0);
    lost(&run(&["publish", "lb", "--json"], ""));
    assert_eq!(run(&["replay", "lb"], "").code, 3);
    assert_eq!(run(&["propose", "lb"], "20.30.41.0/24\n").code, 0);
    let said = run(&["publish", "lb"], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("has only the nearest proxy of each request"), "{said:?}");
    // The sender becomes a proxy, though no address goes. So it is on the way back.
    let wider = format!("{proxies}20.30.50.0/28\n");
    assert_eq!(run(&["propose", "lb"], &wider).code, 0);
    lost(&run(&["publish", "lb", "--json"], ""));
    assert_eq!(run(&["publish", "lb", "--force", "--yes-i-know"], "").code, 0);
    // It is no client now, so nobody is lost.
    assert_eq!(run(&["rollback", "lb"], "").code, 0);
    lost(&run(&["rollback", "lb", "3", "--json"], ""));
}

#[test]
fn what_was_never_forwarded_is_told_and_holds_nothing() {
    let none = ["denied", "rejected", "served"].map(|word| line("20.30.42.7", 1).replace("delivered", word));
    let setup = stand(&none.concat());
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{said:?}");
    assert!(said.out.contains("\nLOST: 1 network\n"), "{said:?}");
    assert!(said.out.contains("none of these requests was forwarded"), "{said:?}");
    let setup = stand(&(none.concat() + &line("20.30.42.9", 2).replace("delivered", "undelivered")));
    let said = publish(&setup, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("somebody would be lost: 1 request of 1 network"), "{said:?}");
    assert!(
        said.out.contains("of these, 3 requests were denied, rejected or answered by the gate"),
        "{said:?}"
    );
}

#[test]
fn a_log_of_which_more_than_a_tenth_cannot_be_judged_holds_a_list() {
    let good = line("20.30.40.1", 1).repeat(18);
    let text = "2026-11-21T19:30:00.123Z delivered 200 POST /a client=20.30.42.7\n";
    let gone = line("20.30.42.7", 1).replace("/*", "/gone");
    // A route that is gone counts where it was served.
    let fits = format!("{good}{text}{gone}{}", gone.replace("delivered", "denied"));
    let setup = stand(&fits);
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{said:?}");
    assert!(said.err.contains("warning: 2 of 20 lines of the access log cannot be judged\n"), "{said:?}");
    let counts =
        ["lines that could not be judged", "cut off, or no line of this gate", "not configured any more"];
    assert!(counts.iter().all(|words| said.out.contains(words)), "{said:?}");
    for more in [text, &gone, "{\"log\":\"another program\"}\n"] {
        let setup = stand(&format!("{fits}{more}"));
        let said = publish(&setup, &[]);
        assert_eq!((said.code, list(&setup).as_str()), (3, OLD), "{said:?}");
        assert!(
            said.err.contains("nobody can say who would be lost: 3 of 21 lines cannot be judged"),
            "{said:?}"
        );
    }
    // What a collector wrote before a line is no harm, and no line is lost behind one that was cut.
    for before in ["Nov 21 19:30:00 host nexmo-gate[12]: ", &good[..50]] {
        let setup = stand(&format!("{before}{}", line("20.30.42.7", 1)));
        assert_eq!(reasons(&publish(&setup, &["--json"])), ["lost"], "{before}");
    }
}

#[test]
fn a_part_that_is_cut_holds_a_list_and_what_is_none_is_named() {
    let setup = stand(&line("20.30.40.1", 1));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(line("20.30.40.1", 2).as_bytes()).expect("memory");
    let packed = packed.finish().expect("memory");
    let part = setup.path().join("access.log.1.gz");
    fs::write(&part, &packed[..packed.len() - 4]).expect("a part");
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str()), (3, OLD), "{said:?}");
    assert!(said.err.contains("access.log.1.gz was not read to its end: "), "{said:?}");
    fs::write(&part, &packed).expect("a part");
    for name in ["access.log.bak", "access-8081.log", "access.log.2.lzma"] {
        setup.dir.write(name, &line("20.30.42.7", 1));
    }
    nix::unistd::mkfifo(&setup.path().join("access.log.3"), nix::sys::stat::Mode::S_IRUSR).expect("a FIFO");
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{said:?}");
    let warning = said.err.lines().find(|line| line.contains("beside the access log this was not read: "));
    for name in
        ["access.log.bak: has", "access-8081.log: has", "access.log.2.lzma: has", "access.log.3: is no file"]
    {
        assert!(warning.is_some_and(|line| line.contains(name)), "{name}: {said:?}");
    }
    assert!(said.err.contains("access.log: reaches back only to 20"), "{said:?}");
}

#[test]
fn a_client_of_a_list_that_is_broken_is_not_lost_by_another() {
    let setup = stand(&line("20.30.42.7", 1)).range("other", "20.30.42.0/24\n20.30.43.0/24\n");
    let setup =
        setup.routes(&[r#"{ path: "/*", webhook: generic, allow: [test, other] }"#]).key("state", "./state");
    setup.write_config();
    for (file, copy, wanted) in [
        ("20.30.42.0/24\nnonsense\n", None, "its good lines"),
        ("nonsense\n", Some("20.30.42.0/24\n"), "the gate's last good copy"),
    ] {
        setup.dir.write("ranges/test.txt", OLD);
        assert_eq!(ranges(&setup, &["propose", "test"], NEW).code, 0);
        setup.dir.write("ranges/other.txt", file);
        if let Some(copy) = copy {
            setup.dir.write("state/lists/other.txt", copy);
        }
        let said = publish(&setup, &[]);
        assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{said:?}");
        let note = format!("other.txt: is no good list, so the replay took {wanted}");
        assert!(said.err.contains(&note), "{said:?}");
    }
}

#[test]
fn a_way_back_confirms_no_other_change_that_the_gate_holds() {
    let upstream = Upstream::echo();
    let others = "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n";
    let gate = Setup::new(upstream.url())
        .range("test", "127.0.0.2/32\n")
        .range("other", others)
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test, other] }"#])
        .start();
    let admin = gate.admin_addr().to_string();
    let run = |args: &[&str], input| ranges(&gate.setup, &[args, &["--admin", &admin]].concat(), input);
    assert_eq!(run(&["propose", "test"], "127.0.0.2/32\n127.0.0.4/32\n").code, 3, "loopback");
    assert_eq!(run(&["publish", "test", "--force", "--yes-i-know"], "").code, 0);
    let from = gate.stderr.len();
    gate.setup.dir.write("ranges/other.txt", "20.30.40.0/24\n");
    gate.wait_message(from, |message, _| message == "reload held");
    let said = run(&["rollback", "test", "--json"], "");
    assert_eq!((said.code, reasons(&said)), (3, vec!["confirms".to_owned()]), "{said:?}");
    assert_eq!(
        (gate.ask("127.0.0.4", &get("/hook")).status, gate.status()["lists"][0]["prefixes"].as_u64()),
        (200, Some(3))
    );
    gate.setup.dir.write("ranges/other.txt", others);
    wait_until(
        || run(&["rollback", "test"], "").code == 0,
        || format!("{:?}", run(&["rollback", "test"], "")),
    );
}

#[test]
fn of_several_that_publish_at_once_each_that_did_not_says_why() {
    let setup = alone(OLD);
    assert_eq!(ranges(&setup, &["propose", "test"], &format!("{OLD}20.30.43.0/24\n")).code, 0);
    let begin = || {
        let mut command = binary();
        command.args(["ranges", "publish", "test", "--config"]).arg(setup.path().join("config.yaml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the gate's binary")
    };
    let all: Vec<_> = (0..6).map(|_| begin()).collect();
    let all: Vec<Said> =
        all.into_iter().map(|one| Said::of(one.wait_with_output().expect("its output"))).collect();
    for said in &all {
        let is_told = if said.code == 0 { said.out.contains("test: ") } else { said.err.contains("error: ") };
        assert!(said.code <= 1 && is_told, "{said:?}");
    }
    assert_eq!(all.iter().filter(|said| said.code == 0).count(), 1, "{all:?}");
    assert_eq!(history(&setup).len(), 2, "{all:?}");
}
