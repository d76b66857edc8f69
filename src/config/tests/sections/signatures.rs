//! Secrets of signatures, and what a route asks of them.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::tests::sections::rows;
use crate::config::tests::*;
use crate::policy::demand::{Demand, Need, OnBad, Repeats, Unlisted};
use crate::policy::signature::keyring::Owner;
use crate::policy::signature::mac::Method;
use crate::policy::signature::secret::Encoding;

const SECRETS: &str = "signatures: { secrets: [{ api_key: a1b2c3d, file: a }, { name: video, file: b }] }\n";
const NO_SECRET: &str = "no secret stands in this file: write it into a file of its own, and name that file here, as in { api_key: a1b2c3d, file: secrets/a1b2c3d }";

fn warnings(text: &str) -> Vec<String> {
    lines(&read(&format!("upstream: http://127.0.0.1:3000\n{text}")).unwrap().warnings)
}

fn needs(text: &str) -> Vec<Need> {
    good(text).routes.iter().map(|route| route.signature.need).collect()
}

#[test]
fn every_key_of_the_section_is_read() {
    let text = "signatures:\n  secrets:\n  - { api_key: a1b2c3d, file: secrets/a }\n  - { api_key: a1b2c3d, file: /run/old, \
                until: 2026-12-31 }\n  - { name: vcc, file: vcc.secret, encoding: base64 }\n  sms_method: sha512\n  \
                max_age: 5m\n  clock_skew: 0s\n  failure: forbid\n  repeats: answer\n  unlisted: deny\n\
                routes: [{ path: /a, signature: { secrets: [vcc] } }]\n";
    let seen = good(text).signatures;
    let times = (seen.max_age, seen.clock_skew);
    assert_eq!(times, (Duration::from_secs(300), Duration::ZERO));
    let words = (seen.sms_method, seen.failure, seen.repeats, seen.unlisted);
    assert_eq!(words, (Method::Sha512, OnBad::Forbid, Repeats::Answer, Unlisted::Deny));
    let [new, old, vcc] = seen.secrets.as_slice() else { panic!("{:?}", seen.secrets) };
    assert_eq!(
        (&new.owner, new.file.as_path()),
        (&Owner::Account("a1b2c3d".to_owned()), Path::new("/etc/gate/secrets/a"))
    );
    assert_eq!(
        (new.end(), new.encoding, new.at.as_str()),
        (None, Encoding::Text, "signatures.secrets[0].file")
    );
    // 2027-01-01T00:00:00Z: the whole of the last day counts.
    assert_eq!((old.end(), old.file.as_path()), (Some(1_798_761_600), Path::new("/run/old")));
    assert_eq!((&vcc.owner, vcc.encoding), (&Owner::Name("vcc".to_owned()), Encoding::Base64));
}

#[test]
fn a_route_asks_what_it_says_and_notes_where_a_secret_fits() {
    let routes = "routes:\n- { path: /a, webhook: messages-inbound }\n- { path: /b, webhook: number-insight }\n\
                  - { path: /c, webhook: sms-inbound, signature: require }\n- { path: /d, signature: off }\n\
                  - { path: /e, signature: { secrets: [video], applications: [aaaa-1] } }\n";
    let wanted = [Need::Note, Need::Off, Need::Require, Need::Off, Need::Note];
    assert_eq!(needs(&format!("{SECRETS}{routes}")), wanted);
    assert_eq!(needs("routes: [{ path: /a, webhook: verify }]"), [Need::Off]);
    assert_eq!(needs(""), [Need::Off]);
    assert_eq!(needs("routes: [{ path: /a, webhook: verify, signature: note }]"), [Need::Note]);
    assert_eq!(needs(SECRETS), [Need::Note], "the one route that is there without any");
    let named = "signatures: { secrets: [{ name: video, file: b }] }\nroutes: [{ path: /a }]";
    assert_eq!(needs(named), [Need::Off], "a secret with a name counts only where it is named");
    let all = good(&format!(
        "{SECRETS}routes: [{{ path: /a, signature: {{ need: require, secrets: [video, a1b2c3d], applications: [aaaa-1] }} }}]"
    ));
    let secrets = vec!["video".to_owned(), "a1b2c3d".to_owned()];
    let wanted = Demand { need: Need::Require, secrets, applications: vec!["aaaa-1".to_owned()] };
    assert_eq!(all.routes[0].signature, wanted);
}

#[test]
fn every_bad_value_of_signatures_is_reported() {
    rows(&[
        (
            "signatures: { sms_method: sha-256 }",
            "signatures.sms_method: unknown value \"sha-256\"; did you mean \"sha256\"? There are: md5hash, md5, sha1, sha256, sha512",
        ),
        (
            "signatures: { maxage: 5m }",
            "signatures.maxage: unknown key; did you mean \"max_age\"? There are: secrets, sms_method, max_age, clock_skew, failure, repeats, unlisted",
        ),
        ("signatures: { max_age: 25 }", "signatures.max_age: 25 has no unit; write 25s"),
        ("signatures: { max_age: 1s }", "signatures.max_age: 1s is not from 10s to 2592000s"),
        ("signatures: { clock_skew: 2h }", "signatures.clock_skew: 7200s is not from 0s to 3600s"),
        (
            "signatures: { failure: drop }",
            "signatures.failure: unknown value \"drop\"; there are: retry, forbid",
        ),
        (
            "signatures: { repeats: deny }",
            "signatures.repeats: unknown value \"deny\"; there are: forward, answer",
        ),
        (
            "signatures: { unlisted: hide }",
            "signatures.unlisted: unknown value \"hide\"; there are: retry, admit, deny",
        ),
        (
            "signatures: { secrets: [{ file: a }] }",
            "signatures.secrets[0]: needs `api_key`, the account whose secret it is, or `name`, by which routes name the secret",
        ),
        (
            "signatures: { secrets: [{ file: a, api_key: k, name: n }] }",
            "signatures.secrets[0].name: cannot be set together with `api_key`: a secret of an account counts on every route, one with a name on the routes that name it",
        ),
        (
            "signatures: { secrets: [{ api_key: a }] }",
            "signatures.secrets[0].file: missing; wanted the path of a file that holds the secret and nothing else",
        ),
        (
            "signatures: { secrets: [{ api_key: 12345678, file: a }] }",
            "signatures.secrets[0].api_key: is read as a number; write it in quotes",
        ),
        (
            "signatures: { secrets: [{ api_key: \"a b\", file: a }] }",
            "signatures.secrets[0].api_key: \"a b\" is not a word of letters, digits, '-', '_' and '.', at most 64",
        ),
        (
            "signatures: { secrets: [{ api_key: \"Z9secret4you8!!\", file: a }] }",
            "signatures.secrets[0].api_key: is longer than 12 characters: it wants the API key of the account, which has eight. If it is a secret, write that into a file of its own",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: b, until: next week }] }",
            "signatures.secrets[0].until: \"next week\" is not a date such as 2026-12-31",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: b, until: 2026-02-30 }] }",
            "signatures.secrets[0].until: \"2026-02-30\" is not a date such as 2026-12-31",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: b, encoding: hex }] }",
            "signatures.secrets[0].encoding: unknown value \"hex\"; did you mean \"text\"? There are: text, base64",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: b }, { api_key: a, file: ./b }] }",
            "signatures.secrets[1]: names the same file as signatures.secrets[0] for the same owner",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: b }, { name: a, file: c }] }",
            "signatures.secrets[1]: \"a\" is a `name` here and an `api_key` elsewhere, in signatures.secrets[0]",
        ),
        (
            "signatures: { secrets: [{ name: a, file: b }, { api_key: a, file: c }] }",
            "signatures.secrets[1]: \"a\" is an `api_key` here and a `name` elsewhere, in signatures.secrets[0]",
        ),
        (
            "signatures: { secrets: [{ api_key: a, file: \"${CREDENTIALS_DIRECTORY}/a\" }] }",
            "signatures.secrets[0].file: the variable CREDENTIALS_DIRECTORY is not set: systemd sets it for a service with LoadCredential=; by hand, set it to the folder of the service's credentials",
        ),
    ]);
    let many: String = (0..65).map(|n| format!("{{ api_key: k{n}, file: f{n} }},")).collect();
    let wanted = "signatures.secrets: has 65 secrets; at most 64 are allowed";
    rows(&[(&format!("signatures: {{ secrets: [{many}] }}"), wanted)]);
}

#[test]
fn every_bad_demand_of_a_route_is_reported() {
    rows(&[
        (
            "routes: [{ path: /a, signature: require }]",
            "routes[0].signature: require needs a secret in signatures.secrets",
        ),
        (
            "routes: [{ path: /a, signature: { need: require } }]",
            "routes[0].signature.need: require needs a secret in signatures.secrets",
        ),
        (
            "signatures: { secrets: [{ name: v, file: b }] }\nroutes: [{ path: /a, signature: require }]",
            "routes[0].signature: require needs a secret in signatures.secrets: those there have a `name`, so the route must list them, as in { need: require, secrets: [NAME] }",
        ),
        (
            "routes: [{ path: /a, signature: must }]",
            "routes[0].signature: unknown value \"must\"; there are: off, note, require",
        ),
        (
            "routes: [{ path: /a, signature: true }]",
            "routes[0].signature: found true, wanted off, note, require, or keys such as { need: require, secrets: [a1b2c3d] }",
        ),
        (
            "routes: [{ path: /a, signature: { secrets: [x] } }]",
            "routes[0].signature.secrets[0]: no secret named \"x\"; signatures.secrets has none",
        ),
        (
            "routes: [{ path: /a, signature: { secret: [x] } }]",
            "routes[0].signature.secret: unknown key; did you mean \"secrets\"? There are: need, secrets, applications",
        ),
        (
            "routes: [{ path: /a, signature: { applications: [] } }]",
            "routes[0].signature.applications: is empty; leave it out for any application",
        ),
        (
            "routes: [{ path: /a, signature: { applications: [b, b] } }]",
            "routes[0].signature.applications[1]: \"b\" is listed twice",
        ),
    ]);
    let also = |route: &str| with(&format!("{SECRETS}routes: [{{ path: /a, signature: {{ {route} }} }}]"));
    assert_eq!(
        also("secrets: [vidoe]"),
        [
            "routes[0].signature.secrets[0]: no secret named \"vidoe\" in signatures.secrets; there are: a1b2c3d, video (did you mean video?)"
        ]
    );
    assert_eq!(
        also("secrets: [video, video]"),
        ["routes[0].signature.secrets[1]: \"video\" is listed twice"]
    );
    assert_eq!(
        also("secrets: []"),
        ["routes[0].signature.secrets: is empty; leave it out for every secret with an api_key"]
    );
    let unsigned = "routes: [{ path: /a, webhook: number-insight, signature: require }]";
    assert_eq!(
        with(&format!("{SECRETS}{unsigned}")),
        ["routes[0].signature: require would refuse every request: number-insight webhooks are not signed"]
    );
}

/// Whatever stands in the place of a path may be the secret.
#[test]
fn a_secret_in_the_configuration_is_refused_and_not_repeated() {
    let itself = |count: usize| {
        format!(
            "signatures.secrets[0].file: looks like a secret itself ({count} characters), wanted the path of a file that holds the secret and nothing else; a file of such a name is written with its folder, as ./NAME"
        )
    };
    let short = "Zq8vKp2LwXt5RsYb";
    let long = "k3JdkQ0aPqs8vNnC7y2LwZt5RsYbXm4f1U6hGeTo";
    let odd = "p@ssw0rd";
    for (entry, wanted) in [
        (format!("{{ api_key: a, file: {short} }}"), itself(16)),
        (format!("{{ api_key: a, file: {long} }}"), itself(40)),
        (format!("{{ api_key: a, file: {odd} }}"), itself(8)),
        (format!("{{ api_key: a, secret: {short} }}"), format!("signatures.secrets[0].secret: {NO_SECRET}")),
        (format!("{{ api_key: a, value: {long} }}"), format!("signatures.secrets[0].value: {NO_SECRET}")),
        (short.to_owned(), format!("signatures.secrets[0]: {NO_SECRET}")),
    ] {
        let said = with(&format!("signatures: {{ secrets: [{entry}] }}"));
        assert_eq!(said, [wanted], "{entry}");
        assert!(!said[0].contains(short) && !said[0].contains(long) && !said[0].contains(odd), "{said:?}");
    }
    assert_eq!(
        with(&format!("signatures: {{ secrets: {short} }}")),
        [format!("signatures.secrets: {NO_SECRET}")]
    );
    for file in [
        "./Zq8vKp2LwXt5RsYb",
        "/run/secrets/k3JdkQ0aPqs8vNnC7y2LwZt5RsYbXm4f1U6hGeTo",
        "a1b2c3d",
        "vcc.secret",
    ] {
        good(&format!("signatures: {{ secrets: [{{ api_key: a, file: {file} }}] }}"));
    }
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let drop = "signatures.unlisted: has no effect with `deny: drop`: nothing that a stranger sends is read";
    assert_eq!(warnings("deny: drop\nsignatures: { unlisted: retry }"), [drop]);
    assert_eq!(warnings("deny: drop\nsignatures: { unlisted: deny }"), [drop]);
    assert_eq!(warnings("deny: drop\nsignatures: { max_age: 5m }"), [""; 0], "nobody asked for it");
    let sms =
        "routes: [{ path: /a, webhook: sms-inbound, signature: { secrets: [video], applications: [x] } }]";
    assert_eq!(
        warnings(&format!("{SECRETS}{sms}")),
        [
            "routes[0].signature.applications: refuses every message that is signed by the parameter `sig`, which names no application"
        ]
    );
    let unused = "signatures.secrets[1]: counts nowhere: no route has \"video\" in `signature.secrets`";
    assert_eq!(warnings(SECRETS), [unused]);
}

#[test]
fn a_route_that_requires_a_signature_and_can_be_avoided_is_a_warning() {
    let account = "signatures: { secrets: [{ api_key: a1b2c3d, file: a }] }\n";
    let with = |lax: &str, strict: &str| {
        let strict = format!("{{ path: {strict}, webhook: verify, signature: require }}");
        warnings(&format!("{account}routes: [{strict}, {{ path: {lax}, webhook: verify, signature: off }}]"))
    };
    let wanted = "routes[0].signature: require can be avoided: routes[1] (/w/*, signature: off) forwards /w/A and /w/a/ \
                  unsigned, and many applications take that for /w/a; let it require a signature too";
    assert_eq!(with("/w/*", "/w/a"), [wanted]);
    assert_eq!(with("/v/*", "/w/a"), [""; 0]);
    let strict = "{ path: /w/a, webhook: verify, signature: require }";
    let noted = warnings(&format!("{account}routes: [{strict}, {{ path: /w/*, webhook: verify }}]"));
    assert_eq!(noted, [wanted.replace("off", "note")]);
    let both = warnings(&format!(
        "{account}routes: [{strict}, {{ path: /w/*, webhook: verify, signature: require }}]"
    ));
    assert_eq!(both, [""; 0]);
}

#[test]
fn a_path_begins_in_the_folder_of_the_services_credentials() {
    let text = "upstream: http://127.0.0.1:3000\nsignatures: { secrets: [{ api_key: a, file: \"${CREDENTIALS_DIRECTORY}/a\" }, { api_key: a, file: \"x/${CREDENTIALS_DIRECTORY}/a\" }] }";
    let folder = Some("/run/credentials/gate.service".to_owned());
    let flags = Overrides { credentials: folder, ..Overrides::default() };
    let seen = parse(Some(text), &flags, Path::new(BASE)).map_err(|problems| lines(&problems));
    // Only at the beginning: nothing else is a variable.
    assert_eq!(seen.unwrap_err().len(), 1);
    let text = text.replace("x/${CREDENTIALS_DIRECTORY}/a", "b");
    let seen = parse(Some(&text), &flags, Path::new(BASE)).unwrap().config.signatures.secrets;
    let files: Vec<PathBuf> = seen.into_iter().map(|one| one.file).collect();
    assert_eq!(files, [Path::new("/run/credentials/gate.service/a"), Path::new("/etc/gate/b")]);
}
