//! Whether each certificate of a file is signed by the next one.
//!
//! A sender has only the roots: the certificates between them and the server's own must come with it. Some
//! providers do not retry a webhook that failed for this; their advice says so.

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;

use crate::policy::provider::advice::Advice;
use crate::state::tls::subject;

/// The flaws of a chain as text; the server's certificate comes first in it.
pub(crate) fn flaws(chain: &[X509Certificate<'_>], advice: &Advice) -> Vec<String> {
    let Some((leaf, others)) = chain.split_first() else { return Vec::new() };
    if signed_by(leaf, leaf) {
        let superfluous = if others.is_empty() { "" } else { ", and the certificates after it are not used" };
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
            // The names match, and this kind of signature cannot be checked here.
            Err(error) => error == X509Error::SignatureUnsupportedAlgorithm,
        }
}
