//! The keys that are one value, the log, keys that nobody knows, and what is only a warning.

use std::time::Duration;

use crate::config::tests::sections::rows;
use crate::config::tests::*;

#[test]
fn single_valued_keys_log_and_unknown_keys() {
    rows(&[
        (
            "forwarded_header: x-real-ip",
            "forwarded_header: unknown value \"x-real-ip\"; there are: x-forwarded-for, forwarded",
        ),
        ("deny:", "deny: is empty, wanted one of: forbid, hide, retry, retry_when_stale, drop"),
        (
            "mode: Enforce",
            "mode: unknown value \"Enforce\"; did you mean \"enforce\"? There are: enforce, observe",
        ),
        ("removed_grace: 24", "removed_grace: 24 has no unit; write 24s"),
        ("removed_grace: 15d", "removed_grace: 1296000s is not from 0s to 1209600s"),
        ("ranges_review: 36h", "ranges_review: is not a whole number of days, such as 90d"),
        ("ranges_review: 12h", "ranges_review: 43200s is not from 86400s to 315360000s"),
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
            "5: unknown key; there are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, removed_grace, ranges_review, mode, routes, signatures, limits, drain, state, admin, inspect, metrics, health_path, log, threads",
        ),
        (
            "\"a\\eb\": 6",
            "\"a\\u{1b}b\": unknown key; there are: listen, upstream, ranges, trusted_proxies, forwarded_header, deny, removed_grace, ranges_review, mode, routes, signatures, limits, drain, state, admin, inspect, metrics, health_path, log, threads",
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
        "mode: observe: no request is denied; limits still apply, and malformed requests are rejected",
        "routes[0].deadline: 6s is longer than the 4500ms that voice-answer allows: the sender may have given up before it is answered",
        "admin.address: 0.0.0.0:9901 can be reached from other machines; anyone who connects may reload and read the status",
    ];
    let parsed = read(text).unwrap();
    assert_eq!(lines(&parsed.warnings), wanted);
    assert_eq!(parsed.config.routes[0].deadline, Duration::from_secs(6));
}
