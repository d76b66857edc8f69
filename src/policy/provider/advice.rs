//! What an operator is told to mend, where a provider's own rules are the reason.
//!
//! A provider gives the clauses. The rest of each sentence is here, or where the program says it.

/// A provider's clauses: what the sender does, and what to do about it.
#[derive(Debug)]
pub struct Advice {
    /// The application redirected.
    pub redirect: &'static str,
    /// The application answered with a status that is no success; stands after the status.
    pub status: &'static str,
    /// A listener's certificate is self-signed.
    pub self_signed: &'static str,
    /// A listener's certificate comes without that of its issuer.
    pub incomplete_chain: &'static str,
    /// A sender without a certificate is turned away: which of them have one.
    pub client_certificate: &'static str,
}

impl Advice {
    /// About an answer that redirects, with where to.
    #[must_use]
    pub fn on_redirect(&self, location: &[u8]) -> String {
        format!("the application redirected to {:?}; {}", String::from_utf8_lossy(location), self.redirect)
    }

    /// About a status that is no success.
    #[must_use]
    pub fn on_status(&self, status: u16) -> String {
        format!("{status} {}", self.status)
    }
}
