//! Certificates that cannot be used: refused at the start, left out at a reload, and told either way.

use std::sync::Arc;

use rcgen::date_time_ymd;

use super::*;
use crate::harness::Upstream;
use crate::harness::gate::setup;

#[test]
fn a_start_without_a_usable_certificate_is_78_and_says_which_file() {
    let (good, authority) = usual("http://127.0.0.1:1", "");
    let chain = |name: &str| format!("{}/{name}", good.path().display());
    let other = authority.pair(&[HOST]);
    let swapped = {
        let mut parts: Vec<&str> = other.chain.split_inclusive("-----END CERTIFICATE-----\n").collect();
        parts.reverse();
        Pair { chain: parts.concat(), ..other.clone() }
    };
    let rows = [
        (Pair { key: authority.pair(&[HOST]).key, ..other.clone() }, "key", "key.pem", "is not the key of "),
        (swapped, "certificate", "chain.pem", "is out of order: certificate 2 is the key's"),
        (
            Pair { chain: "hello".to_owned(), ..other.clone() },
            "certificate",
            "chain.pem",
            "holds no certificate",
        ),
        (Pair { key: String::new(), ..other.clone() }, "key", "key.pem", "holds no private key"),
    ];
    for (pair, key, file, wanted) in rows {
        put(&good, "chain.pem", "key.pem", &pair);
        let exit = good.run_to_exit();
        assert_eq!(exit.code, Some(78), "{:?}", exit.stderr);
        let wanted = format!("listen[0].tls.{key}: {}: {wanted}", chain(file));
        assert!(exit.stderr.iter().any(|line| line.contains(&wanted)), "{wanted}\n{:?}", exit.stderr);
    }
    std::fs::remove_file(good.path().join("key.pem")).expect("key.pem");
    put(&good, "chain.pem", "elsewhere.pem", &other);
    let exit = good.run_to_exit();
    let wanted = format!("listen[0].tls.key: {}: cannot be read: No such file", chain("key.pem"));
    assert!(
        exit.code == Some(78) && exit.stderr.iter().any(|line| line.contains(&wanted)),
        "{:?}",
        exit.stderr
    );
}

/// As on a machine that boots without a clock: what is refused at the boot stays down for good.
#[test]
fn a_certificate_that_is_not_good_at_this_moment_serves_and_everybody_is_told() {
    let upstream = Upstream::echo();
    for (from, to, wanted) in [(2020, 2021, "expired on 2021-01-01"), (2990, 2999, "is not valid yet")] {
        let (setup, authority) = usual(upstream.url(), "");
        let pair = authority.signed(&[HOST], |params| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        });
        put(&setup, "chain.pem", "key.pem", &pair);
        setup.write_config();
        let mut command = setup::binary();
        command.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
        let output = command.output().expect("check");
        let warned = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{warned}");
        assert!(warned.contains(&format!("chain.pem: {wanted}")), "{warned}");
        let gate = setup.start();
        let said = gate.stderr.all().join("\n");
        assert!(said.contains(&format!("chain.pem: {wanted}")), "{said}");
        // It is shown; whether it is good is for the sender to say.
        let hello = fetch(&gate, &Arc::new(authority.client_config()), HOST);
        assert!(hello.is_err(), "{hello:?}");
        let status = gate.status();
        let flaw = status["certificates"][0]["untimely"].as_str().unwrap_or_default();
        assert!(flaw.starts_with(wanted), "{status}");
    }
}

#[test]
fn check_warns_of_a_missing_intermediate_and_of_the_end() {
    let (setup, authority) = usual("http://127.0.0.1:1", "");
    let soon = authority.signed(&[HOST], |params| {
        params.not_after = std::time::SystemTime::now()
            .checked_add(std::time::Duration::from_secs(3 * 86_400 + 60))
            .expect("soon")
            .into();
    });
    let alone = soon.chain.split_inclusive("-----END CERTIFICATE-----\n").next().expect("a certificate");
    setup.dir.write("chain.pem", alone);
    setup.dir.write("key.pem", &soon.key);
    setup.write_config();
    let mut command = setup::binary();
    command.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
    let output = command.output().expect("check");
    let (said, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{warned}");
    assert!(said.contains("\ncertificates\n") && said.contains(HOST), "{said}");
    assert!(
        warned.contains("chain.pem: the certificate of its issuer (CN=Test CA) does not follow it"),
        "{warned}"
    );
    assert!(warned.contains("chain.pem: expires in 3 days, on "), "{warned}");
}

#[test]
fn a_bad_pair_keeps_the_old_one_and_everybody_is_told() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.start();
    let config = Arc::new(authority.client_config());
    let first = fetch(&gate, &config, HOST).expect("the first certificate").1;

    let renewed = authority.pair(&[HOST]);
    gate.setup.dir.write("chain.pem", &renewed.chain);
    let (status, report) = gate.reload();
    assert_eq!((status, &report["published"]), (422, &true.into()), "{report}");
    assert_eq!(report["problems"][0]["at"], "listen[0].tls.key", "{report}");
    assert!(
        report["changes"][0].as_str().is_some_and(|change| change.ends_with("last good kept")),
        "{report}"
    );
    assert_eq!(fetch(&gate, &config, HOST).expect("still the first").1, first);
    let path = gate.setup.path().join("chain.pem").display().to_string();
    gate.wait_metric(&format!("certificate_last_good{{certificate=\"{path}\"}}"), 1);
    let status = gate.admin("GET", "/status").text();
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let shown = &status["certificates"][0];
    assert_eq!((&shown["last_good"], &shown["path"]), (&true.into(), &path.clone().into()), "{status}");
    assert!(shown["days_left"].as_i64().is_some_and(|days| days > 300), "{status}");

    gate.setup.dir.write("key.pem", &renewed.key);
    let (status, report) = gate.reload();
    assert_eq!(status, 200, "{report}");
    assert_eq!(fetch(&gate, &config, HOST).expect("the second").1, leaf(&renewed));
    gate.wait_metric(&format!("certificate_last_good{{certificate=\"{path}\"}}"), 0);
    assert!(gate.metric(&format!("certificate_days_left{{certificate=\"{path}\"}}")) > 300);
}

#[test]
fn certificates_are_added_without_a_restart_and_a_listener_is_not() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    let gate = setup.start();
    let config = Arc::new(authority.client_config());
    let second = authority.pair(&["second.example"]);
    put(&gate.setup, "b.pem", "b.key", &second);
    let write = |listen: &str| gate.setup.clone().key("listen", listen).write_config();
    write(
        r#"[{ address: "127.0.0.1:0", tls: { certificates: [{ certificate: chain.pem, key: key.pem }, { certificate: b.pem, key: b.key }] } }]"#,
    );
    let (status, report) = gate.reload();
    assert_eq!((status, report["needs_restart"].as_array().map(Vec::len)), (200, Some(0)), "{report}");
    assert_eq!(fetch(&gate, &config, "second.example").expect("the second name").1, leaf(&second));
    // Its files are missing: what serves stays, whole.
    write(
        r#"[{ address: "127.0.0.1:0", tls: { certificates: [{ certificate: b.pem, key: b.key }, { certificate: none.pem, key: none.key }] } }]"#,
    );
    let (status, report) = gate.reload();
    assert_eq!((status, &report["published"]), (422, &false.into()), "{report}");
    fetch(&gate, &config, HOST).expect("still there");
    // From TLS to plain HTTP is another listener.
    write(r#"[{ address: "127.0.0.1:0" }]"#);
    let (status, report) = gate.reload();
    assert_eq!((status, &report["needs_restart"][0]), (200, &"listen: needs a restart".into()), "{report}");
    fetch(&gate, &config, HOST).expect("still TLS");
}
