//! Where requests go: URLs, several endpoints, their checks.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::tests::*;

#[test]
fn upstream_reports_every_bad_url() {
    for (text, wanted) in [
        ("3000", "upstream: found the number 3000, wanted a URL such as http://127.0.0.1:3000"),
        ("\"\"", "upstream: is empty, wanted a URL such as http://127.0.0.1:3000"),
        ("app:3000", "upstream: \"app:3000\" has no scheme; write http://app:3000 or https://app:3000"),
        (
            "/run/app.sock",
            "upstream: \"/run/app.sock\" is not a URL such as http://127.0.0.1:3000, https://app.example or unix:/run/app.sock",
        ),
        ("http://", "upstream: the host is missing"),
        (
            "http://app/hooks",
            "upstream: \"/hooks\" must not be there: requests keep their own path and query; write http://app",
        ),
        (
            "http://app?x=1",
            "upstream: \"?x=1\" must not be there: requests keep their own path and query; write http://app",
        ),
        ("http://me:secret@app", "upstream: the URL must not have a user name or password"),
        ("http://app:99999", "upstream: the port \"99999\" is not a number from 1 to 65535"),
        ("http://::1:80", "upstream: an IPv6 address must be in brackets; write \"[::1:80]\""),
        ("\"unix:\"", "upstream: the path is missing; write unix:/run/app.sock"),
        ("unix://run/app.sock", "upstream: a UNIX socket has no host; write unix:/run/app.sock"),
        ("{}", "upstream.url: missing; set the address of your application, e.g. http://127.0.0.1:3000"),
        ("{ url: http://app, ca: a.pem }", "upstream.ca: only applies to https://"),
        ("{ url: \"unix:/a\", server_name: a }", "upstream.server_name: only applies to https://"),
        ("{ url: https://app, ca: [a] }", "upstream.ca: found a list, wanted the path of a PEM file"),
        (
            "{ url: https://app, server_name: \"a b\" }",
            "upstream.server_name: \"a b\" has ' ', which no host name has",
        ),
        (
            "{ uri: https://app, url: https://app }",
            "upstream.uri: unknown key; did you mean \"url\"? There are: url, urls, ca, server_name, health",
        ),
        (
            "http://127.0.0.1:8080",
            "upstream: http://127.0.0.1:8080 is the gate itself, which listens on 0.0.0.0:8080",
        ),
        (
            "http://localhost:8080",
            "upstream: http://localhost:8080 is the gate itself, which listens on 0.0.0.0:8080",
        ),
    ] {
        assert_eq!(problems(&format!("upstream: {text}")), [wanted], "{text}");
    }
    let long = format!("upstream: unix:/{}", "a".repeat(107));
    assert_eq!(
        problems(&long),
        ["upstream: the path of a UNIX socket has at most 107 bytes and no zero byte"]
    );
    for (text, target) in [
        ("HTTP://App", Target::Http { host: "app".to_owned(), port: 80 }),
        ("https://[2001:db8::1]/", Target::Https { host: "2001:db8::1".to_owned(), port: 443 }),
        ("unix:///run/a", Target::Unix(PathBuf::from("/run/a"))),
        ("unix:run/a", Target::Unix(PathBuf::from("/etc/gate/run/a"))),
        ("http://192.0.2.9:8080", Target::Http { host: "192.0.2.9".to_owned(), port: 8080 }),
    ] {
        assert_eq!(config(&format!("upstream: {text}")).upstream.targets, [target], "{text}");
    }
}

#[test]
fn upstream_reports_every_bad_list_and_health_check() {
    for (text, wanted) in [
        ("[]", "upstream: is empty; set the address of your application, e.g. http://127.0.0.1:3000"),
        ("[http://a, a]", "upstream[1]: \"a\" has no scheme; write http://a or https://a"),
        (
            "[http://a, { url: http://b }]",
            "upstream[1]: found a mapping of keys, wanted a URL such as http://127.0.0.1:3000",
        ),
        ("[http://a, HTTP://A:80/]", "upstream[1]: http://a:80 is listed twice"),
        (
            "[http://a, http://127.0.0.1:8080]",
            "upstream: http://127.0.0.1:8080 is the gate itself, which listens on 0.0.0.0:8080",
        ),
        (
            "{ urls: http://a }",
            "upstream.urls: found the text \"http://a\", wanted a list of URLs such as [http://127.0.0.1:3000, http://127.0.0.1:3001]",
        ),
        (
            "{ urls: [] }",
            "upstream.urls: is empty; set the address of your application, e.g. http://127.0.0.1:3000",
        ),
        ("{ urls: [http://a, ftp://a] }", "upstream.urls[1]: the scheme \"ftp\" is not http, https or unix"),
        ("{ url: http://a, urls: [http://b] }", "upstream.urls: url is set too; name all endpoints here"),
        ("{ url: [http://a] }", "upstream.url: found a list, wanted a URL such as http://127.0.0.1:3000"),
        ("{ urls: [http://a, \"unix:/a\"], ca: a.pem }", "upstream.ca: only applies to https://"),
        (
            "{ url: http://a, health: /healthz }",
            "upstream.health: found the text \"/healthz\", wanted a mapping of keys such as { path: /healthz }",
        ),
        (
            "{ url: http://a, health: {} }",
            "upstream.health.path: missing; set the path of the application's health endpoint, e.g. /healthz",
        ),
        (
            "{ url: http://a, health: { path: healthz } }",
            "upstream.health.path: \"healthz\" does not begin with a slash",
        ),
        (
            "{ url: http://a, health: { path: \"/a b\" } }",
            "upstream.health.path: \"/a b\" holds ' ', which must be percent-encoded",
        ),
        (
            "{ url: http://a, health: { path: /a, every: 5 } }",
            "upstream.health.every: 5 has no unit; write 5s",
        ),
        (
            "{ url: http://a, health: { path: /a, every: 1ms } }",
            "upstream.health.every: 1ms is not from 100ms to 3600s",
        ),
        (
            "{ url: http://a, health: { path: /a, timeout: 2m } }",
            "upstream.health.timeout: 120s is not from 10ms to 60s",
        ),
        (
            "{ url: http://a, health: { path: /a, interval: 1s } }",
            "upstream.health.interval: unknown key; there are: path, every, timeout",
        ),
    ] {
        assert_eq!(problems(&format!("upstream: {text}")), [wanted], "{text}");
    }
}

#[test]
fn an_upstream_may_have_several_endpoints_and_a_health_check() {
    let http = |host: &str| Target::Http { host: host.to_owned(), port: 80 };
    let three =
        vec![http("a"), Target::Https { host: "b".to_owned(), port: 443 }, Target::Unix(PathBuf::from("/c"))];
    let bare = Upstream { targets: three, ca: None, server_name: None, health: None };
    assert_eq!(config("upstream: [http://a, https://b, \"unix:/c\"]").upstream, bare);
    assert_eq!(config("upstream: { urls: [http://a, https://b, \"unix:/c\"] }").upstream, bare);
    let check = |every, timeout| HealthCheck {
        path: "/healthz?deep=1".to_owned(),
        every: Duration::from_millis(every),
        timeout: Duration::from_millis(timeout),
    };
    let full = "{ urls: [http://a, https://b, \"unix:/c\"], ca: ca.pem, server_name: App.Example, health: { path: \"/healthz?deep=1\", every: 100ms, timeout: 60s } }";
    let wanted = Upstream {
        ca: Some(PathBuf::from("/etc/gate/ca.pem")),
        server_name: Some("app.example".to_owned()),
        health: Some(check(100, 60_000)),
        ..bare
    };
    assert_eq!(config(&format!("upstream: {full}")).upstream, wanted);
    let routed = format!("upstream: http://z\nroutes: [{{ path: /a, upstream: {full} }}]");
    assert_eq!(config(&routed).routes[0].upstream.as_ref(), Some(&wanted));
    let defaults = config("upstream: { url: http://a, health: { path: \"/healthz?deep=1\" } }").upstream;
    assert_eq!(defaults.health, Some(check(5000, 1000)));
    let urls: Vec<String> = (0..65).map(|port| format!("http://a:{}", port + 1)).collect();
    let most = config(&format!("upstream: [{}]", urls[..64].join(", ")));
    assert_eq!(most.upstream.targets.len(), 64);
    assert_eq!(
        problems(&format!("upstream: [{}]", urls.join(", "))),
        ["upstream: has 65 URLs; at most 64 are allowed"]
    );
}

#[test]
fn a_target_is_shown_as_it_would_be_written() {
    for url in ["http://a:80", "https://[::1]:8443", "unix:/run/app.sock"] {
        assert_eq!(config(&format!("upstream: \"{url}\"")).upstream.targets[0].to_string(), url);
    }
}
