//! Advice to the operator that depends on the provider's rules.
//!
//! A provider gives the clauses. The rest of each sentence is here or at the place of use.

/// A provider's clauses: what its senders do, and what the operator can do about it.
#[derive(Debug)]
pub struct Advice {
    /// The application redirected.
    pub redirect: &'static str,
    /// The application answered with a status that is no success; follows the status in the sentence.
    pub status: &'static str,
    /// A listener's certificate is self-signed.
    pub self_signed: &'static str,
    /// A listener's certificate comes without the certificate of its issuer.
    pub incomplete_chain: &'static str,
    /// A sender without a certificate is refused: which senders have one.
    pub client_certificate: &'static str,
}

impl Advice {
    /// The advice about an answer that redirects to this location.
    #[must_use]
    pub fn on_redirect(&self, location: &[u8]) -> String {
        format!("the application redirected to {:?}; {}", String::from_utf8_lossy(location), self.redirect)
    }

    /// The advice about a status that is no success.
    #[must_use]
    pub fn on_status(&self, status: u16) -> String {
        format!("{status} {}", self.status)
    }
}
