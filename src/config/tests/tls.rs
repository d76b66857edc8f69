//! `listen[].tls` and `listen[].acme_challenges`.

use crate::config::tests::*;
use std::path::PathBuf;

use crate::policy::client::original::Scheme;

fn listen(entry: &str) -> Config {
    good(&format!("listen: [{{ address: \"0.0.0.0:443\", {entry} }}]"))
}

fn refused(entry: &str) -> Vec<String> {
    with(&format!("listen: [{{ address: \"0.0.0.0:443\", {entry} }}]"))
}

fn pair(at: &str, certificate: &str, key: &str) -> CertificateFiles {
    CertificateFiles { at: at.to_owned(), certificate: certificate.into(), key: key.into() }
}

#[test]
fn one_certificate_is_two_keys_and_the_rest_has_defaults() {
    let seen = listen("tls: { certificate: live/fullchain.pem, key: /etc/ssl/key.pem }").listen;
    let wanted = Tls {
        certificates: vec![pair("listen[0].tls", "/etc/gate/live/fullchain.pem", "/etc/ssl/key.pem")],
        min_version: TlsVersion::V12,
        client_auth: None,
    };
    assert_eq!(seen[0].tls, Some(wanted));
    assert_eq!(listen("tls: false").listen[0].tls, None);
}

#[test]
fn several_certificates_are_a_list_in_order() {
    let text = "tls: { certificates: [{ certificate: a, key: b }, { certificate: c, key: d }], min_version: 1.3, \
                client_ca: ca.pem, client_auth: optional }, acme_challenges: acme";
    let seen = &listen(text).listen[0];
    let wanted = Tls {
        certificates: vec![
            pair("listen[0].tls.certificates[0]", "/etc/gate/a", "/etc/gate/b"),
            pair("listen[0].tls.certificates[1]", "/etc/gate/c", "/etc/gate/d"),
        ],
        min_version: TlsVersion::V13,
        client_auth: Some(ClientAuth { ca: "/etc/gate/ca.pem".into(), required: false }),
    };
    assert_eq!(seen.tls.as_ref(), Some(&wanted));
    assert_eq!(seen.acme_challenges, Some(PathBuf::from("/etc/gate/acme")));
    for version in ["1.2", "\"1.2\""] {
        let text = format!("tls: {{ certificate: a, key: b, min_version: {version} }}");
        assert_eq!(listen(&text).listen[0].tls.as_ref().unwrap().min_version, TlsVersion::V12);
    }
}

#[test]
fn a_client_ca_is_required_and_its_effect_is_a_warning() {
    let text = "upstream: http://127.0.0.1:3000\nlisten: [{ address: \"0.0.0.0:443\", tls: { certificate: a, key: b, client_ca: c } }]";
    let seen = read(text).unwrap();
    let auth = seen.config.listen[0].tls.as_ref().unwrap().client_auth.as_ref().unwrap();
    assert!(auth.required);
    assert_eq!(
        lines(&seen.warnings),
        [
            "listen[0].tls.client_ca: a sender without a certificate is refused, and Vonage is known to present one for Video only; use `client_auth: optional` to accept such senders"
        ]
    );
}

#[test]
fn every_problem_of_tls_is_reported_at_once() {
    let keys = "keys such as { certificate: fullchain.pem, key: privkey.pem }";
    let certificate = "the path of a PEM file with the certificate and its chain";
    for (entry, wanted) in [
        ("tls:", vec![format!("listen[0].tls: is empty, wanted {keys}")]),
        ("tls: true", vec![format!("listen[0].tls: found true, wanted {keys}")]),
        (
            "tls: {}",
            vec![
                format!("listen[0].tls.certificate: missing; wanted {certificate}"),
                "listen[0].tls.key: missing; wanted the path of a PEM file with the private key".to_owned(),
            ],
        ),
        ("tls: { certificates: [] }", vec!["listen[0].tls.certificates: is empty; TLS needs a certificate".to_owned()]),
        (
            "tls: { certificate: a, certificates: [{ certificate: a, key: b }, { key: b }, 7] }",
            vec![
                "listen[0].tls.certificate: cannot be set together with `certificates`; make it an entry of that list".to_owned(),
                format!("listen[0].tls.certificates[1].certificate: missing; wanted {certificate}"),
                format!("listen[0].tls.certificates[2]: found the number 7, wanted {keys}"),
            ],
        ),
        (
            "tls: { certificate: a, key: b, min_version: tls13 }",
            vec!["listen[0].tls.min_version: \"tls13\" is not \"1.2\" or \"1.3\"".to_owned()],
        ),
        (
            "tls: { certificate: a, key: b, client_auth: optional }",
            vec![
                "listen[0].tls.client_auth: needs `client_ca`: the certificates that may sign a sender's".to_owned(),
            ],
        ),
        (
            "tls: { certificate: a, key: b, client_ca: c, client_auth: always }",
            vec![
                "listen[0].tls.client_auth: unknown value \"always\"; there are: optional, required".to_owned(),
            ],
        ),
        (
            "tls: { certificate: a, key: b, chain: c }",
            vec![
                "listen[0].tls.chain: unknown key; there are: certificate, key, certificates, min_version, client_ca, client_auth".to_owned(),
            ],
        ),
        ("acme_challenges: 7", vec!["listen[0].acme_challenges: found the number 7, wanted the path of a folder".to_owned()]),
    ] {
        assert_eq!(refused(entry), wanted, "{entry}");
    }
}

#[test]
fn acme_challenges_conflict_with_deny_drop() {
    assert_eq!(
        with("deny: drop\nlisten: [\"0.0.0.0:443\", { address: \"0.0.0.0:80\", acme_challenges: acme }]"),
        [
            "listen[1].acme_challenges: with `deny: drop` the connection of a stranger is closed without an answer, so the certificate authority gets none; use another `deny`, or prove the name by DNS"
        ]
    );
}

#[test]
fn the_scheme_in_front_is_said_where_the_listener_has_no_tls() {
    assert_eq!(listen("scheme: https").listen[0].scheme, Scheme::Https);
    assert_eq!(listen("scheme: http, tls: false").listen[0].scheme, Scheme::Http);
    assert_eq!(listen("http2: true").listen[0].scheme, Scheme::Http);
    assert_eq!(
        refused("scheme: https, tls: { certificate: a, key: b }"),
        [
            "listen[0].scheme: says how senders reach a proxy in front, and this listener has tls itself; remove it"
        ]
    );
    assert_eq!(refused("scheme: wss"), ["listen[0].scheme: unknown value \"wss\"; there are: http, https"]);
}
