//! The secrets that the command line names, each in a file of its own.
//!
//! Invariant: nothing of a secret is in an error or in a value that can be shown.

use std::path::{Path, PathBuf};

use crate::config::{CLOCK_SKEW, MAX_AGE, looks_like_secret};
use crate::files::file::ReadError;
use crate::files::secret::SecretContent;
use crate::policy::provider::DEFAULT;
use crate::policy::provider::signing::Signing;
use crate::policy::signature::keyring::{Entry, Keyring, Owner};
use crate::policy::signature::mac::Method;
use crate::policy::signature::rules::Rules;
use crate::policy::signature::secret::{Encoding, NoSecret, Secret};
use crate::state::secrets::MOST;

/// The name of secrets that are of no account.
const ANY: &str = "--secret-file";

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotGiven {
    /// A file cannot be read.
    #[error("--secret-file: {}: {error}", .path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ReadError,
    },
    /// There is no such file, and its name may be what should stand in it.
    #[error(
        "--secret-file: looks like a secret itself; it wants the path of a file that holds the secret and nothing else"
    )]
    Itself,
    /// A file holds something else.
    #[error("--secret-file: {}: {error}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: NoSecret,
    },
    /// The provider signs nothing.
    #[error("the provider does not sign its webhooks")]
    Unsigned,
}

/// The secrets, and what is asked of a signature that was made with one of them.
pub(super) struct Given {
    keyring: Keyring,
    files: Vec<PathBuf>,
    names: Vec<String>,
    signing: &'static Signing,
}

impl Given {
    /// Reads the files; the secrets are of this account, or of any.
    ///
    /// # Errors
    /// The first file that holds no secret.
    pub(super) fn read(files: &[PathBuf], api_key: Option<&str>) -> Result<Self, NotGiven> {
        let owner = match api_key {
            Some(key) => Owner::Account(key.to_owned()),
            None => Owner::Name(ANY.to_owned()),
        };
        let entry = |path: &PathBuf| {
            let owner = owner.clone();
            secret(path).map(|secret| Entry { owner, secret, until: None })
        };
        Ok(Self {
            keyring: Keyring::new(files.iter().map(entry).collect::<Result<_, _>>()?),
            files: files.to_vec(),
            names: if api_key.is_none() { vec![ANY.to_owned()] } else { Vec::new() },
            signing: DEFAULT.signing.as_ref().ok_or(NotGiven::Unsigned)?,
        })
    }

    /// What is asked of a signature, as where a configuration says nothing.
    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            keyring: &self.keyring,
            signing: self.signing,
            secrets: &self.names,
            applications: &[],
            max_age: MAX_AGE,
            clock_skew: CLOCK_SKEW,
            sms_method: Method::default(),
        }
    }

    /// The file of the secret at this place of the keyring.
    pub(super) fn secret(&self, place: usize) -> Option<String> {
        self.files.get(place).map(|file| file.display().to_string())
    }

    /// Whose secrets there are.
    pub(super) fn owners(&self) -> Vec<String> {
        let owner = |entry: &Entry| match &entry.owner {
            Owner::Account(key) => format!("api_key {key}"),
            Owner::Name(name) => name.clone(),
        };
        let mut owners: Vec<String> = self.keyring.entries().iter().map(owner).collect();
        owners.dedup();
        owners
    }
}

/// The secret in a file.
///
/// # Errors
/// It cannot be read, or holds something else.
pub(crate) fn secret(path: &Path) -> Result<Secret, NotGiven> {
    let seen = SecretContent::at(path, MOST);
    let content = seen.content.map_err(|error| match path.to_str() {
        Some(text) if looks_like_secret(text) => NotGiven::Itself,
        _ => NotGiven::Unread { path: path.to_owned(), error },
    })?;
    Secret::read(content.bytes(), Encoding::Text)
        .map_err(|error| NotGiven::Content { path: path.to_owned(), error })
}
