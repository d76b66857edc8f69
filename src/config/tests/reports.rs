//! Files that are wrong: whole reports, and nothing secret in them.

use std::path::Path;

use crate::config::tests::*;

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
        "lisen: unknown key; did you mean \"listen\"? There are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, removed_grace, ranges_review, mode, routes, signatures, limits, drain, state, admin, inspect, metrics, health_path, log, threads",
        "listen[0].address: names are not looked up here; write 127.0.0.1:8080 or [::1]:8080",
        "listen[0].tls.key: missing; wanted the path of a PEM file with the private key",
        "listen[0].tls.min_version: TLS 1.1 is not safe and not served; write \"1.2\"",
        "upstream: the scheme \"ftp\" is not http, https or unix",
        "trusted_proxies[0]: 0.0.0.0/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        "trusted_proxies[1]: \"10.0.0.1/8\": the address has bits beyond its prefix length; write 10.0.0.0/8 for the range or 10.0.0.1/32 for the one address",
        "deny: unknown value \"dropp\"; did you mean \"drop\"? There are: forbid, hide, retry, retry_when_stale, drop",
        "routes[0].path: a path begins with '/', this one is \"webhooks\"",
        "routes[0].allow: is empty; such a route admits nobody, leave the route out instead",
        "routes[1].webhook: unknown webhook \"voice-anser\"; did you mean \"voice-answer\"? There are: voice-answer, voice-event, voice-fallback, sms-inbound, sms-delivery-receipt, short-code, messages-inbound, messages-status, number-insight, rtc-event, verify, video, generic",
        "routes[1].allow[0]: \"proxies\" is in trusted_proxies too, and a trusted proxy is never a client",
        "routes[1].allow[2]: \"sms\" is listed twice",
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
    let wanted = ["upstream: missing; set the address of your application, e.g. http://127.0.0.1:3000"];
    for text in ["", "# only words\n", "---\n", "{}", "\u{feff}mode: enforce", "upstream:\n"] {
        assert_eq!(problems(text), wanted, "{text:?}");
    }
    let bare = parse(None, &Overrides::default(), Path::new(BASE)).unwrap_err();
    assert_eq!(lines(&bare), wanted);
}

#[test]
fn invalid_yaml_is_reported_with_its_line() {
    for (text, wanted) in [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("mode: enforce\nmode: observe\n", "mode: is set twice in the mapping that begins on line 1"),
        (
            "limits: { max_body: 1MiB, max_body: 2MiB }",
            "limits.max_body: is set twice in the mapping that begins on line 1",
        ),
        (
            "routes:\n  - path: /a\n    path: /b\n",
            "routes[0].path: is set twice in the mapping that begins on line 2",
        ),
        (
            "limits:\n\tmax_body: 1MiB\n",
            "line 2, column 1: found character that cannot start any token, while scanning for the next token; the line begins with a tab, and YAML is indented with spaces",
        ),
        (
            "routes:\n  - path: *all\n",
            "line 2, column 11: unknown anchor; a text that begins with '*' must be in quotes",
        ),
        ("- a\n- b\n", "found a list, wanted keys such as \"upstream: ...\""),
        ("hello", "found a text of 5 characters, wanted keys such as \"upstream: ...\""),
        ("a: 1\n---\nb: 2\n", "deserializing from YAML containing more than one document is not supported"),
        ("limits: { <<: 5 }", "expected a mapping or list of mappings for merging, but found scalar"),
    ] {
        assert_eq!(problems(text), [wanted], "{text:?}");
    }
}

/// The config.yaml is a link to a key, a token or a list of passwords, or keys are in place of paths.
#[test]
fn no_secret_of_a_file_is_repeated_in_a_problem() {
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
            let message = problem.clone();
            assert!(!message.contains(&key[..12]) && !message.contains("hunter2"), "{message}");
        }
    }
}
