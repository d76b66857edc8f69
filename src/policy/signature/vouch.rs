//! The judgement of a head: a token that was made by the provider with one of the operator's secrets, and not too long
//! ago.
//!
//! Nothing of the body is needed, so it is judged before any of it is read. Invariant: nothing that a token says is
//! looked at for more than choosing the secrets before its MAC is good, except its form, its issuer and its types.

use std::fmt;
use std::ops::Range;

use crate::policy::signature::claims::Claims;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::Scheme;
use crate::policy::signature::mac::{Mac, Method};
use crate::policy::signature::rules::Rules;
use crate::policy::signature::token::{Token, bearer};

/// What a good signature says of a request.
pub struct Vouched {
    scheme: Scheme,
    place: usize,
    age: i64,
    texts: String,
    account: Option<Range<usize>>,
    application: Option<Range<usize>>,
    id: Option<Range<usize>>,
    payload_hash: Option<Range<usize>>,
}

impl Vouched {
    /// By parameters: the account and the nonce, which are texts of the request.
    pub(crate) fn by_parameter(place: usize, age: i64, account: Option<&str>, nonce: Option<&str>) -> Self {
        let mut texts = String::new();
        let mut kept = |text: Option<&str>| {
            let begin = texts.len();
            texts.push_str(text?);
            Some(begin..texts.len())
        };
        let (account, id) = (kept(account), kept(nonce));
        let scheme = Scheme::Parameter;
        Self { scheme, place, age, texts, account, application: None, id, payload_hash: None }
    }

    /// How the request is signed.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The place in the keyring of the secret that fitted.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }

    /// Its age in seconds; below zero, it lies in the future.
    #[must_use]
    pub fn age(&self) -> i64 {
        self.age
    }

    /// The account whose secret made it; `None` for a secret that is of no account.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.text(self.account.as_ref())
    }

    /// The application that it names.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.text(self.application.as_ref())
    }

    /// Its own name: of a token its `jti`, of parameters their `nonce`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text(self.id.as_ref())
    }

    /// The hash of the body or query, in hexadecimal digits.
    pub(crate) fn payload_hash(&self) -> Option<&str> {
        self.text(self.payload_hash.as_ref())
    }

    fn text(&self, range: Option<&Range<usize>>) -> Option<&str> {
        self.texts.get(range?.clone())
    }
}

/// What it says, without the text of the claims.
impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, place) = (self.account(), self.place);
        f.debug_struct("Vouched").field("account", &account).field("place", &place).finish_non_exhaustive()
    }
}

/// Judges the head of a request, of which `values` gives the values of all lines with a name.
///
/// # Errors
/// The first step that fails.
pub fn vouch<'h, V: Iterator<Item = &'h [u8]>>(
    rules: &Rules<'_>,
    now: u64,
    values: impl Fn(&'static str) -> V,
) -> Result<Vouched, Fault> {
    let token = found(rules, values)?;
    let claims = Claims::read(token.claims)?;
    if claims.text(claims.iss.as_ref()) != Some(rules.signing.issuer) {
        return Err(Fault::Issuer);
    }
    let account = claims.text(claims.api_key.as_ref()).unwrap_or_default();
    let place = rules.signer(Some(account.as_bytes()), now, |secret| {
        Mac::of(Method::Sha256, secret, token.signed).is(&token.mac)
    })?;
    let age = current(rules, now, &claims)?;
    let application = claims.text(claims.application_id.as_ref());
    let is_one_of_them = |application: &str| rules.applications.iter().any(|one| one == application);
    if !rules.applications.is_empty() && !application.is_some_and(is_one_of_them) {
        return Err(Fault::Application);
    }
    // The secret of an account was asked for by the account that the token names; any other is of none.
    let account = claims.api_key.clone().filter(|_| rules.account_of(place).is_some());
    let Claims { texts, application_id: application, jti: id, payload_hash, .. } = claims;
    Ok(Vouched { scheme: Scheme::Token, place, age, texts, account, application, id, payload_hash })
}

/// The first token that can be read, in the order of the provider's table. A line that holds something else (another
/// scheme, a token of another algorithm) hides none behind it, but it is the fault where there is no other.
fn found<'h, V: Iterator<Item = &'h [u8]>>(
    rules: &Rules<'_>,
    values: impl Fn(&'static str) -> V,
) -> Result<Token<'h>, Fault> {
    let mut fault = Fault::Unsigned;
    for carrier in rules.signing.carriers.iter().filter(|one| !one.named || !rules.secrets.is_empty()) {
        let mut lines = values(carrier.header);
        let Some(value) = lines.next() else { continue };
        let read = match (lines.next(), token_of(carrier.header, value)) {
            (Some(_), _) => Err(Fault::TwoTokens),
            (None, None) => continue,
            (None, Some(text)) => Token::read(text),
        };
        match read {
            Ok(token) => return Ok(token),
            Err(first) if fault == Fault::Unsigned => fault = first,
            Err(_) => {}
        }
    }
    Err(fault)
}

/// `Authorization` has schemes of others too; the provider's own lines have the token with or without the word.
fn token_of<'h>(header: &str, value: &'h [u8]) -> Option<&'h [u8]> {
    let is_shared = header == "authorization";
    bearer(value).or_else(|| (!is_shared && !value.is_empty()).then_some(value))
}

/// The age of a token that has begun and not ended.
fn current(rules: &Rules<'_>, now: u64, claims: &Claims) -> Result<i64, Fault> {
    let age = rules.age(claims.iat, now)?;
    let skew = rules.clock_skew.as_secs();
    if claims.exp.is_some_and(|end| end.saturating_add(skew) <= now) {
        return Err(Fault::Expired);
    }
    if claims.nbf.is_some_and(|begin| begin > now.saturating_add(skew)) {
        return Err(Fault::InFuture);
    }
    Ok(age)
}
