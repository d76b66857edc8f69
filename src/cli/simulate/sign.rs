//! How messages are signed, by what the command line says: rightly, wrongly, or not at all.
//!
//! Invariant: a secret comes from a file only, and is told to nobody.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cli::signature::given::{NotGiven, secret};
use crate::cli::webhooks::samples::Sample;
use crate::cli::webhooks::signer::{self, ACCOUNT, Signer, Unsignable, Way};
use crate::policy::provider::Webhook;
use crate::policy::signature::mac::Method;

/// Older than a gate takes by default, which is a day and an hour.
const STALE: u64 = 7 * 24 * 3600;

/// How a message is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// With a token.
    Token,
    /// With parameters.
    Parameters(Method),
    /// Not at all.
    Not,
    /// With another secret.
    Wrong,
    /// A week ago.
    Stale,
    /// Rightly, and then the message was changed.
    OtherBody,
}

/// A word that names no way to sign.
#[derive(Debug, thiserror::Error)]
#[error("wants jwt, sig:METHOD (md5hash, md5, sha1, sha256, sha512), none, wrong, stale or other-body")]
pub(super) struct NoSign;

impl FromStr for Sign {
    type Err = NoSign;

    fn from_str(text: &str) -> Result<Self, NoSign> {
        let method = |word: &str| Method::ALL.into_iter().find(|method| method.word() == word).ok_or(NoSign);
        match text {
            "jwt" => Ok(Self::Token),
            "none" => Ok(Self::Not),
            "wrong" => Ok(Self::Wrong),
            "stale" => Ok(Self::Stale),
            "other-body" => Ok(Self::OtherBody),
            _ => text.strip_prefix("sig:").ok_or(NoSign).and_then(method).map(Self::Parameters),
        }
    }
}

/// Why there is nobody who signs.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSigner {
    /// There is no secret.
    #[error("--sign {0} needs --secret-file FILE, with the signature secret of the account")]
    NoSecret(&'static str),
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] NotGiven),
    /// Nothing can be signed.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
}

/// Whoever signs all messages of a run.
pub(super) struct Signing {
    sign: Option<Sign>,
    own: Option<(Signer, PathBuf)>,
    other: Signer,
}

impl Signing {
    /// From the command line. Without `sign` whatever the vendor signs is signed, if there is a secret.
    ///
    /// # Errors
    /// There is no secret where one is needed, or it cannot be read.
    pub(super) fn new(
        sign: Option<Sign>,
        file: Option<&Path>,
        account: Option<&str>,
    ) -> Result<Self, NoSigner> {
        let account = account.unwrap_or(ACCOUNT);
        let needs = match sign {
            Some(Sign::Token) => Some("jwt"),
            Some(Sign::Parameters(_)) => Some("sig"),
            Some(Sign::Stale) => Some("stale"),
            Some(Sign::OtherBody) => Some("other-body"),
            None | Some(Sign::Not | Sign::Wrong) => None,
        };
        let own = match (file, needs) {
            (Some(file), _) => Some((Signer::of(secret(file)?, account), file.to_owned())),
            (None, Some(word)) => return Err(NoSigner::NoSecret(word)),
            (None, None) => None,
        };
        Ok(Self { sign, own, other: Signer::random(account)? })
    }

    /// The message as it is sent, and how it is signed in words.
    ///
    /// # Errors
    /// Its parameters cannot be read.
    pub(super) fn sign(&self, message: &Sample) -> Result<(Sample, String), Unsignable> {
        let unsigned = |why: &str| Ok((message.clone(), why.to_owned()));
        let vendor = Way::of(message.webhook);
        let way = match self.sign {
            Some(Sign::Not) => return unsigned("not signed"),
            None if self.own.is_none() => return unsigned("not signed: no --secret-file"),
            Some(Sign::Token) => Some(Way::Token),
            Some(Sign::Parameters(method)) => Some(Way::Parameters(method)),
            _ => vendor,
        };
        let Some(way) = way else { return unsigned("not signed: the vendor never signs it") };
        let (by, whose) = match (&self.own, self.sign) {
            (_, Some(Sign::Wrong)) | (None, _) => (&self.other, "a secret that nobody has".to_owned()),
            (Some((signer, file)), _) => (signer, format!("the secret in {}", file.display())),
        };
        let at = if self.sign == Some(Sign::Stale) { signer::now() - STALE } else { signer::now() };
        let mut signed = by.sign_so(message, way, at)?;
        let mut told = format!("signed with {}, with {whose}", word(way));
        match self.sign {
            Some(Sign::Stale) => told.push_str(", a week ago"),
            Some(Sign::OtherBody) => {
                signed = signer::changed(&signed);
                told.push_str(", and changed afterwards");
            }
            _ => {}
        }
        Ok((signed, told))
    }

    /// Whether a message of this kind is signed so that it must be refused.
    pub(super) fn is_forged(&self, webhook: Webhook) -> bool {
        matches!(self.sign, Some(Sign::Wrong | Sign::Stale | Sign::OtherBody)) && Way::of(webhook).is_some()
    }
}

fn word(way: Way) -> String {
    match way {
        Way::Token => "jwt".to_owned(),
        Way::Parameters(method) => format!("sig:{}", method.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_sign_has_a_word() {
        for (text, wanted) in [
            ("jwt", Sign::Token),
            ("sig:md5hash", Sign::Parameters(Method::Md5Hash)),
            ("sig:sha512", Sign::Parameters(Method::Sha512)),
            ("none", Sign::Not),
            ("wrong", Sign::Wrong),
            ("stale", Sign::Stale),
            ("other-body", Sign::OtherBody),
        ] {
            assert_eq!(text.parse::<Sign>().ok(), Some(wanted), "{text}");
        }
        for bad in ["", "sig", "sig:", "sig:md4", "JWT", "jwt "] {
            assert!(bad.parse::<Sign>().is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_secret_only_what_needs_none_is_signed() {
        let new = |sign| Signing::new(sign, None, None);
        for sign in [None, Some(Sign::Not), Some(Sign::Wrong)] {
            assert!(new(sign).is_ok(), "{sign:?}");
        }
        for sign in [Sign::Token, Sign::Stale, Sign::OtherBody, Sign::Parameters(Method::Md5)] {
            assert!(matches!(new(Some(sign)), Err(NoSigner::NoSecret(_))), "{sign:?}");
        }
    }
}
