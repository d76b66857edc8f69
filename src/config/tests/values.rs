//! Files that are right: the defaults, and every key with a value of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::tests::*;
use crate::policy::client::original::Scheme;
use crate::policy::delivery::{OnError, SuccessSet};
use crate::policy::demand::{Demand, OnBad, Repeats, Unlisted};
use crate::policy::provider::DEFAULT;
use crate::policy::routing::route::PathPattern;
use crate::policy::signature::mac::Method;

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
        signature: Demand::default(),
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
            is_of_port: false,
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
        removed_grace: seconds(24 * 3600),
        ranges_review: seconds(180 * 24 * 3600),
        mode: Mode::Enforce,
        signatures: Signatures {
            secrets: Vec::new(),
            sms_method: Method::Md5Hash,
            max_age: seconds(25 * 3600),
            clock_skew: seconds(300),
            failure: OnBad::Retry,
            repeats: Repeats::Forward,
            unlisted: Unlisted::Retry,
        },
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
        inspect: Inspect::Off,
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
removed_grace: 24h
ranges_review: 180d
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
removed_grace: 90m
ranges_review: 48h
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
    let trusted = ["10.0.0.0/8", "2001:db8::1/128", "192.0.2.0/24"].map(prefix);
    let balancers = Trusted::List("balancers".to_owned());
    assert_eq!(seen.trusted_proxies, [&trusted[..], &[balancers]].concat());
    assert_eq!((seen.deny, seen.mode, seen.threads), (Deny::Hide, Mode::Observe, Some(3)));
    assert_eq!((seen.removed_grace, seen.review_days()), (Duration::from_secs(5400), 2));
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
        signature: Demand::default(),
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
