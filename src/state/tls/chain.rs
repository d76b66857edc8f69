//! Whether the certificates of a file vouch for each other, from the first one on.
//!
//! A sender has the roots and nothing else: what lies between them and the certificate must come with
//! it. Some providers do not retry what failed for this: their advice says so.

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;

use crate::policy::provider::advice::Advice;
use crate::state::tls::subject;

/// What is odd about a chain, in words; the certificate itself comes first in it.
pub(crate) fn flaws(chain: &[X509Certificate<'_>], advice: &Advice) -> Vec<String> {
    let Some((leaf, others)) = chain.split_first() else { return Vec::new() };
    if signed_by(leaf, leaf) {
        let superfluous =
            if others.is_empty() { "" } else { ", and the certificates after it vouch for nothing" };
        return vec![format!("is self-signed{superfluous}; {}", advice.self_signed)];
    }
    let Some(next) = others.first() else { return vec![missing(leaf, advice)] };
    let mut flaws = Vec::new();
    if !signed_by(leaf, next) {
        flaws.push(missing(leaf, advice));
    }
    for (place, pair) in (2..).zip(others.windows(2)) {
        if !signed_by(&pair[0], &pair[1]) {
            flaws.push(format!(
                "certificate {} of {} did not sign the one before it",
                place + 1,
                chain.len()
            ));
        }
    }
    flaws
}

fn missing(leaf: &X509Certificate<'_>, advice: &Advice) -> String {
    format!(
        "the certificate of its issuer ({}) does not follow it; a sender that has only the roots cannot verify it, and \
         {}: use the whole chain (fullchain.pem)",
        subject::text(leaf.issuer()),
        advice.incomplete_chain
    )
}

fn signed_by(one: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    one.issuer().as_raw() == issuer.subject().as_raw()
        && match one.verify_signature(Some(issuer.public_key())) {
            Ok(()) => true,
            // The names fit, and the rest cannot be judged here.
            Err(error) => error == X509Error::SignatureUnsupportedAlgorithm,
        }
}
