//! Messages are interface: whole files against whole reports.

use crate::policy::client::original::Scheme;
use crate::policy::delivery::{OnError, SuccessSet};
use crate::policy::provider::DEFAULT;
use crate::policy::routing::route::PathPattern;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::*;

mod chaos;
mod flags;
mod provider;
mod sections;
mod tls;

const BASE: &str = "/etc/gate";

fn read(text: &str) -> Result<Parsed, Vec<Problem>> {
    parse(Some(text), &Overrides::default(), Path::new(BASE))
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Ok(parsed) => panic!("accepted: {text}\n{:?}", parsed.config),
        Err(problems) => lines(&problems),
    }
}

fn config(text: &str) -> Config {
    read(text).unwrap_or_else(|problems| panic!("{text}\n{:#?}", lines(&problems))).config
}

/// The problems of a file that is right but for these lines.
fn with(text: &str) -> Vec<String> {
    problems(&format!("upstream: http://127.0.0.1:3000\n{text}"))
}

fn good(text: &str) -> Config {
    config(&format!("upstream: http://127.0.0.1:3000\n{text}"))
}

#[test]
fn one_key_is_enough_and_the_rest_are_the_documented_defaults() {
    let seconds = Duration::from_secs;
    let route = Route {
        path: PathPattern::Prefix("/".to_owned()),
        host: None,
        webhook: DEFAULT.other(),
        allow: ["voice", "sms", "messages"].map(str::to_owned).to_vec(),
        upstream: None,
        upstream_host: None,
        success: SuccessSet::of(DEFAULT.other()),
        deadline: seconds(14),
        client_errors: OnError::Relay,
        server_errors: OnError::Relay,
    };
    let wanted = Config {
        provider: &DEFAULT,
        listen: vec![Listener {
            address: "0.0.0.0:8080".parse().unwrap(),
            proxy_protocol: false,
            tls: None,
            scheme: Scheme::Http,
            http2: false,
            acme_challenges: None,
        }],
        upstream: Upstream {
            targets: vec![Target::Http { host: "127.0.0.1".to_owned(), port: 3000 }],
            ca: None,
            server_name: None,
            health: None,
        },
        ranges: PathBuf::from("/etc/gate/ranges"),
        trusted_proxies: Vec::new(),
        forwarded_header: ForwardedHeader::XForwardedFor,
        deny: Deny::Forbid,
        mode: Mode::Enforce,
        routes: vec![route],
        limits: Limits {
            max_body: 1 << 20,
            max_response: 1 << 20,
            max_head: 16 << 10,
            head_timeout: seconds(10),
            body_timeout: seconds(10),
            keepalive: seconds(60),
            connections: 10_000,
            connections_per_stranger: 32,
            connections_per_client: None,
            concurrent_requests: 1024,
            buffers: 64 << 20,
        },
        drain: Drain { delay: seconds(0), grace: seconds(15) },
        state: None,
        admin: Some(Admin { address: AdminAddress::Tcp("127.0.0.1:9901".parse().unwrap()) }),
        metrics: None,
        health_path: None,
        log: Log { format: LogFormat::Json, level: LogLevel::Info, access: AccessLog::Stdout },
        threads: None,
    };
    assert_eq!(config("upstream: http://127.0.0.1:3000"), wanted);
    let spelt_out = "
listen: [{ address: \"0.0.0.0:8080\", http2: false, proxy_protocol: false }]
upstream: { url: \"http://127.0.0.1:3000/\" }
ranges: ranges/
trusted_proxies: []
forwarded_header: x-forwarded-for
deny: forbid
mode: enforce
routes: [{ path: \"/*\", webhook: generic, allow: [voice, sms, messages], success: 200-205, deadline: 14s,
           client_errors: relay, server_errors: relay }]
limits: { max_body: 1MiB, max_response: 1MiB, max_head: 16KiB, head_timeout: 10s, body_timeout: 10s,
          keepalive: 60s, connections: 10000, connections_per_stranger: 32, connections_per_client: off,
          concurrent_requests: 1024, buffers: 64MiB }
drain: { delay: 0s, grace: 15s }
state: null
admin: { address: \"127.0.0.1:9901\", allow_remote: false }
metrics: off
log: { format: json, level: info, access: stdout }
threads: auto
";
    let parsed = read(spelt_out).unwrap();
    assert_eq!(parsed.config, wanted);
    assert_eq!(parsed.warnings, []);
}

#[test]
fn every_key_carries_its_value() {
    let seen = config(
        "
listen: [\"[::1]:8081\", { address: 127.0.0.1:0, proxy_protocol: true }]
upstream: { url: https://App.example, ca: ca.pem, server_name: inside.example }
ranges: /srv/lists
trusted_proxies: [10.0.0.0/8, 2001:db8::1, \"::ffff:192.0.2.0/120\", balancers]
forwarded_header: forwarded
deny: hide
mode: observe
routes:
  - &sms
    path: /sms
    host: Hooks.Example
    webhook: sms-inbound
    allow: [sms, nexmo-2018]
    upstream: unix:/run/app.sock
    upstream_host: App.example:8080
    success: 200
    deadline: 4500ms
    client_errors: retry
    server_errors: retry
  - { <<: *sms, host: \"[2001:DB8::1]\", success: [200, 204-205], upstream: \"https://[::1]:8443\" }
limits: { max_body: 2MiB, max_response: 3MiB, max_head: 1KiB, head_timeout: 1s, body_timeout: 2s,
          keepalive: 1h, connections: 100, connections_per_stranger: 3, connections_per_client: 50,
          concurrent_requests: 100, buffers: 1GiB }
drain: { delay: 5s, grace: 20s }
state: kept
admin: unix:admin.sock
log: { format: text, level: debug, access: log/access.log }
threads: 3
",
    );
    assert_eq!(
        seen.listen.iter().map(|l| l.address.to_string()).collect::<Vec<_>>(),
        ["[::1]:8081", "127.0.0.1:0"]
    );
    assert_eq!(seen.listen.iter().map(|l| l.proxy_protocol).collect::<Vec<_>>(), [false, true]);
    assert_eq!(seen.forwarded_header, ForwardedHeader::Forwarded);
    let upstream = Upstream {
        targets: vec![Target::Https { host: "app.example".to_owned(), port: 443 }],
        ca: Some(PathBuf::from("/etc/gate/ca.pem")),
        server_name: Some("inside.example".to_owned()),
        health: None,
    };
    assert_eq!(seen.upstream, upstream);
    assert_eq!(seen.ranges, Path::new("/srv/lists"));
    let prefix = |text: &str| Trusted::Prefix(text.parse().unwrap());
    let trusted = [
        prefix("10.0.0.0/8"),
        prefix("2001:db8::1/128"),
        prefix("192.0.2.0/24"),
        Trusted::List("balancers".to_owned()),
    ];
    assert_eq!(seen.trusted_proxies, trusted);
    assert_eq!((seen.deny, seen.mode, seen.threads), (Deny::Hide, Mode::Observe, Some(3)));
    let unix = Target::Unix(PathBuf::from("/run/app.sock"));
    let first = Route {
        path: PathPattern::Exact("/sms".to_owned()),
        host: Some("hooks.example".to_owned()),
        webhook: DEFAULT.webhook("sms-inbound").unwrap(),
        allow: vec!["sms".to_owned(), "nexmo-2018".to_owned()],
        upstream: Some(Upstream { targets: vec![unix], ca: None, server_name: None, health: None }),
        upstream_host: Some("app.example:8080".to_owned()),
        success: SuccessSet::parse("200", DEFAULT.other()).unwrap(),
        deadline: Duration::from_millis(4500),
        client_errors: OnError::Retry,
        server_errors: OnError::Retry,
    };
    let https = Target::Https { host: "::1".to_owned(), port: 8443 };
    let second = Route {
        host: Some("[2001:db8::1]".to_owned()),
        success: SuccessSet::parse("200,204-205", DEFAULT.other()).unwrap(),
        upstream: Some(Upstream { targets: vec![https], ca: None, server_name: None, health: None }),
        ..first.clone()
    };
    assert_eq!(seen.routes, [first, second]);
    let limits = Limits {
        max_body: 2 << 20,
        max_response: 3 << 20,
        max_head: 1 << 10,
        head_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(2),
        keepalive: Duration::from_secs(3600),
        connections: 100,
        connections_per_stranger: 3,
        connections_per_client: Some(50),
        concurrent_requests: 100,
        buffers: 1 << 30,
    };
    assert_eq!(seen.limits, limits);
    assert_eq!(seen.drain, Drain { delay: Duration::from_secs(5), grace: Duration::from_secs(20) });
    assert_eq!(seen.state, Some(PathBuf::from("/etc/gate/kept")));
    assert_eq!(
        seen.admin,
        Some(Admin { address: AdminAddress::Unix(PathBuf::from("/etc/gate/admin.sock")) })
    );
    let access = AccessLog::File(PathBuf::from("/etc/gate/log/access.log"));
    assert_eq!(seen.log, Log { format: LogFormat::Text, level: LogLevel::Debug, access });
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text = "
lisen: 1
listen:
  - address: localhost:8080
    tls: { certificate: a.pem, min_version: 1.1 }
upstream: ftp://app
trusted_proxies: [0.0.0.0/0, 10.0.0.1/8, proxies]
deny: dropp
routes:
  - { path: webhooks, webhook: voice-event, allow: [] }
  - { path: /a, webhook: voice-anser, allow: [proxies, sms, sms] }
  - { path: /b, webhook: generic, deadline: 5 }
  - { path: /a, webhook: generic, success: 200-206 }
limits: { max_body: 1MB, max_head: 2MiB, connections: 0 }
drain: { grace: 10s }
log: { format: jsn }
";
    let wanted = [
        "lisen: unknown key; did you mean \"listen\"? There are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, mode, routes, limits, drain, state, admin, metrics, health_path, log, threads",
        "listen[0].address: names are not looked up here; write 127.0.0.1:8080 or [::1]:8080",
        "listen[0].tls.key: missing; wanted the path of a PEM file with the private key",
        "listen[0].tls.min_version: TLS 1.1 is not safe and not served; write \"1.2\"",
        "upstream: the scheme \"ftp\" is not http, https or unix",
        "trusted_proxies[0]: 0.0.0.0/0 is everybody, and then anybody could claim to be a client that a list admits; name the proxies' own addresses",
        "trusted_proxies[1]: \"10.0.0.1/8\": the address has bits beyond its prefix length; write 10.0.0.0/8 for the range or 10.0.0.1/32 for the one address",
        "deny: unknown value \"dropp\"; did you mean \"drop\"? There are: forbid, hide, retry, drop",
        "routes[0].path: a path begins with '/', this one is \"webhooks\"",
        "routes[0].allow: is empty; such a route admits nobody, leave the route out instead",
        "routes[1].webhook: unknown webhook \"voice-anser\"; did you mean \"voice-answer\"? There are: voice-answer, voice-event, voice-fallback, sms-inbound, sms-delivery-receipt, short-code, messages-inbound, messages-status, number-insight, rtc-event, verify, generic",
        "routes[1].allow[0]: \"proxies\" is in trusted_proxies too, and a trusted proxy is never a client",
        "routes[1].allow[2]: \"sms\" is there twice",
        "routes[2].deadline: 5 has no unit; write 5s",
        "routes[3].path: never matches: routes[1] has the same path",
        "routes[3].success: \"206\" is not a status from 200 to 205, and Nexmo counts nothing else as delivered",
        "limits.max_body: MB is a power of 1000 to some programs and of 1024 to others; write 1MiB",
        "limits.max_head: 2MiB is not from 1KiB to 1MiB",
        "limits.connections: 0 is not from 1 to 1000000",
        "drain.grace: 10s is shorter than the 14s that routes[3] (/a) may take: a stop would cut its requests off",
        "log.format: unknown value \"jsn\"; did you mean \"json\"? There are: json, text",
    ];
    assert_eq!(problems(text), wanted);
}

#[test]
fn a_missing_upstream_is_asked_for() {
    let wanted = ["upstream: missing; where should requests go? e.g. http://127.0.0.1:3000"];
    for text in ["", "# only words\n", "---\n", "{}", "\u{feff}mode: enforce", "upstream:\n"] {
        assert_eq!(problems(text), wanted, "{text:?}");
    }
    let bare = parse(None, &Overrides::default(), Path::new(BASE)).unwrap_err();
    assert_eq!(lines(&bare), wanted);
}

#[test]
fn what_is_no_yaml_is_reported_with_its_line() {
    for (text, wanted) in [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("mode: enforce\nmode: observe\n", "mode: is there twice, in the mapping that begins on line 1"),
        (
            "limits: { max_body: 1MiB, max_body: 2MiB }",
            "limits.max_body: is there twice, in the mapping that begins on line 1",
        ),
        (
            "routes:\n  - path: /a\n    path: /b\n",
            "routes[0].path: is there twice, in the mapping that begins on line 2",
        ),
        (
            "limits:\n\tmax_body: 1MiB\n",
            "line 2, column 1: found character that cannot start any token, while scanning for the next token; the line begins with a tab, and YAML is indented with spaces",
        ),
        (
            "routes:\n  - path: *all\n",
            "line 2, column 11: unknown anchor; a text that begins with '*' stands in quotes",
        ),
        ("- a\n- b\n", "found a list, wanted keys such as \"upstream: ...\""),
        ("hello", "found a text of 5 characters, wanted keys such as \"upstream: ...\""),
        ("a: 1\n---\nb: 2\n", "deserializing from YAML containing more than one document is not supported"),
        ("limits: { <<: 5 }", "expected a mapping or list of mappings for merging, but found scalar"),
    ] {
        assert_eq!(problems(text), [wanted], "{text:?}");
    }
}

/// A config.yaml that is a link to a key, a token or a list of passwords, and keys put where paths belong.
#[test]
fn no_secret_that_stands_in_a_file_is_said_again() {
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\n{key}\n-----END PRIVATE KEY-----\n");
    let indented = pem.replace('\n', "\n        ");
    for text in [
        pem.clone(),
        key.to_owned(),
        "hunter2".to_owned(),
        format!("{key}: 1\n{key}: 2\n"),
        format!("{key}: {key}\n"),
        format!("upstream: {key}\n"),
        format!("upstream: \"http://admin:{key}@app:3000\"\n"),
        format!("upstream: \"ftp://admin:{key}@app:3000\"\n"),
        format!(
            "upstream: a\ndeny: {key}\nmode: !{key} x\nthreads: {key}\ntrusted_proxies: [{key}, 10.0.0.1/{key}]\n"
        ),
        format!(
            "upstream: a\nlog: {{ access: {key} }}\nroutes: [{{ path: /a, allow: [{key}], success: {key} }}]\n"
        ),
        format!(
            "upstream: a\nlisten:\n  - address: {key}\n    tls:\n      min_version: {key}\n      certificate: a.pem\n      key: |\n        {indented}"
        ),
        format!("- {key}\n"),
        format!("[{key}\n"),
        format!("a: *{key}\n"),
    ] {
        for problem in problems(&text) {
            let said = problem.clone();
            assert!(!said.contains(&key[..12]) && !said.contains("hunter2"), "{said}");
        }
    }
}
