//! The judgement of a head: a token that was made by the provider with one of the operator's secrets, and not too long
//! ago.
//!
//! Nothing of the body is needed, so it is judged before any of it is read. Invariant: nothing that a token says is
//! looked at for more than choosing the secrets before its MAC is good, except its form, its issuer and its types.

use std::fmt;
use std::ops::Range;

use crate::policy::provider::signing::Carrier;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::finding::Scheme;
use crate::policy::signature::mac::Method;
use crate::policy::signature::rules::{Rules, Signer};
use crate::policy::signature::secret::SecretName;
use crate::policy::signature::text::hex::unhex;
use crate::policy::signature::token::claims::Claims;
use crate::policy::signature::token::{Token, bearer};

/// What a good signature says of a request.
pub struct Vouched {
    scheme: Scheme,
    signer: Signer,
    age: i64,
    texts: String,
    account: Option<Range<usize>>,
    application: Option<Range<usize>>,
    id: Option<Range<usize>>,
    payload_hash: Result<[u8; 32], Fault>,
}

impl Vouched {
    /// By parameters: the account and the nonce, which are texts of the request.
    pub(crate) fn by_parameter(signer: Signer, age: i64, account: Option<&str>, nonce: Option<&str>) -> Self {
        let len = |text: Option<&str>| text.map_or(0, str::len);
        let mut texts = String::with_capacity(len(account) + len(nonce));
        let mut kept = |text: Option<&str>| {
            let begin = texts.len();
            texts.push_str(text?);
            Some(begin..texts.len())
        };
        let (account, id) = (kept(account), kept(nonce));
        let scheme = Scheme::Parameter;
        Self {
            scheme,
            signer,
            age,
            texts,
            account,
            application: None,
            id,
            payload_hash: Err(Fault::NoPayloadHash),
        }
    }

    /// How the request is signed.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The place in the keyring of the secret that fitted.
    #[must_use]
    pub fn place(&self) -> usize {
        self.signer.place
    }

    /// What tells that secret from all others, wherever it stands.
    pub(crate) fn secret(&self) -> SecretName {
        self.signer.secret
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

    /// Whether it has an id of its own.
    #[must_use]
    pub(crate) fn has_id(&self) -> bool {
        self.id().is_some_and(|id| !id.is_empty())
    }

    /// The hash of the body or query.
    ///
    /// # Errors
    /// There is none, or one that no text can have.
    pub(crate) fn payload_hash(&self) -> Result<[u8; 32], Fault> {
        self.payload_hash
    }

    fn text(&self, range: Option<&Range<usize>>) -> Option<&str> {
        self.texts.get(range?.clone())
    }
}

/// What it says, without the text of the claims.
impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, place) = (self.account(), self.place());
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
    let signer = rules.signer(Some(account.as_bytes()), now, |secret| {
        secret.mac(Method::Sha256, token.signed).is(&token.mac)
    })?;
    let age = current(rules, now, &claims)?;
    let application = claims.text(claims.application_id.as_ref());
    let is_one_of_them =
        |application: &str| rules.applications.iter().any(|one| one.eq_ignore_ascii_case(application));
    if !rules.applications.is_empty() && !application.is_some_and(is_one_of_them) {
        return Err(Fault::Application);
    }
    // The secret of an account was asked for by the account that the token names; any other is of none.
    let account = claims.api_key.clone().filter(|_| rules.account_of(signer.place).is_some());
    let payload_hash = payload_hash(&claims);
    let Claims { texts, application_id: application, jti: id, .. } = claims;
    Ok(Vouched { scheme: Scheme::Token, signer, age, texts, account, application, id, payload_hash })
}

/// The hash of the body or query, which claims have in hexadecimal digits.
fn payload_hash(claims: &Claims) -> Result<[u8; 32], Fault> {
    let digits = claims.text(claims.payload_hash.as_ref()).ok_or(Fault::NoPayloadHash)?;
    let mut hash = [0; 32];
    unhex(digits.as_bytes(), &mut hash).ok_or(Fault::Payload)?;
    Ok(hash)
}

/// The one token of a request. Two lines that an application may take a token from make none: nobody knows which one it
/// takes. What is somebody else's does not count as one: credentials of another scheme or, before a line of the
/// provider's own, a token of another algorithm or what is no token at all.
fn found<'h, V: Iterator<Item = &'h [u8]>>(
    rules: &Rules<'_>,
    values: impl Fn(&'static str) -> V,
) -> Result<Token<'h>, Fault> {
    let (mut found, mut foreign) = (None, Fault::Unsigned);
    for carrier in rules.signing.carriers {
        let mut lines = values(carrier.header);
        let Some(value) = lines.next() else { continue };
        let read = match lines.next() {
            Some(_) => Err(Fault::TwoTokens),
            None => read(carrier, value),
        };
        match read {
            Err(fault @ (Fault::Algorithm | Fault::Parts)) if is_shared(carrier) => foreign = fault,
            Err(Fault::Unsigned) if is_basic(value) => {}
            _ if found.is_some() => return Err(Fault::TwoTokens),
            read => {
                let counts = !carrier.named || !rules.secrets.is_empty();
                found = Some(if counts { read } else { Err(Fault::Unsigned) });
            }
        }
    }
    found.unwrap_or(Err(foreign))
}

/// The token in a line. `Authorization` has credentials of others too; the provider's own lines have the token with or
/// without the word.
fn read<'h>(carrier: &Carrier, value: &'h [u8]) -> Result<Token<'h>, Fault> {
    match bearer(value) {
        Some(text) => Token::read(text),
        None if is_shared(carrier) || value.is_empty() => Err(Fault::Unsigned),
        None => Token::read(value),
    }
}

/// Whether other things than the provider's tokens stand in the line.
fn is_shared(carrier: &Carrier) -> bool {
    carrier.header == "authorization"
}

/// Whether it is what a URL with a user and a password gives (RFC 7617): no reader takes that for a token.
fn is_basic(value: &[u8]) -> bool {
    let word = value.get(..6).unwrap_or_default();
    word.eq_ignore_ascii_case(b"basic ")
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
