//! Why a signature is not good.
//!
//! Invariant: a fault holds no part of the request but the name of a claim that is known here, so that it can be shown
//! to anybody.

use thiserror::Error;

use crate::policy::signature::finding::{Finding, Step};
use crate::policy::signature::text::{json, pairs};

/// The longest token that is read. Its claims are three quarters of that at most.
pub(crate) const MAX_TOKEN: usize = 4096;

/// Which part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
    /// The third.
    Signature,
}

/// Why a signature is not good.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// The request has no token and no parameter `sig`.
    #[error("the request is not signed")]
    Unsigned,
    /// Two header lines can hold a token.
    #[error("there are two header lines that can hold a token, or one of them twice")]
    TwoTokens,
    /// The token is longer than is read.
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// The token does not have three parts.
    #[error("the token does not have three parts")]
    Parts,
    /// A part of the token is not strictly base64url.
    #[error("the token's {} is not base64url without padding", .0.word())]
    Encoding(Part),
    /// A part of the token is not strictly JSON.
    #[error("the token's {} {1}", .0.word())]
    Json(Part, json::Malformed),
    /// The token's algorithm is not HS256.
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    /// The token's header asks for what is not understood.
    #[error("the token's header asks for an extension")]
    Extension,
    /// A claim is not there, or not of its type.
    #[error("the token's claim {0} is missing or not of its type")]
    Claim(&'static str),
    /// The parameters cannot be read.
    #[error("{0}")]
    Parameters(pairs::Unreadable),
    /// Both the query and the body have parameters.
    #[error("there are parameters in the query and in the body")]
    TwoPlaces,
    /// The body is neither a form nor JSON, so it has no parameters.
    #[error("the body is neither a form nor JSON by its Content-Type, so it has no parameter sig")]
    MediaType,
    /// More than one line may say how the body is to be read.
    #[error("there is more than one Content-Type")]
    TwoTypes,
    /// The Content-Type may name another character set than UTF-8.
    #[error("the Content-Type may name another character set than utf-8, or has something else behind it")]
    Charset,
    /// A key has `&` or `=` in it, which signers treat differently.
    #[error("a parameter's name has & or = in it")]
    Key,
    /// The parameter `timestamp` is not there, or no number.
    #[error("the parameter timestamp is missing or no number of seconds")]
    Timestamp,
    /// The issuer is another.
    #[error("the token's issuer is another")]
    Issuer,
    /// There is no secret of this account, or none of the name that the route asks for.
    #[error("there is no secret for the account that it names, or it names none")]
    UnknownKey,
    /// All secrets of the account have passed their `until`.
    #[error("every secret for the account has passed its `until`")]
    NoSecretLeft,
    /// It was made with a secret that has passed its `until`.
    #[error("it was made with a secret that has passed its `until`")]
    ExpiredSecret,
    /// It was made with none of the secrets, or the signed text was changed.
    #[error("it was made with none of the account's secrets, or what it covers was changed")]
    WrongMac,
    /// It is older than signatures may be.
    #[error("it is older than `max_age`")]
    TooOld,
    /// It lies in the future.
    #[error("it lies further in the future than `clock_skew`")]
    InFuture,
    /// The token has passed its own end.
    #[error("the token has expired")]
    Expired,
    /// The token is for none of the route's applications.
    #[error("the token is for none of the route's applications")]
    Application,
    /// Parameters name no application, and the route is for some.
    #[error("a signature by parameters names no application, and the route has `applications`")]
    NoApplication,
    /// The token has no hash of a body or query.
    #[error("the token has no payload_hash")]
    NoPayloadHash,
    /// The token was made for another body or query.
    #[error("the token was made for another body or query")]
    Payload,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        }
    }
}

impl Fault {
    /// What it is called in the log and the metrics.
    #[must_use]
    pub fn finding(self) -> Finding {
        match self {
            Self::Unsigned | Self::MediaType => Finding::Unsigned,
            Self::UnknownKey | Self::NoSecretLeft | Self::ExpiredSecret => Finding::UnknownKey,
            Self::WrongMac | Self::Algorithm | Self::Issuer | Self::Application | Self::NoApplication => {
                Finding::Bad
            }
            Self::TooOld | Self::InFuture | Self::Expired => Finding::Stale,
            Self::NoPayloadHash | Self::Payload => Finding::Mismatch,
            _ => Finding::Malformed,
        }
    }

    /// The step that it is in.
    #[must_use]
    pub fn step(self) -> Step {
        match self {
            Self::Unsigned | Self::MediaType => Step::Found,
            Self::TwoTokens | Self::TooLong | Self::Parts => Step::Form,
            Self::Algorithm | Self::Extension => Step::Header,
            Self::Encoding(part) | Self::Json(part, _) => match part {
                // The signature is decoded with the header, before the claims.
                Part::Header | Part::Signature => Step::Header,
                Part::Claims => Step::Claims,
            },
            Self::Claim(_) => Step::Claims,
            Self::Parameters(_) | Self::TwoPlaces | Self::TwoTypes | Self::Charset | Self::Key => {
                Step::Parameters
            }
            Self::Issuer => Step::Issuer,
            Self::UnknownKey | Self::NoSecretLeft => Step::Secret,
            Self::ExpiredSecret | Self::WrongMac => Step::Mac,
            Self::TooOld | Self::InFuture | Self::Expired | Self::Timestamp => Step::Age,
            Self::Application | Self::NoApplication => Step::Application,
            Self::NoPayloadHash | Self::Payload => Step::Payload,
        }
    }
}
