//! How a provider signs its webhooks: who it says it is, and where a signature is looked for.

/// What a provider's signatures have of its own.
#[derive(Debug)]
pub struct Signing {
    /// The issuer that its tokens name.
    pub issuer: &'static str,
    /// The header lines that may hold a token, in the order in which they are looked at.
    pub carriers: &'static [Carrier],
    /// The parameters of a signed message that name the account; the first that is there counts.
    pub account: &'static [&'static str],
    /// The parameters that a signed message may have without a value. Some signers leave them out of what they sign.
    pub optional: &'static [&'static str],
    /// Where the values come from.
    pub source: &'static str,
}

/// A header line that may hold a token.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// Its name, in lower case.
    pub header: &'static str,
    /// Whether it is looked at only for routes that name their secrets.
    pub named: bool,
}

/// How the webhooks of a kind are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// With a token in the head.
    Token,
    /// With a parameter, or with a token where there is one.
    Parameter,
    /// Not at all.
    Never,
}
