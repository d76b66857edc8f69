//! `ranges export`: what it reads, what it refuses, and what it says of a target.

use std::io::Write as _;
use std::process::{Output, Stdio};

use crate::harness::Setup;
use crate::harness::gate::setup::binary;

const LIST: &str = "192.0.2.128/25\n192.0.2.0/25\n192.0.2.7\n2001:db8::/32\n";

/// Folders and a configuration; what the command says in it.
struct Ground(Setup);

impl Ground {
    fn new() -> Self {
        let setup = Setup::new("http://127.0.0.1:1").range("sms", LIST).range("voice", "198.51.100.4/30\n");
        setup.write_config();
        Self(setup)
    }

    fn ask(words: &[&str], more: &[&str], input: &str) -> Output {
        let mut gate = binary();
        gate.args(["ranges", "export"]).args(words).args(more).stdin(Stdio::piped());
        let mut child = gate.spawn().expect("the gate's binary");
        // It may refuse before it reads.
        let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
        child.wait_with_output().expect("an end")
    }

    fn by_config(&self, words: &[&str], input: &str) -> Output {
        Self::ask(words, &["--config", &self.path("config.yaml")], input)
    }

    fn by_folder(&self, words: &[&str], input: &str) -> Output {
        Self::ask(words, &["--ranges", &self.path("ranges")], input)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// The text without its comments.
fn body(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stdout(output).lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn lists_are_exported_together_merged_and_in_order() {
    let ground = Ground::new();
    let wanted = "192.0.2.0/24\n198.51.100.4/30\n2001:db8::/32\n";
    for words in [["text", "sms", "voice"], ["text", "voice", "sms"]] {
        assert_eq!(body(&ground.by_config(&words, "")), wanted);
        let by_folder = ground.by_folder(&words, "");
        assert_eq!(body(&by_folder), wanted);
        assert!(stdout(&by_folder).contains(" by: nexmo-gate ranges export text sms voice\n"));
        assert_eq!(stderr(&by_folder), "", "a program of one's own drops nothing");
    }
    let one_family = ground.by_config(&["iptables", "sms", "--name", "hooks"], "");
    assert!(body(&one_family).contains("-A NG-hooks -s 192.0.2.0/24 -j RETURN\n-A NG-hooks -j DROP\n"));
    assert!(
        stderr(&one_family)
            .contains("warning: a firewall that drops turns a stale list into connect time-outs")
    );
    assert!(
        stderr(&one_family)
            .contains("warning: 1 IPv6 prefixes are not in this text: --family ipv6 prints them")
    );
    assert!(
        body(&ground.by_config(&["iptables", "sms", "--family", "ipv6"], "")).contains("-s 2001:db8::/32 ")
    );
}

#[test]
fn nothing_is_exported_of_files_with_a_problem() {
    let ground = Ground::new();
    ground.0.dir.write("ranges/bad.txt", "192.0.2.0/24\n192.0.2.1/24\n1.2.3\n");
    for output in [ground.by_config(&["nft", "sms", "bad"], ""), ground.by_folder(&["nft", "bad"], "")] {
        assert_eq!((output.status.code(), stdout(&output)), (Some(78), String::new()), "{}", stderr(&output));
        for line in ["bad.txt:2: ", "bad.txt:3: "] {
            assert!(stderr(&output).contains(line), "{line}: {}", stderr(&output));
        }
    }
    assert_eq!(
        ground.by_config(&["nft", "sms"], "").status.code(),
        Some(0),
        "another list is not its concern"
    );
    let unknown = ground.by_folder(&["nft", "smss"], "");
    assert_eq!(unknown.status.code(), Some(78));
    assert!(stderr(&unknown).contains("error: no list named \"smss\"; there are:"), "{}", stderr(&unknown));
}

#[test]
fn wrong_words_of_an_export_are_refused_before_anything_is_read() {
    let ground = Ground::new();
    for words in [
        &["nftables", "sms"][..],
        &["nft"],
        &["nft", "sms", "--have", "entries.json"],
        &["ipset", "sms", "--chain", "443"],
        &["nft", "sms", "--chain", "0"],
        &["nft", "sms", "--name", "a;b"],
        &["gcp", "voice", "--family", "ipv6"],
        &["aws", "sms", "--have", "/nowhere"],
        &["text", "sms", "--check", "/nowhere"],
    ] {
        let output = ground.by_config(words, "");
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{words:?}");
    }
}

#[test]
fn behind_a_proxy_an_export_is_refused_unless_it_is_meant() {
    let ground = Ground::new();
    let with = |proxies: &str, words: &[&str]| {
        ground.by_config(&[words, &["--trusted-proxies", proxies]].concat(), "")
    };
    for format in ["nft", "cloudflare", "haproxy"] {
        let refused = with("10.0.3.0/24,127.0.0.1", &[format, "sms"]);
        assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()), "{format}");
        let wanted = "behind a proxy the firewall sees 10.0.3.0/24, not the sender; --anyway";
        assert!(stderr(&refused).contains(wanted), "{}", stderr(&refused));
        assert_eq!(with("10.0.3.0/24", &[format, "sms", "--anyway"]).status.code(), Some(0), "{format}");
        assert_eq!(
            with("127.0.0.0/8,::1", &[format, "sms"]).status.code(),
            Some(0),
            "{format} on this machine"
        );
    }
    assert_eq!(with("10.0.3.0/24", &["json", "sms"]).status.code(), Some(0), "whoever reads it knows");
    assert_eq!(with("voice", &["nft", "sms"]).status.code(), Some(1), "a list of proxies");
}

#[test]
fn check_tells_what_a_target_lacks_and_what_it_has_too_much() {
    let ground = Ground::new();
    let check = |words: &[&str], live: &str| {
        let output = ground.by_config(&[words, &["--check", "-"]].concat(), live);
        (output.status.code(), stdout(&output) + &stderr(&output))
    };
    let (code, said) = check(&["text", "sms"], "192.0.2.0/25\n192.0.2.128/25 # both halves\n2001:db8::/32\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("loaded as the lists say: sha256 "), "{said}");
    let drifted = check(&["text", "sms"], "192.0.2.0/25\n198.51.100.1\n2001:db8::/32\n");
    assert_eq!(drifted, (Some(1), "missing  192.0.2.128/25\ntoo much 198.51.100.1/32\n".to_owned()));
    let saved =
        "create sms_v4 hash:net family inet\nadd sms_v4 192.0.2.0/24\ncreate sms_v6 hash:net family inet6\n";
    assert_eq!(check(&["ipset", "sms"], saved), (Some(1), "missing  2001:db8::/32\n".to_owned()));
    let entries = r#"{"Entries": [{"Cidr": "192.0.2.0/24", "Description": "10.0.0.0/8"}]}"#;
    assert_eq!(check(&["aws", "sms"], entries).0, Some(0), "a prefix list has one family");
    assert_eq!(
        check(&["aws", "sms", "--trusted-proxies", "10.0.0.0/8"], entries).0,
        Some(0),
        "it only compares"
    );
    for (format, nothing) in
        [("text", ""), ("nft", "{}"), ("ipset", ""), ("aws", "{}"), ("iptables", "*filter\n")]
    {
        let (code, said) = check(&[format, "sms"], nothing);
        assert_eq!(code, Some(2), "{format}: what cannot be read is no drift: {said}");
        assert!(said.starts_with("error: -: it "), "{said}");
    }
}

#[test]
fn a_change_for_aws_is_only_what_differs() {
    let ground = Ground::new();
    ground.0.dir.write("have.json", r#"{"Entries": [{"Cidr": "192.0.2.0/24"}, {"Cidr": "10.0.0.0/8"}]}"#);
    let script = ground.by_config(&["aws", "sms", "voice", "--have", &ground.path("have.json")], "");
    let calls: Vec<String> = body(&script).split("\nmodify '").skip(1).map(str::to_owned).collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[0].contains("AddEntries") && calls[0].contains("198.51.100.4/30"), "{calls:?}");
    assert!(calls[1].contains("RemoveEntries") && calls[1].contains("10.0.0.0/8"), "{calls:?}");
    assert!(!calls.concat().contains("192.0.2.0/24"), "{calls:?}");
}
