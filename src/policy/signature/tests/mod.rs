//! What the published vectors say, what attackers try, and what a changed byte does.

mod bound;
mod changes;
mod forged;
mod heads;
mod sig;
mod vectors;

use std::sync::OnceLock;
use std::time::Duration;

use ring::hmac::{HMAC_SHA256, Key, sign};

use crate::policy::provider;
use crate::policy::provider::signing::Signing;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::keyring::{Entry, Keyring, Owner};
use crate::policy::signature::mac::Method;
use crate::policy::signature::rules::{Message, Rules};
use crate::policy::signature::secret::Secret;
use crate::policy::signature::vouch::{Vouched, vouch};

/// When the tests are.
pub(crate) const NOW: u64 = 1_700_000_000;
/// The account of the tests, and its secret.
pub(crate) const ACCOUNT: &str = "a1b2c3d";
pub(crate) const SECRET: &str = "a secret of the account, long enough";
/// The account's secret before, until some time ago.
pub(crate) const OLD: &str = "the secret that it had before";

pub(crate) fn entry(owner: Owner, secret: &[u8], until: Option<u64>) -> Entry {
    Entry { owner, secret: Secret::of_bytes(secret), until }
}

pub(crate) fn account(key: &str) -> Owner {
    Owner::Account(key.to_owned())
}

/// A keyring of accounts and their secrets.
pub(crate) fn keyring(secrets: &[(&str, &str)]) -> Keyring {
    Keyring::new(secrets.iter().map(|(key, secret)| entry(account(key), secret.as_bytes(), None)).collect())
}

/// That of the tests: two accounts, one of which has an old secret too, and one that is nobody's account.
fn usual() -> Keyring {
    Keyring::new(vec![
        entry(account(ACCOUNT), OLD.as_bytes(), Some(NOW - 100)),
        entry(account(ACCOUNT), SECRET.as_bytes(), None),
        entry(account("other"), b"a secret of another account", None),
        entry(account("left"), b"the secret of an account that left", Some(NOW)),
        entry(Owner::Name("video".to_owned()), b"a secret of a name", None),
    ])
}

/// The provider's way, whose parameters `a` and `b` may be blank besides.
fn signing() -> &'static Signing {
    static SIGNING: OnceLock<Signing> = OnceLock::new();
    SIGNING.get_or_init(|| {
        let Signing { issuer, carriers, account, source, .. } = *provider::DEFAULT.signing.as_ref().unwrap();
        Signing { issuer, carriers, account, optional: &["a", "b", "text"], source }
    })
}

pub(crate) fn rules(keyring: &Keyring) -> Rules<'_> {
    Rules {
        keyring,
        signing: signing(),
        secrets: &[],
        applications: &[],
        max_age: Duration::from_secs(25 * 3600),
        clock_skew: Duration::from_secs(300),
        sms_method: Method::Md5Hash,
    }
}

/// Base64 of URLs without padding, written the obvious way.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let six =
        |six: &[u8]| (0..6).fold(0, |all, at| all << 1 | usize::from(six.get(at).copied().unwrap_or(0)));
    bits.chunks(6).map(|bits| char::from(LETTERS[six(bits)])).collect()
}

/// A token of a header and claims.
pub(crate) fn signed(header: &str, claims: &str, secret: &[u8]) -> String {
    let text = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
    let mac = sign(&Key::new(HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", encoded(mac.as_ref()))
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Claims as the provider writes them, for a body.
fn claims(body: &[u8]) -> String {
    let hash: String =
        crate::policy::signature::mac::sha256(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        r#"{{"iat":{},"jti":"c5ba8f24-1a14","iss":"Vonage","payload_hash":"{hash}","api_key":"{ACCOUNT}","application_id":"aaaa-bbbb"}}"#,
        NOW - 2
    )
}

/// Judges a head with this token.
fn judged(rules: &Rules<'_>, token: &str) -> Result<Vouched, Fault> {
    let value = format!("Bearer {token}");
    vouch(rules, NOW, |name| (name == "authorization").then_some(value.as_bytes()).into_iter())
}

/// A body.
const BODY: &[u8] = br#"{"text":"hello"}"#;

/// A claim of the usual ones, changed.
fn with(from: &str, to: &str) -> String {
    let claims = claims(BODY);
    assert!(claims.contains(from), "{from}");
    signed(HEADER, &claims.replace(from, to), SECRET.as_bytes())
}

fn post(body: &[u8]) -> Message<'_> {
    Message {
        method: b"POST",
        query: b"",
        content_type: Some(b"application/json"),
        has_more_types: false,
        body,
    }
}

fn get(query: &[u8]) -> Message<'_> {
    Message { method: b"GET", query, content_type: None, has_more_types: false, body: b"" }
}
