//! Signatures, before a gate that requires them; and that nothing of a secret is shown.

use super::{json, run};
use crate::harness::signer::shown_secret;
use crate::harness::{Answer, Gate, Setup, Upstream};

const KEY: &str = "a1b2c3d4";
const SECRET: &str = "my-signature-secret-of-32-bytes!";
const NCCO: &[u8] = br#"[{"action":"talk","text":"Hi"}]"#;

/// A gate that requires signatures wherever the vendor signs, and the path of the secret.
fn gate(edit: impl FnOnce(Setup) -> Setup) -> (Gate, Upstream, String) {
    let upstream = Upstream::start(|arrival| match arrival.target().split('?').next() {
        Some("/webhooks/answer" | "/webhooks/fallback") => Answer::body(200, "application/json", NCCO),
        _ => Answer::status(200),
    });
    let setup = Setup::new(upstream.url()).plainly();
    setup.dir.write("secrets/account", &format!("{SECRET}\n"));
    let routes: Vec<String> = [
        ("answer", "voice-answer"),
        ("event", "voice-event"),
        ("fallback", "voice-fallback"),
        ("inbound-sms", "sms-inbound"),
        ("delivery-receipt", "sms-delivery-receipt"),
        ("short-code/*", "short-code"),
        ("inbound-message", "messages-inbound"),
        ("message-status", "messages-status"),
        ("rtc", "rtc-event"),
        ("verify", "verify"),
        ("video", "video"),
    ]
    .map(|(path, webhook)| {
        format!("{{ path: \"/webhooks/{path}\", webhook: {webhook}, allow: [test], signature: require }}")
    })
    .to_vec();
    let open = "{ path: /webhooks/number-insight, webhook: number-insight, allow: [test] }".to_owned();
    let routes: Vec<&str> = routes.iter().chain([&open]).map(String::as_str).collect();
    let secret = setup.path().join("secrets/account").display().to_string();
    let setup = setup
        .key("signatures", &format!("{{ secrets: [ {{ api_key: {KEY}, file: secrets/account }} ] }}"))
        .range("test", "127.0.0.2/32\n216.147.0.0/18\n")
        .routes(&routes);
    (edit(setup).start(), upstream, secret)
}

const FROM: [&str; 4] = ["--from", "127.0.0.2", "--via", "socket"];

#[test]
fn every_sample_is_signed_so_that_a_gate_lets_it_pass() {
    let (gate, upstream, secret) = gate(|setup| setup);
    let to = format!("http://{}", gate.addr());
    let args = ["all", "--to", &to, "--secret-file", &secret, "--api-key", KEY];
    let (code, document) = json(&[&args[..], &FROM].concat());
    assert_eq!((code, document["good"].as_u64()), (0, Some(30)), "{document}");
    assert_eq!(upstream.arrivals().len(), 30);
    // By every method that the dashboard knows one is right here, and the gate refuses the others.
    for (method, wanted) in [("md5hash", 0), ("md5", 3), ("sha1", 3), ("sha256", 3), ("sha512", 3)] {
        let sign = format!("sig:{method}");
        let args = ["sms-inbound", "--to", &to, "--secret-file", &secret, "--sign", &sign];
        assert_eq!(run(&[&args[..], &FROM].concat()).code, wanted, "{method}");
    }
}

#[test]
fn what_is_forged_must_be_refused_and_the_gate_does() {
    let (gate, upstream, secret) = gate(|setup| setup);
    let to = format!("http://{}", gate.addr());
    let base = ["--to", &to, "--secret-file", &secret, "--api-key", KEY];
    for webhook in ["messages-inbound", "voice-answer", "sms-inbound", "sms-delivery-receipt-post-json"] {
        for sign in ["wrong", "stale", "other-body"] {
            let ran = run(&[&[webhook, "--sign", sign], &base[..], &FROM].concat());
            assert_eq!(ran.code, 0, "{webhook} {sign}: {}{}", ran.text, ran.error);
            assert!(ran.text.contains("note: refused, as a forged signature must be"), "{}", ran.text);
        }
        // Not signed is not forged: to the sender it is not delivered.
        assert_eq!(run(&[&[webhook, "--sign", "none"], &base[..], &FROM].concat()).code, 3, "{webhook}");
    }
    assert!(upstream.arrivals().is_empty());
    // The application itself takes everything.
    for sign in ["wrong", "other-body"] {
        let ran =
            run(&["messages-inbound", "--sign", sign, "--to", upstream.url(), "--secret-file", &secret]);
        assert_eq!(ran.code, 3, "{}", ran.text);
        assert!(ran.text.contains("nothing checks signatures here"), "{}", ran.text);
    }
    let nobody = crate::harness::Port::free("127.0.0.1");
    assert_eq!(
        run(&["messages-inbound", "--sign", "wrong", "--to", &nobody.url()]).code,
        3,
        "nobody refused it"
    );
}

#[test]
fn a_gate_sees_the_sender_that_a_proxy_would_tell() {
    for (via, edit) in [
        ("x-forwarded-for", (|setup| Setup::trusts(setup, &["127.0.0.1/32"])) as fn(Setup) -> Setup),
        ("proxy-v2", |setup| setup.trusts(&["127.0.0.1/32"]).proxy_protocol()),
    ] {
        let (gate, _upstream, secret) = gate(edit);
        let to = format!("http://{}", gate.addr());
        let base = ["--to", &to, "--secret-file", &secret, "--api-key", KEY, "--via", via];
        let ran = run(&[&["verify", "--from", "216.147.0.9"], &base[..]].concat());
        assert_eq!(ran.code, 0, "{via}: {}", ran.text);
        assert_eq!(run(&[&["verify", "--from", "198.51.100.9"], &base[..]].concat()).code, 3, "{via}");
        let events = gate.finish().events;
        let clients: Vec<&str> = events.iter().filter_map(|event| event["client_ip"].as_str()).collect();
        assert_eq!(clients, ["216.147.0.9", "198.51.100.9"], "{via}");
    }
}

#[test]
fn nothing_of_a_secret_or_a_signature_is_shown() {
    let (gate, _upstream, secret) = gate(|setup| setup);
    let to = format!("http://{}", gate.addr());
    let folder = crate::harness::scratch::Scratch::new();
    let file = folder.path().join("results.xml").display().to_string();
    for how in [&["--show"][..], &["--json"], &["--junit", &file], &["--sign", "other-body", "--show"]] {
        let base = ["all", "--to", &to, "--secret-file", &secret, "--api-key", KEY];
        let ran = run(&[&base[..], &FROM, how].concat());
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        let all = format!("{}{}{written}", ran.text, ran.error).replace("sig=(not shown)", "");
        assert!(all.contains("the secret in ") || how[0] == "--junit", "that it is used is told: {all}");
        assert!(!all.contains(SECRET), "{how:?}");
        assert_eq!(shown_secret(&all), None, "{how:?}");
        assert!(!all.to_lowercase().contains("bearer"), "{how:?}");
    }
}

/// A success that Voice cannot use, and a redirect, are no refusal: whoever gave them checked nothing.
#[test]
fn only_a_status_from_400_refuses_a_forged_message() {
    let dir = crate::harness::scratch::Scratch::new();
    dir.write("secret", SECRET);
    let secret = dir.path().join("secret").display().to_string();
    for (status, wanted) in [(200, 3), (204, 3), (307, 3), (401, 0), (503, 0)] {
        let upstream = Upstream::start(move |_| Answer::status(status));
        for webhook in ["voice-answer", "messages-inbound"] {
            for sign in ["wrong", "stale", "other-body"] {
                // A GET has no body to change.
                let method = if webhook == "voice-answer" { "post" } else { "json" };
                let args = [webhook, "--method", method, "--to", upstream.url(), "--secret-file", &secret];
                let ran = run(&[&args[..], &["--api-key", KEY, "--sign", sign]].concat());
                assert_eq!(ran.code, wanted, "{webhook} {sign} answered with {status}: {}", ran.text);
            }
        }
    }
}

/// An application that repeats what it got does not make a signature visible.
#[test]
fn what_is_shown_of_an_answer_has_no_token() {
    let dir = crate::harness::scratch::Scratch::new();
    dir.write("secret", SECRET);
    let secret = dir.path().join("secret").display().to_string();
    let upstream = Upstream::start(|arrival| Answer::body(200, "text/plain", &arrival.head.raw));
    let args =
        ["messages-inbound", "--to", upstream.url(), "--secret-file", &secret, "--api-key", KEY, "--show"];
    let ran = run(&args);
    assert!(ran.text.contains("authorization") || ran.text.contains("Authorization"), "{}", ran.text);
    assert!(!ran.text.contains("eyJ"), "{}", ran.text);
}
