//! What became of a request's signature, as the log and the metrics call it, and the steps by which it was found.
//!
//! Invariant: the steps of a scheme are always taken in the order of [`Step::of`], and the first that fails ends the
//! judgement. So the step of a fault says which steps were good: all before it.

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By a token in its head.
    Token,
    /// By a parameter.
    Parameter,
}

/// What became of a signature, as the log and the metrics call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// It is good, and covers the body or the query.
    Valid,
    /// It is good, and covers the head only: the token's hash is that of nothing.
    ValidHead,
    /// There is none.
    Unsigned,
    /// There is no secret for the account that it names.
    UnknownKey,
    /// It was not made with a secret that counts, or not by whom it should be.
    Bad,
    /// It is too old, or in the future.
    Stale,
    /// It is good, and was made for another body or query.
    Mismatch,
    /// It cannot be read, or could be read in two ways.
    Malformed,
}

/// A step of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The request holds a signature.
    Found,
    /// The token has its three parts, and is not too long.
    Form,
    /// The token's header asks for HS256 and for nothing else.
    Header,
    /// The token's claims are there and can be read.
    Claims,
    /// The parameters can be read.
    Parameters,
    /// The token names the provider as its issuer.
    Issuer,
    /// There is a secret for the account.
    Secret,
    /// The MAC was made with it.
    Mac,
    /// It is neither too old nor in the future.
    Age,
    /// It is for one of the route's applications.
    Application,
    /// It is for this body or query.
    Payload,
}

impl Finding {
    /// Every finding, in the order of declaration: `ALL[f as usize] == f`.
    pub const ALL: [Self; 8] = [
        Self::Valid,
        Self::ValidHead,
        Self::Unsigned,
        Self::UnknownKey,
        Self::Bad,
        Self::Stale,
        Self::Mismatch,
        Self::Malformed,
    ];

    /// Whether the signature was made with the right secret and for this message, or for a head that has no other.
    #[must_use]
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Valid | Self::ValidHead)
    }

    /// Its name in the log and the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ValidHead => "valid_head",
            Self::Unsigned => "unsigned",
            Self::UnknownKey => "unknown_key",
            Self::Bad => "bad",
            Self::Stale => "stale",
            Self::Mismatch => "mismatch",
            Self::Malformed => "malformed",
        }
    }
}

impl Scheme {
    /// Its name in the log and the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "jwt",
            Self::Parameter => "sig",
        }
    }
}

impl Step {
    /// The steps of a scheme, in their order.
    #[must_use]
    pub fn of(scheme: Scheme) -> &'static [Self] {
        match scheme {
            Scheme::Token => &[
                Self::Found,
                Self::Form,
                Self::Header,
                Self::Claims,
                Self::Issuer,
                Self::Secret,
                Self::Mac,
                Self::Age,
                Self::Application,
                Self::Payload,
            ],
            Scheme::Parameter => {
                &[Self::Found, Self::Parameters, Self::Application, Self::Secret, Self::Mac, Self::Age]
            }
        }
    }

    /// What it asks, for people.
    #[must_use]
    pub fn question(self) -> &'static str {
        match self {
            Self::Found => "the request holds a signature",
            Self::Form => "the token has its form",
            Self::Header => "the token's header asks for HS256 and for nothing else",
            Self::Claims => "the token's claims can be read",
            Self::Parameters => "the parameters can be read",
            Self::Issuer => "the token names the provider as its issuer",
            Self::Secret => "there is a secret for the account",
            Self::Mac => "the signature was made with it",
            Self::Age => "the signature is neither too old nor in the future",
            Self::Application => "it is for one of the route's applications",
            Self::Payload => "the token is for this body or query",
        }
    }
}
