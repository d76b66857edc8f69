//! All secrets, and whose they are.
//!
//! An account or a name may have several secrets at once, so that one can follow another: all of them count, each until
//! its end. Invariant: all secrets that are asked for are given, also those that count no more. `Rules::signer` in
//! `rules.rs` tries every one of them, so the time that a judgement takes does not tell which one fits.

use crate::policy::signature::secret::Secret;

/// Whose a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Of the account with this API key. It counts on every route that names no secrets, and on those that name this account.
    Account(String),
    /// Of something else, by the operator's name for it: it counts on the routes that name it.
    Name(String),
}

impl Owner {
    /// The API key of an account.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account(key) => Some(key),
            Self::Name(_) => None,
        }
    }

    /// The API key or the name.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Account(word) | Self::Name(word) => word,
        }
    }
}

/// A secret in the keyring.
#[derive(Debug)]
pub struct Entry {
    /// Whose it is.
    pub owner: Owner,
    /// The secret.
    pub secret: Secret,
    /// The first second, in Unix time, at which it counts no more.
    pub until: Option<u64>,
}

/// The secrets that are tried for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked<'r> {
    /// The secrets that the route names. If the request names an account, the secrets of other accounts are left out.
    Names(&'r [String], Option<&'r [u8]>),
    /// Those of one account.
    Account(&'r [u8]),
    /// Those of all accounts, for a request that names none.
    AnyAccount,
}

/// All secrets. An entry's place is its number in the log and the metrics.
#[derive(Debug, Default)]
pub struct Keyring {
    entries: Vec<Entry>,
}

impl Entry {
    /// Whether it counts at this time.
    pub(crate) fn counts(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Keyring {
    /// The secrets in the order of the configuration.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The entries in the order of the configuration.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The secrets that are asked for, with their places.
    pub(crate) fn of(&self, asked: Asked<'_>) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| match (&entry.owner, asked) {
            (Owner::Name(name), Asked::Names(names, _)) => names.contains(name),
            (Owner::Account(account), Asked::Names(names, wanted)) => {
                names.contains(account) && wanted.is_none_or(|wanted| account.as_bytes() == wanted)
            }
            (Owner::Account(account), Asked::Account(wanted)) => account.as_bytes() == wanted,
            (Owner::Account(_), Asked::AnyAccount) => true,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signature::secret::Encoding;

    #[test]
    fn secrets_are_found_by_their_owner_and_count_until_their_end() {
        let entry = |owner: Owner, until| Entry {
            owner,
            secret: Secret::read(b"a secret", Encoding::Text).unwrap(),
            until,
        };
        let account = |key: &str| Owner::Account(key.to_owned());
        let keyring = Keyring::new(vec![
            entry(account("a"), None),
            entry(Owner::Name("n".to_owned()), None),
            entry(account("b"), None),
            entry(account("a"), Some(100)),
        ]);
        let places = |asked: Asked<'_>| keyring.of(asked).map(|(place, _)| place).collect::<Vec<usize>>();
        assert_eq!(places(Asked::Account(b"a")), [0, 3]);
        assert!(places(Asked::Account(b"A")).is_empty());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        assert_eq!(places(Asked::Names(&names(&["n"]), Some(b"a"))), [1]);
        assert_eq!(places(Asked::Names(&names(&["a"]), Some(b"a"))), [0, 3]);
        assert_eq!(places(Asked::Names(&names(&["n", "a"]), Some(b"b"))), [1]);
        assert_eq!(places(Asked::Names(&names(&["a", "b"]), None)), [0, 2, 3]);
        assert_eq!(places(Asked::AnyAccount), [0, 2, 3]);
        let counts = |now: u64| keyring.entries()[3].counts(now);
        assert_eq!([counts(99), counts(100), keyring.entries()[0].counts(u64::MAX)], [true, false, true]);
    }
}
