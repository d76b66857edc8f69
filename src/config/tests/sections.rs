//! The rules of each section, one bad value per row.

use crate::config::tests::*;
use std::path::PathBuf;
use std::time::Duration;

/// Each row is a line in an otherwise correct file, and the one problem that it causes.
fn rows(rows: &[(&str, &str)]) {
    for (text, wanted) in rows {
        assert_eq!(with(text), [*wanted], "{text}");
    }
}

#[test]
fn listen() {
    rows(&[
        ("listen: []", "listen: is empty; without a listener no request can come in"),
        ("listen:", "listen: is empty, wanted a list such as [{ address: \"0.0.0.0:8080\" }]"),
        (
            "listen: 0.0.0.0:80",
            "listen: found the text \"0.0.0.0:80\", wanted a list such as [{ address: \"0.0.0.0:8080\" }]",
        ),
        (
            "listen: [8080]",
            "listen[0]: found the number 8080, wanted an address with a port such as 0.0.0.0:8080",
        ),
        ("listen: [{}]", "listen[0].address: missing; wanted an address with a port such as 0.0.0.0:8080"),
        (
            "listen: [\":80\"]",
            "listen[0]: \":80\" has no address; write 0.0.0.0:80 for all of IPv4 or [::]:80 for both",
        ),
        ("listen: [0.0.0.0]", "listen[0]: \"0.0.0.0\" has no port; write for example 0.0.0.0:8080"),
        ("listen: [\"::1\"]", "listen[0]: \"::1\" has no port; write for example [::1]:8080"),
        (
            "listen: [\"2001:db8::1:80:90:1:2:3\"]",
            "listen[0]: an IPv6 address must be in brackets; write [2001:db8::1:80:90:1:2]:3",
        ),
        (
            "listen: [\"1:2:3:4:5:6:7:8:80\"]",
            "listen[0]: an IPv6 address must be in brackets; write [1:2:3:4:5:6:7:8]:80",
        ),
        (
            "listen: [\"a.example:80\"]",
            "listen[0]: \"a.example:80\" is not an address with a port such as 0.0.0.0:8080; names are not looked up",
        ),
        (
            "listen: [\"127.0.0.1:80\", { address: \"0.0.0.0:80\" }]",
            "listen[1].address: 0.0.0.0:80 is taken by the listener on 127.0.0.1:80",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", http2: maybe }]",
            "listen[0].http2: found the text \"maybe\", wanted true or false",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", proxy_protocol: true }]",
            "listen[0].proxy_protocol: only a trusted proxy may send the PROXY header, and trusted_proxies is empty, so every connection would be closed; name the proxies there",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", proxy_protocol: v2 }]",
            "listen[0].proxy_protocol: found the text \"v2\", wanted true or false",
        ),
        (
            "trusted_proxies: [\"::/0\"]\nlisten: [{ address: \"0.0.0.0:80\", proxy_protocol: true }]",
            "trusted_proxies[0]: ::/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        ),
    ]);
    good("listen: [\"127.0.0.1:0\", \"127.0.0.1:0\", \"127.0.0.1:80\", \"127.0.0.2:80\", \"[::1]:80\"]");
}

#[test]
fn upstream() {
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
fn several_upstreams_and_their_checks() {
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
fn an_upstream_of_several_endpoints() {
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

#[test]
fn trusted_proxies() {
    rows(&[
        (
            "trusted_proxies: 10.0.0.0/8",
            "trusted_proxies: found the text \"10.0.0.0/8\", wanted a list of CIDRs such as [10.0.0.0/8]",
        ),
        (
            "trusted_proxies: [10]",
            "trusted_proxies[0]: found the number 10, wanted a CIDR or the name of a range list",
        ),
        (
            "trusted_proxies: [\"::/0\"]",
            "trusted_proxies[0]: ::/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        ),
        (
            "trusted_proxies: [lb.example]",
            "trusted_proxies[0]: \"lb.example\": is not an IP address; names are not looked up",
        ),
        (
            "trusted_proxies: [10.0.0]",
            "trusted_proxies[0]: \"10.0.0\": an IPv4 address has four parts; 10.0.0.0?",
        ),
    ]);
    let short = with("trusted_proxies: [0.0.0.0/7]");
    assert!(
        short[0].starts_with("trusted_proxies[0]: \"0.0.0.0/7\": a prefix shorter than /8 is refused"),
        "{short:?}"
    );
    assert_eq!(good("trusted_proxies:").trusted_proxies, []);
}

#[test]
fn routes() {
    rows(&[
        (
            "routes:",
            "routes: is empty, wanted a list of routes such as [{ path: /webhooks/event, webhook: voice-event }]",
        ),
        (
            "routes: []",
            "routes: is empty, so every request would be denied; leave it out for one route \"/*\"",
        ),
        (
            "routes: [/a]",
            "routes[0]: found the text \"/a\", wanted a mapping of keys such as { path: /webhooks/event, webhook: voice-event }",
        ),
        (
            "routes: [{ webhook: generic }]",
            "routes[0].path: missing; set the path of this route's requests, e.g. /webhooks/event",
        ),
        (
            "routes: [{ path: /a b }]",
            "routes[0].path: can never match: no admitted path holds ' ' (write it percent-encoded if it is part of the path, and leave the query out)",
        ),
        (
            "routes: [{ path: /a, webhook: 1 }]",
            "routes[0].webhook: found the number 1, wanted one of: voice-answer, voice-event, voice-fallback, sms-inbound, sms-delivery-receipt, short-code, messages-inbound, messages-status, number-insight, rtc-event, verify, generic",
        ),
        ("routes: [{ path: /a, host: \"a:80\" }]", "routes[0].host: leave the port out; write \"a\""),
        (
            "routes: [{ path: /a, host: A }, { path: /a, host: a }, { path: /a }]",
            "routes[1].path: never matches: routes[0] has the same host and path",
        ),
        (
            "routes: [{ path: /a, alow: [sms] }]",
            "routes[0].alow: unknown key; did you mean \"allow\"? There are: path, host, webhook, allow, upstream, upstream_host, success, deadline, client_errors, server_errors",
        ),
        (
            "routes: [{ path: /a, allow: sms }]",
            "routes[0].allow: found the text \"sms\", wanted a list of range lists such as [voice, sms]",
        ),
        (
            "routes: [{ path: /a, allow: }]",
            "routes[0].allow: is empty, wanted a list of range lists such as [voice, sms]",
        ),
        (
            "routes: [{ path: /a, allow: [2018] }]",
            "routes[0].allow[0]: found the number 2018, wanted the name of a range list",
        ),
        (
            "routes: [{ path: /a, allow: [sms.txt] }]",
            "routes[0].allow[0]: a list is named without .txt; write sms",
        ),
        (
            "routes: [{ path: /a, allow: [../sms] }]",
            "routes[0].allow[0]: \"../sms\" is not the name of a list: letters, digits, '-', '_' and '.'",
        ),
        (
            "routes: [{ path: /a, upstream: app }]",
            "routes[0].upstream: \"app\" has no scheme; write http://app or https://app",
        ),
        (
            "routes: [{ path: /a, upstream: \"http://[::1]:8080\" }]\nlisten: [\"[::]:8080\"]",
            "routes[0].upstream: http://[::1]:8080 is the gate itself, which listens on [::]:8080",
        ),
        (
            "routes: [{ path: /a, upstream_host: \"a\\r\\nb\" }]",
            "routes[0].upstream_host: \"a\\r\\nb\" has '\\r', which no host name has",
        ),
        (
            "routes: [{ path: /a, success: [] }]",
            "routes[0].success: is empty, wanted statuses from 200 to 205 such as 200-205 or [200, 204]",
        ),
        (
            "routes: [{ path: /a, success: [200, 302] }]",
            "routes[0].success[1]: \"302\" is not a status from 200 to 205, and Nexmo counts nothing else as delivered",
        ),
        (
            "routes: [{ path: /a, success: true }]",
            "routes[0].success: found true, wanted statuses from 200 to 205 such as 200-205 or [200, 204]",
        ),
        ("routes: [{ path: /a, deadline: 99ms }]", "routes[0].deadline: 99ms is not from 100ms to 60s"),
        (
            "routes: [{ path: /a, deadline: 61s }]\ndrain: { grace: 2m }",
            "routes[0].deadline: 61s is not from 100ms to 60s",
        ),
        (
            "routes: [{ path: /a, client_errors: drop }]",
            "routes[0].client_errors: unknown value \"drop\"; there are: relay, retry",
        ),
    ]);
    assert_eq!(good("routes: [{ path: /a }]").routes[0].webhook, DEFAULT.other());
}

#[test]
fn limits_and_drain() {
    rows(&[
        ("limits: 5", "limits: found the number 5, wanted a mapping of keys"),
        (
            "limits: { max_boddy: 1MiB }",
            "limits.max_boddy: unknown key; did you mean \"max_body\"? There are: max_body, max_response, max_head, head_timeout, body_timeout, keepalive, connections, connections_per_stranger, connections_per_client, concurrent_requests, buffers",
        ),
        ("limits: { max_body: 0B }", "limits.max_body: 0B is not from 1B to 1GiB"),
        ("limits: { max_body: 1048576 }", "limits.max_body: 1048576 has no unit; write 1048576B"),
        ("limits: { max_head: 1023B }", "limits.max_head: 1023B is not from 1KiB to 1MiB"),
        ("limits: { keepalive: 99ms }", "limits.keepalive: 99ms is not from 100ms to 3600s"),
        ("limits: { head_timeout: 0s }", "limits.head_timeout: 0s is not from 100ms to 3600s"),
        ("limits: { body_timeout: 2h }", "limits.body_timeout: 7200s is not from 100ms to 3600s"),
        (
            "limits: { connections: -1 }",
            "limits.connections: found the number -1, wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections: 1.5 }",
            "limits.connections: found the number 1.5, wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections: \"9\" }",
            "limits.connections: found the text \"9\", wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections_per_stranger: off }",
            "limits.connections_per_stranger: found the text \"off\", wanted a whole number from 1 to 100000",
        ),
        (
            "limits: { connections_per_stranger: 0 }",
            "limits.connections_per_stranger: 0 is not from 1 to 100000",
        ),
        (
            "limits: { connections: 10, connections_per_stranger: 11 }",
            "limits.connections_per_stranger: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { connections_per_client: many }",
            "limits.connections_per_client: found the text \"many\", wanted off or a number from 1 to 100000",
        ),
        (
            "limits: { connections_per_client: 100001 }",
            "limits.connections_per_client: 100001 is not from 1 to 100000",
        ),
        (
            "limits: { connections_per_client: true }",
            "limits.connections_per_client: found true, wanted off or a number from 1 to 100000",
        ),
        (
            "limits: { connections: 10, connections_per_client: 11 }",
            "limits.connections_per_client: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { connections: 10, concurrent_requests: 11 }",
            "limits.concurrent_requests: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { buffers: 2MiB }",
            "limits.buffers: 2MiB does not hold one largest message: max_head, max_body and max_response are 2064KiB together",
        ),
        (
            "limits: { max_body: 100MiB }",
            "limits.buffers: 64MiB does not hold one largest message: max_head, max_body and max_response are 103440KiB together",
        ),
        (
            "drain: { grace: 13999ms }",
            "drain.grace: 13999ms is shorter than the 14s that the one route (/*) may take: a stop would cut its requests off",
        ),
        (
            "routes: [{ path: /a, deadline: 20s }, { path: /b, deadline: 30s }]",
            "drain.grace: 15s is shorter than the 30s that routes[1] (/b) may take: a stop would cut its requests off",
        ),
        ("drain: { delay: 0 }", "drain.delay: 0 has no unit; write 0s"),
        ("drain: { delay: 2h }", "drain.delay: 7200s is not from 0s to 3600s"),
    ]);
    let few = good("limits: { connections: 10, connections_per_client: false }").limits;
    assert_eq!(
        (few.concurrent_requests, few.connections_per_stranger, few.connections_per_client),
        (10, 10, None)
    );
    assert_eq!(good("limits:\ndrain:\nlog:\nstate:\n"), good(""));
    assert_eq!(good("limits: { buffers: 2064KiB }\ndrain: { grace: 14s }").limits.buffers, 2064 << 10);
}

#[test]
fn admin() {
    rows(&[
        (
            "admin: 9901",
            "admin: found the number 9901, wanted an address such as 127.0.0.1:9901, unix:/run/nexmo-gate/admin.sock, or off",
        ),
        (
            "admin: { adress: \"127.0.0.1:1\" }",
            "admin.adress: unknown key; did you mean \"address\"? There are: address, allow_remote",
        ),
        (
            "admin: { address: \"[::]:9901\" }",
            "admin.address: [::]:9901 can be reached from other machines, and anyone who connects may reload and read the status; use 127.0.0.1 or unix:/path, or set allow_remote: true",
        ),
        (
            "admin: { address: \"127.0.0.1:1\", allow_remote: yes please }",
            "admin.allow_remote: found the text \"yes please\", wanted true or false",
        ),
        ("admin: \"unix:\"", "admin: the path is missing; write unix:/run/app.sock"),
        ("admin: 127.0.0.1:8080", "admin: 127.0.0.1:8080 is taken by the listener on 0.0.0.0:8080"),
    ]);
    for text in ["admin: off", "admin: false", "admin:", "admin: null", "admin: ~"] {
        assert_eq!(good(text).admin, None, "{text}");
    }
    let tcp = |text: &str| Some(Admin { address: AdminAddress::Tcp(text.parse().unwrap()) });
    assert_eq!(good("admin: {}").admin, tcp("127.0.0.1:9901"));
    assert_eq!(good("admin: \"[::1]:1\"").admin, tcp("[::1]:1"));
    assert_eq!(good("admin: \"[::ffff:127.0.0.1]:1\"").admin, tcp("[::ffff:127.0.0.1]:1"));
}

#[test]
fn metrics_and_health_path() {
    rows(&[
        ("metrics: {}", "metrics.address: missing; wanted an address such as 0.0.0.0:9902"),
        ("metrics: 0.0.0.0", "metrics: \"0.0.0.0\" has no port; write for example 0.0.0.0:8080"),
        ("metrics: 0.0.0.0:8080", "metrics: 0.0.0.0:8080 is taken by the listener on 0.0.0.0:8080"),
        (
            "metrics: { address: \"0.0.0.0:9901\" }",
            "metrics: 0.0.0.0:9901 is taken by the admin interface on 127.0.0.1:9901",
        ),
        ("health_path: \"/-/*\"", "health_path: must be one path, without a star"),
        (
            "health_path: /a\nroutes: [{ path: /b }, { path: /a }]",
            "health_path: /a is the path of routes[1] already",
        ),
    ]);
    assert_eq!(good("").metrics, None);
    assert_eq!(good("metrics: off").metrics, None);
    assert_eq!(good("metrics: 0.0.0.0:9902").metrics, "0.0.0.0:9902".parse().ok());
    assert_eq!(good("metrics: { address: \"[::]:1\" }").metrics, "[::]:1".parse().ok());
    assert_eq!(good("health_path:").health_path, None);
    assert_eq!(good("health_path: /-/healthy").health_path.as_deref(), Some("/-/healthy"));
}

#[test]
fn the_rest() {
    rows(&[
        (
            "forwarded_header: x-real-ip",
            "forwarded_header: unknown value \"x-real-ip\"; there are: x-forwarded-for, forwarded",
        ),
        ("deny:", "deny: is empty, wanted one of: forbid, hide, retry, drop"),
        (
            "mode: Enforce",
            "mode: unknown value \"Enforce\"; did you mean \"enforce\"? There are: enforce, observe",
        ),
        ("ranges: 5", "ranges: found the number 5, wanted the path of a folder"),
        ("ranges: \"a\\0b\"", "ranges: a path cannot hold a zero byte"),
        ("log: { level: trace }", "log.level: unknown value \"trace\"; there are: error, warn, info, debug"),
        (
            "log: { access: false }",
            "log.access: found false, wanted stdout, stderr, off, or the path of a file",
        ),
        (
            "log: { access: stdot }",
            "log.access: \"stdot\" is not stdout, stderr, off, or the path of a file; a file in this folder is written \"./stdot\"",
        ),
        ("threads: 1025", "threads: 1025 is not from 1 to 1024"),
        ("threads: many", "threads: found the text \"many\", wanted auto or a number from 1 to 1024"),
        ("threads: !x 4", "threads: found a value with the tag !x, wanted auto or a number from 1 to 1024"),
        (
            "5: 6",
            "5: unknown key; there are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, mode, routes, limits, drain, state, admin, metrics, health_path, log, threads",
        ),
        (
            "\"a\\eb\": 6",
            "\"a\\u{1b}b\": unknown key; there are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, mode, routes, limits, drain, state, admin, metrics, health_path, log, threads",
        ),
    ]);
}

#[test]
fn what_works_but_deserves_a_look_is_a_warning() {
    let text = "
upstream: http://127.0.0.1:3000
mode: observe
routes: [{ path: /a, webhook: voice-answer, deadline: 6s }, { path: /b, webhook: voice-answer, deadline: 4500ms }]
admin: { address: \"0.0.0.0:9901\", allow_remote: true }
";
    let wanted = [
        "mode: observe: nobody is denied, requests that no list admits are forwarded too",
        "routes[0].deadline: 6s is longer than the 4500ms that voice-answer allows: the sender may have given up before it is answered",
        "admin.address: 0.0.0.0:9901 can be reached from other machines; anyone who connects may reload and read the status",
    ];
    let parsed = read(text).unwrap();
    assert_eq!(lines(&parsed.warnings), wanted);
    assert_eq!(parsed.config.routes[0].deadline, Duration::from_secs(6));
}
