//! `listen[].tls`: the certificates of a listener, and the client certificates that it asks for.

use serde_yaml::Value;

use crate::config::model::{CertificateFiles, ClientAuth, Tls, TlsVersion};
use crate::config::read::node::Node;
use crate::config::read::section::Section;
use crate::config::read::units::quote;

const WANTED: &str = "keys such as { certificate: fullchain.pem, key: privkey.pem }";
const CERTIFICATE: &str = "the path of a PEM file with the certificate and its chain";
const KEY: &str = "the path of a PEM file with the private key";

/// Reads `tls`. An empty mapping is a problem, because it must not make a listener without TLS.
pub(crate) fn tls(node: &Node) -> Option<Tls> {
    if *node.value == Value::Bool(false) {
        return None;
    }
    let section = node.section(WANTED)?;
    let certificates = certificates(&section, &node.path);
    let min_version = section.get("min_version").and_then(|node| version(&node)).unwrap_or_default();
    let client_auth = client_auth(&section);
    Some(Tls { certificates: certificates?, min_version, client_auth })
}

/// One pair in `tls` itself, or several under `certificates`.
fn certificates(section: &Section, at: &str) -> Option<Vec<CertificateFiles>> {
    let Some(several) = section.get("certificates") else { return Some(vec![files(section, at)?]) };
    for key in ["certificate", "key"] {
        if section.get(key).is_some() {
            section.problem(key, "cannot be set together with `certificates`; make it an entry of that list");
        }
    }
    let entries = several.list("a list such as [{ certificate: fullchain.pem, key: privkey.pem }]")?;
    if entries.is_empty() {
        return several.problem("is empty; TLS needs a certificate");
    }
    // Read each entry, so that the problems of all are reported.
    let read: Vec<Option<CertificateFiles>> =
        entries.iter().map(|entry| files(&entry.section(WANTED)?, &entry.path)).collect();
    read.into_iter().collect()
}

fn files(section: &Section, at: &str) -> Option<CertificateFiles> {
    let file = |key: &str, wanted: &str| {
        let node = section.get(key);
        if node.is_none() {
            section.problem(key, format!("missing; wanted {wanted}"));
        }
        node?.file(wanted)
    };
    let (certificate, key) = (file("certificate", CERTIFICATE), file("key", KEY));
    Some(CertificateFiles { at: at.to_owned(), certificate: certificate?, key: key? })
}

/// YAML reads `1.2` without quotes as a number; it is accepted too.
fn version(node: &Node) -> Option<TlsVersion> {
    let text = match node.value {
        Value::Number(number) => number.to_string(),
        _ => node.text("\"1.2\" or \"1.3\"")?.to_owned(),
    };
    match text.as_str() {
        "1.2" => Some(TlsVersion::V12),
        "1.3" => Some(TlsVersion::V13),
        "1" | "1.0" | "1.1" => node.problem(format!("TLS {text} is not safe and not served; write \"1.2\"")),
        other => node.problem(format!("{} is not \"1.2\" or \"1.3\"", quote(other))),
    }
}

fn client_auth(section: &Section) -> Option<ClientAuth> {
    let words = [("optional", false), ("required", true)];
    let how = section.get("client_auth");
    // `client_ca` alone means `required`.
    let required = how.as_ref().map_or(Some(true), |how| how.choice(&words, &[]));
    let Some(node) = section.get("client_ca") else {
        if let Some(how) = how {
            how.problem::<()>("needs `client_ca`: the certificates that may sign a sender's");
        }
        return None;
    };
    let ca = node.file("the path of a PEM file with the certificates that may sign a sender's");
    if required == Some(true) {
        let known = section.source().provider.advice.client_certificate;
        node.warning(format!(
            "a sender without a certificate is refused, and {known}; use `client_auth: optional` to accept such senders"
        ));
    }
    Some(ClientAuth { ca: ca?, required: required? })
}
