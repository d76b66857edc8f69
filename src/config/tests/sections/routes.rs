//! Routes, and what each of them may say.

use crate::config::tests::sections::rows;
use crate::config::tests::*;
use crate::policy::provider::DEFAULT;

#[test]
fn routes_report_every_bad_value() {
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
            "routes[0].webhook: found the number 1, wanted one of: voice-answer, voice-event, voice-fallback, sms-inbound, sms-delivery-receipt, short-code, messages-inbound, messages-status, number-insight, rtc-event, verify, video, generic",
        ),
        ("routes: [{ path: /a, host: \"a:80\" }]", "routes[0].host: leave the port out; write \"a\""),
        (
            "routes: [{ path: /a, host: A }, { path: /a, host: a }, { path: /a }]",
            "routes[1].path: never matches: routes[0] has the same host and path",
        ),
        (
            "routes: [{ path: /a, alow: [sms] }]",
            "routes[0].alow: unknown key; did you mean \"allow\"? There are: path, host, webhook, allow, upstream, upstream_host, success, deadline, client_errors, server_errors, signature",
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
            "routes[0].allow[0]: \"../sms\" is not the name of a list: letters, digits, '-', '_' and '.', a letter or digit first, 64 at most",
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
