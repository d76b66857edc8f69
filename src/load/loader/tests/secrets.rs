//! Secrets of signatures: what a route is judged by, and which secret stays when a file breaks.

use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, again};
use crate::policy::signature::fault::Fault;
use crate::policy::signature::rules::Rules;

const SECRETS: &str = "signatures:\n  max_age: 1h\n  secrets:\n  - { api_key: k, file: new }\n  - { api_key: k, file: old, until: 2026-12-31 }\n  \
                       - { name: n, file: named, encoding: base64 }\n";
/// 2026-12-01
const NOW: u64 = 1_796_083_200;

/// A site with three secrets, two of one account, and a third route that names the third.
fn signed() -> (Site, Loader, Snapshot) {
    let site = Site::new();
    let third = "  - { path: /n, webhook: generic, allow: [sms], signature: { secrets: [n], applications: [one] } }\n";
    site.write("config.yaml", &format!("{CONFIG}{third}{SECRETS}"));
    for (name, text) in
        [("new", "the new secret of k\n"), ("old", "the old secret of k"), ("named", "bmFtZWQ=\n")]
    {
        site.write(name, text);
    }
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    (site, loader, snapshot)
}

/// The place of the secret that equals a text, among those that count for a request of the account.
fn place(rules: &Rules<'_>, account: &[u8], text: &str) -> Result<usize, Fault> {
    rules.signer(Some(account), NOW, |secret| secret.bytes() == text.as_bytes()).map(|signer| signer.place)
}

#[test]
fn a_route_is_judged_by_the_secrets_that_it_names_or_by_those_of_accounts() {
    let (_site, _loader, snapshot) = signed();
    let rules = |route: usize| snapshot.signature_rules(&snapshot.routes[route]);
    let (sms, named) = (rules(0).unwrap(), rules(2).unwrap());
    assert_eq!(sms.max_age.as_secs(), 3600);
    assert_eq!(place(&sms, b"k", "the new secret of k"), Ok(0));
    assert_eq!(place(&sms, b"k", "the old secret of k"), Ok(1));
    assert_eq!(place(&sms, b"k", "named"), Err(Fault::WrongMac));
    assert_eq!(place(&sms, b"other", "the new secret of k"), Err(Fault::UnknownKey));
    assert_eq!(place(&named, b"k", "named"), Ok(2));
    assert_eq!(place(&named, b"k", "the new secret of k"), Err(Fault::WrongMac));
    assert_eq!(named.applications, ["one"]);
    assert!(snapshot.signature_rules(&snapshot.unrouted).is_none());
    assert!(!format!("{snapshot:?}").contains("secret of k"));
}

#[test]
fn routes_without_signatures_have_no_rules() {
    let site = Site::new();
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    assert!(snapshot.routes.iter().all(|route| snapshot.signature_rules(route).is_none()));
}

#[test]
fn a_broken_secret_keeps_its_last_good_version_and_the_others_move_on() {
    let (site, mut loader, old) = signed();
    site.write("new", "-----BEGIN PRIVATE KEY-----\n");
    site.write("old", "another secret of k\n");
    let outcome = again(&mut loader, &old);
    let wanted = "signatures.secrets[0].file: holds a PEM key: this is the application's private key, not the \
                  signature secret; the last good secret stays in use";
    assert_eq!(site.problems(&outcome), [wanted]);
    let new = outcome.snapshot.unwrap();
    let changes = site.plain(new.changes_since(&old).into_iter());
    assert_eq!(changes, ["secret=new last good kept", "secret=old changed"]);
    let rules = new.signature_rules(&new.routes[0]).unwrap();
    assert_eq!(place(&rules, b"k", "the new secret of k"), Ok(0));
    assert_eq!(place(&rules, b"k", "another secret of k"), Ok(1));
    assert_eq!(place(&rules, b"k", "the old secret of k"), Err(Fault::WrongMac));
    // It stays also when the file is gone, and a config that is loaded meanwhile does not end it.
    site.remove("new");
    let text = std::fs::read_to_string(site.path("config.yaml")).unwrap();
    site.write("config.yaml", &text.replace("max_age: 1h", "max_age: 2h"));
    let third = again(&mut loader, &new).snapshot.unwrap();
    assert_eq!(third.changes_since(&new), ["signatures changed"]);
    let rules = third.signature_rules(&third.routes[0]).unwrap();
    assert_eq!((rules.max_age.as_secs(), place(&rules, b"k", "the new secret of k")), (7200, Ok(0)));
    site.write("new", "the new secret of k\n");
    let fourth = again(&mut loader, &third).snapshot.unwrap();
    assert_eq!(site.plain(fourth.changes_since(&third).into_iter()), ["secret=new good again"]);
}

#[test]
fn a_secret_that_never_was_good_stops_only_a_config_that_names_it() {
    let (site, mut loader, old) = signed();
    let text = std::fs::read_to_string(site.path("config.yaml")).unwrap();
    site.write("config.yaml", &format!("{text}  - {{ api_key: j, file: gone }}\n"));
    let outcome = again(&mut loader, &old);
    assert!(outcome.snapshot.is_none());
    let problems = site.problems(&outcome);
    assert!(
        problems[0].starts_with("signatures.secrets[3].file: gone: cannot be read: No such file"),
        "{problems:?}"
    );
    assert!(!problems[0].contains("stays"), "{problems:?}");
    site.write("config.yaml", &text);
    assert_eq!(again(&mut loader, &old).snapshot.unwrap().changes_since(&old), [""; 0]);
}

/// Without this a change is found all the same, but only when all files are looked at again.
#[test]
fn the_files_of_secrets_are_watched() {
    let (site, loader, _) = signed();
    let (files, _) = loader.places();
    let files: Vec<&Path> = files.collect();
    for name in ["config.yaml", "new", "old", "named"] {
        assert!(files.contains(&site.path(name).as_path()), "{name}: {files:?}");
    }
}
