//! What is asked of signatures: where the secrets are, and what becomes of a request by its signature.

use std::path::PathBuf;
use std::time::Duration;

use crate::policy::address::range_list::Day;
use crate::policy::demand::{OnBad, Repeats, Unlisted};
use crate::policy::signature::keyring::Owner;
use crate::policy::signature::mac::Method;
use crate::policy::signature::secret::Encoding;

/// The settings of all signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// The secrets, in the order of the file.
    pub secrets: Vec<SecretFile>,
    /// How parameters are signed.
    pub sms_method: Method,
    /// The oldest signature that counts.
    pub max_age: Duration,
    /// How far a signature may lie in the future.
    pub clock_skew: Duration,
    /// The answer to a listed sender whose signature is bad.
    pub failure: OnBad,
    /// What becomes of a message that was delivered already.
    pub repeats: Repeats,
    /// What becomes of a client that no list holds and whose signature is good.
    pub unlisted: Unlisted,
}

/// One secret: whose it is, and the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The key path of its file.
    pub at: String,
    /// Whose it is.
    pub owner: Owner,
    /// The file that holds the secret and nothing else.
    pub file: PathBuf,
    /// The last day on which it counts, in UTC.
    pub until: Option<Day>,
    /// How the file is written.
    pub encoding: Encoding,
}

impl SecretFile {
    /// The first second in which it does not count, in Unix seconds.
    #[must_use]
    pub(crate) fn end(&self) -> Option<u64> {
        let days = u64::try_from(self.until?.days_since_epoch()).unwrap_or(0);
        Some((days + 1) * 86_400)
    }
}
