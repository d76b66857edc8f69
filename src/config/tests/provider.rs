//! The same file for another provider: its webhooks, its lists and its texts come from its tables.

use std::time::Duration;

use crate::config::parse::parse_for;
use crate::config::tests::*;
use crate::policy::delivery::SuccessSet;
use crate::policy::provider::github::GITHUB;

fn read(text: &str) -> Result<Parsed, Vec<String>> {
    let text = format!("upstream: http://127.0.0.1:3000\n{text}");
    parse_for(&GITHUB, Some(&text), &Overrides::default(), Path::new(BASE)).map_err(|all| lines(&all))
}

#[test]
fn a_route_takes_what_its_providers_tables_say() {
    let config =
        read("routes: [{ path: /a, webhook: hooks }, { path: /b, success: 200-299 }]").unwrap().config;
    assert_eq!(config.provider, &GITHUB);
    let [a, b] = &config.routes[..] else { panic!("{:?}", config.routes) };
    assert_eq!((a.webhook, b.webhook), (GITHUB.webhook("hooks").unwrap(), GITHUB.other()));
    assert_eq!((a.success, b.success), (SuccessSet::of(a.webhook), SuccessSet::of(b.webhook)));
    assert_eq!((&a.allow[..], a.deadline), (&["hooks".to_owned()][..], Duration::from_millis(9500)));
    let one = read("").unwrap().config.routes;
    assert_eq!((one.len(), one[0].webhook, &one[0].allow), (1, GITHUB.other(), &a.allow));
}

#[test]
fn problems_use_the_providers_words() {
    let text = "routes: [{ path: /a, webhook: sms-inbound }, { path: /b, webhook: hooks, success: [299, 302], allow: x }]";
    assert_eq!(
        read(text).unwrap_err(),
        [
            "routes[0].webhook: unknown webhook \"sms-inbound\"; there are: hooks, generic",
            "routes[1].success[1]: \"302\" is not a status from 200 to 299, and GitHub counts nothing else as delivered",
            "routes[1].allow: found the text \"x\", wanted a list of range lists such as [hooks]",
        ]
    );
    assert_eq!(
        read("routes: 1").unwrap_err(),
        ["routes: found the number 1, wanted a list of routes such as [{ path: /github, webhook: hooks }]"]
    );
    assert_eq!(
        read("routes: [{ path: /a, success: true }]").unwrap_err(),
        ["routes[0].success: found true, wanted statuses from 200 to 299 such as 200-299 or [200, 204]"]
    );
}

#[test]
fn a_deadline_is_compared_with_the_providers_own() {
    let warnings = read("routes: [{ path: /a, webhook: hooks, deadline: 12s }]").unwrap().warnings;
    let long = "routes[0].deadline: 12s is longer than the 9500ms that hooks allows: the sender may have given up before it is answered";
    assert_eq!(lines(&warnings), [long]);
}
