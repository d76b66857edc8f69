//! What lives on over reloads: endpoints and counters.

use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, Site, again, first};
use crate::policy::outcome::Reason;

#[test]
fn endpoint_numbers_and_counters_survive_reloads() {
    let site = Site::new();
    let mut loader = site.loader();
    let with = |extra: &str| site.write("config.yaml", &format!("{CONFIG}{extra}"));
    with("  - { path: /b, allow: [sms], upstream: \"http://127.0.0.1:4000\" }\n");
    let one = first(&mut loader);
    one.routes[2].counters.count(Reason::Success, Some(200));
    let ids =
        |snapshot: &Snapshot| snapshot.routes.iter().map(|r| r.upstream.endpoints[0].id).collect::<Vec<_>>();
    assert_eq!(ids(&one), [0, 0, 1]);
    with("");
    let two = again(&mut loader, &one).snapshot.unwrap();
    with(
        "  - { path: /c, allow: [sms], upstream: \"http://127.0.0.1:5000\" }\n  - { path: /b, allow: [sms], upstream: \"http://127.0.0.1:4000\" }\n",
    );
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert_eq!(ids(&three), [0, 0, 2, 1]);
    assert!(Arc::ptr_eq(&one.routes[2].counters, &three.routes[3].counters));
    assert_eq!(three.routes[3].counters.by_reason().count(), 1);
    assert!(Arc::ptr_eq(&one.unrouted.counters, &three.unrouted.counters));
    assert!(!Arc::ptr_eq(&one.routes[0].counters, &one.routes[1].counters));
}

#[test]
fn an_endpoint_is_the_same_one_for_as_long_as_the_config_names_it() {
    let site = Site::new();
    let mut loader = site.loader();
    let upstream = |urls: &str| {
        let text = CONFIG.replace("\"http://127.0.0.1:3000\"", urls);
        assert_ne!(text, CONFIG);
        site.write("config.yaml", &text);
    };
    let endpoints = |snapshot: &Snapshot| snapshot.endpoints().into_keys().collect::<Vec<_>>();
    upstream("[http://a, http://b]");
    let one = first(&mut loader);
    assert_eq!(endpoints(&one), [0, 1]);
    assert!(Arc::ptr_eq(&one.routes[0].upstream, &one.unrouted.upstream));
    // Another order is another upstream with the same endpoints; the first order is the first upstream again.
    upstream("[http://b, http://a]");
    let two = again(&mut loader, &one).snapshot.unwrap();
    assert!(Arc::ptr_eq(&one.routes[0].upstream.endpoints[0], &two.routes[0].upstream.endpoints[1]));
    upstream("[http://a, http://b] ");
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert!(Arc::ptr_eq(&one.routes[0].upstream, &three.routes[0].upstream));
    // With health checks it is another endpoint, because another upstream may check it differently.
    upstream("{ urls: [http://a, http://b], health: { path: /up } }");
    let four = again(&mut loader, &three).snapshot.unwrap();
    assert_eq!(endpoints(&four), [2, 3]);
    assert_eq!(four.changes_since(&three), ["upstream changed"]);
    // Nothing uses the first ones any more: they are forgotten, and their numbers are not reused.
    drop((one, two, three));
    upstream("[http://a, http://b]");
    let five = again(&mut loader, &four).snapshot.unwrap();
    assert_eq!(endpoints(&five), [4, 5]);
}
