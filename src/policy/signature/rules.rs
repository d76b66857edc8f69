//! What a signature must be to count on a route, and the request that is judged.

use std::time::Duration;

use crate::policy::provider::signing::Signing;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::keyring::{Asked, Keyring};
use crate::policy::signature::mac::Method;
use crate::policy::signature::secret::{Secret, SecretName};
use crate::policy::token::is_token;

/// The parameter of a Content-Type that names a character set.
const CHARSET: &[u8] = b"charset";

/// What a signature must be.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// All secrets.
    pub keyring: &'r Keyring,
    /// How the provider signs.
    pub signing: &'static Signing,
    /// The names and accounts of the route's secrets; if there are none, the secrets of all accounts count.
    pub secrets: &'r [String],
    /// The applications that the route is for; any, if there are none.
    pub applications: &'r [String],
    /// The oldest signature that counts.
    pub max_age: Duration,
    /// How far a signature may lie in the future.
    pub clock_skew: Duration,
    /// How parameters are signed.
    pub sms_method: Method,
}

/// The parts of a request that a signature can cover.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// Its method.
    pub method: &'m [u8],
    /// Its query, without the question mark.
    pub query: &'m [u8],
    /// The value of its Content-Type.
    pub content_type: Option<&'m [u8]>,
    /// There is more than one line that an application may take for its Content-Type.
    pub has_more_types: bool,
    /// Its body as it came.
    pub body: &'m [u8],
}

/// The secret with which something was signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signer {
    /// Its place in the keyring, which changes with the configuration.
    pub place: usize,
    /// What tells it from all others, which never changes.
    pub secret: SecretName,
}

impl Rules<'_> {
    /// The secret with which a text was signed. All that are asked for are tried, so that the time does not
    /// tell which one fits.
    ///
    /// # Errors
    /// There is none, or none fits, or the one that fits does not count any more.
    pub(crate) fn signer(
        &self,
        account: Option<&[u8]>,
        now: u64,
        fits: impl Fn(&Secret) -> bool,
    ) -> Result<Signer, Fault> {
        let (mut known, mut counting, mut signed, mut expired) = (false, false, None, false);
        for (place, entry) in self.keyring.of(self.asked(account)) {
            let (counts, is_its) = (entry.counts(now), fits(&entry.secret));
            known = true;
            counting |= counts;
            expired |= is_its && !counts;
            if is_its && counts {
                signed = Some(Signer { place, secret: entry.secret.name() });
            }
        }
        match (signed, known) {
            (Some(found), _) => Ok(found),
            (None, false) => Err(Fault::UnknownKey),
            (None, true) if !counting => Err(Fault::NoSecretLeft),
            (None, true) if expired => Err(Fault::ExpiredSecret),
            (None, true) => Err(Fault::WrongMac),
        }
    }

    /// The account that a secret is of: what a message says of its account is only as true as that.
    pub(crate) fn account_of(&self, place: usize) -> Option<&str> {
        self.keyring.entries().get(place)?.owner.account()
    }

    fn asked<'a>(&'a self, account: Option<&'a [u8]>) -> Asked<'a> {
        match account {
            _ if !self.secrets.is_empty() => Asked::Names(self.secrets, account),
            Some(account) => Asked::Account(account),
            None => Asked::AnyAccount,
        }
    }

    /// The age of a signature in seconds; below zero, it lies in the future.
    ///
    /// # Errors
    /// It is too old, or too far in the future.
    pub(crate) fn age(&self, issued: u64, now: u64) -> Result<i64, Fault> {
        let (age, ahead) = (now.saturating_sub(issued), issued.saturating_sub(now));
        if age > self.max_age.as_secs() {
            return Err(Fault::TooOld);
        }
        if ahead > self.clock_skew.as_secs() {
            return Err(Fault::InFuture);
        }
        Ok(i64::try_from(age).unwrap_or(i64::MAX).saturating_sub_unsigned(ahead))
    }
}

impl Message<'_> {
    /// Whether it is one whose parameters are its query.
    pub(crate) fn is_get(&self) -> bool {
        matches!(self.method, b"GET" | b"HEAD")
    }

    /// Whether its Content-Type is this one; its parameters do not count.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        let (value, _) = self.types();
        value.eq_ignore_ascii_case(media_type.as_bytes())
    }

    /// Whether its Content-Type may name another character set than UTF-8, to any reader, or has something that is no
    /// parameter. A name has more than one spelling (RFC 2231: `charset*`, `charset*0`), and where there are two, readers
    /// take different ones: only the plain one counts, and only once. Where a `;` is quoted, it ends a parameter here too.
    pub(crate) fn has_foreign_charset(&self) -> bool {
        let (_, parameters) = self.types();
        let mut named = false;
        parameters.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).any(|parameter| {
            let Some(sign) = memchr::memchr(b'=', parameter) else { return !parameter.is_empty() };
            let (name, value) = (parameter[..sign].trim_ascii(), parameter[sign + 1..].trim_ascii());
            if !name.to_ascii_lowercase().windows(CHARSET.len()).any(|part| part == CHARSET) {
                // What is in quotes or escaped may spell it too.
                return name.is_empty() || !name.iter().copied().all(is_token);
            }
            let value = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
            let is_utf_8 = name.eq_ignore_ascii_case(CHARSET) && value.eq_ignore_ascii_case(b"utf-8");
            !is_utf_8 || std::mem::replace(&mut named, true)
        })
    }

    /// The media type, and what stands behind it.
    fn types(&self) -> (&[u8], &[u8]) {
        let value = self.content_type.unwrap_or_default();
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        (value[..end].trim_ascii(), value.get(end + 1..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signature::tests::{keyring, rules};

    #[test]
    fn ages_count_from_edge_to_edge() {
        let keyring = keyring(&[]);
        let rules = Rules {
            max_age: Duration::from_secs(100),
            clock_skew: Duration::from_secs(10),
            ..rules(&keyring)
        };
        assert_eq!(rules.age(1000, 1000), Ok(0));
        assert_eq!(rules.age(900, 1000), Ok(100));
        assert_eq!(rules.age(899, 1000), Err(Fault::TooOld));
        assert_eq!(rules.age(1010, 1000), Ok(-10));
        assert_eq!(rules.age(1011, 1000), Err(Fault::InFuture));
        assert_eq!(rules.age(0, u64::MAX), Err(Fault::TooOld));
        assert_eq!(rules.age(u64::MAX, 0), Err(Fault::InFuture));
    }

    fn message(content_type: Option<&[u8]>) -> Message<'_> {
        Message { method: b"POST", query: b"", content_type, has_more_types: false, body: b"" }
    }

    #[test]
    fn a_character_set_is_utf_8_or_foreign() {
        let is_foreign = |value: &str| message(Some(value.as_bytes())).has_foreign_charset();
        for own in ["a/b", "a/b;", "a/b; charset=utf-8", "a/b;CHARSET=\"UTF-8\"; x=y", "a/b; boundary=1"] {
            assert!(!is_foreign(own), "{own}");
        }
        for foreign in [
            "a/b; charset=utf-16",
            "a/b; charset",
            "a/b; application/json",
            "a/b; charset=utf-8; charset=x",
            "a/b; charset=utf-8; charset=utf-8",
            "a/b; charset*=utf-16",
            "a/b; charset*=utf-8''utf-16",
            "a/b; charset*=utf-8",
            "a/b; charset=UTF-8;charset*=utf-16",
            "a/b; charset*0=utf-16",
            "a/b; Charset*0*=utf-8''utf; charset*1=-16",
            "a/b; \"charset\"=utf-16",
            "a/b; \"char\\set\"=utf-16",
            "a/b; x-charset=utf-16",
            "a/b; x=\"; charset=utf-16\"",
            "a/b; charset=\"utf-8",
            "a/b; charset=utf-8, a/b; charset=utf-16",
        ] {
            assert!(is_foreign(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_media_type_is_the_same_with_parameters_and_in_any_case() {
        let is_json = |value: Option<&[u8]>| message(value).is("application/json");
        assert!(is_json(Some(b" Application/JSON ; charset=utf-8")));
        assert!(!is_json(Some(b"application/jsonp")));
        assert!(!is_json(Some(b"")) && !is_json(None));
    }
}
