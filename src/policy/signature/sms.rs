//! The judgement of signed parameters: the scheme of the SMS API.
//!
//! What is signed is `&key=value` of every parameter but `sig`, in the order of the keys' bytes, with `_` for each `&` and
//! `=` in a value (vendor's guide "signing messages"). The guide does not say what becomes of values that are blank or
//! `null`, and signers differ, so each way that is known is tried where there is such a value, and which one fitted is
//! told. Invariant: the text that is signed leaves this file only as a MAC.
//!
//! The scheme itself does not tell `&`, `=` and `_` in a value apart; and where blank values are left out, one more of
//! them changes nothing.

use crate::policy::signature::fault::Fault;
use crate::policy::signature::mac::Method;
use crate::policy::signature::rules::{Message, Rules, Signer};
use crate::policy::signature::secret::Secret;
use crate::policy::signature::text::has_control;
use crate::policy::signature::text::hex::unhex;
use crate::policy::signature::text::pairs::{self, Pair};
use crate::policy::signature::vouch::Vouched;

/// How the signer treats values that are blank or `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaseForm {
    /// Blank values are kept, `null` is left out; also where there is neither.
    Plain,
    /// Blank values are kept, and `null` is one.
    NullsBlank,
    /// Both are left out.
    BlanksLeftOut,
}

impl BaseForm {
    /// Its name in the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::NullsBlank => "nulls_blank",
            Self::BlanksLeftOut => "blanks_left_out",
        }
    }
}

/// Judges the parameters of a request.
///
/// # Errors
/// The first step that fails.
pub fn judge(rules: &Rules<'_>, now: u64, message: &Message<'_>) -> Result<(Vouched, BaseForm), Fault> {
    let mut pairs = parameters(message)?;
    pairs.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    let sig = value(&pairs, "sig").ok_or(Fault::Unsigned)?;
    if pairs.iter().any(|pair| pair.key.iter().any(|byte| matches!(byte, b'&' | b'='))) {
        return Err(Fault::Key);
    }
    // Parameters name no application.
    if !rules.applications.is_empty() {
        return Err(Fault::NoApplication);
    }
    let account = rules.signing.account.iter().find_map(|name| value(&pairs, name));
    let (signer, form) = signer(rules, now, account, &pairs, sig)?;
    let stamp = value(&pairs, "timestamp").and_then(seconds).ok_or(Fault::Timestamp)?;
    let age = rules.age(stamp, now)?;
    // Logs and people read it: it is no name if it has characters that are not to be seen.
    let visible = |text: &&str| !has_control(text);
    let nonce = value(&pairs, "nonce").and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(visible);
    // Where the base string has one text for several nonces, they are one.
    let spelt = |nonce: &str| nonce.contains(['&', '=']).then(|| nonce.replace(['&', '='], "_"));
    let other = nonce.and_then(spelt);
    let account = rules.account_of(signer.place);
    Ok((Vouched::by_parameter(signer, age, account, other.as_deref().or(nonce)), form))
}

/// The secret and the form that give the signature.
fn signer(
    rules: &Rules<'_>,
    now: u64,
    account: Option<&[u8]>,
    pairs: &[Pair<'_>],
    sig: &[u8],
) -> Result<(Signer, BaseForm), Fault> {
    let has = |is: fn(&Pair<'_>) -> bool| pairs.iter().any(is);
    let also_blank = has(|pair| pair.value.is_none()).then_some(BaseForm::NullsBlank);
    let left_out = has(|pair| pair.value.as_deref().is_some_and(is_blank)).then_some(BaseForm::BlanksLeftOut);
    let mut fault = Fault::WrongMac;
    for form in [Some(BaseForm::Plain), also_blank, left_out].into_iter().flatten() {
        let base = base(pairs, form, rules.signing.optional);
        match rules.signer(account, now, |secret| fits(rules.sms_method, secret, &base, sig)) {
            Ok(signer) => return Ok((signer, form)),
            // Another form may fit; but that a secret has passed its end is more than that none fits.
            Err(Fault::WrongMac) => {}
            Err(other) => fault = other,
        }
    }
    Err(fault)
}

/// Whether `sig` is the signature of a base string; its digits may be in any case.
fn fits(method: Method, secret: &Secret, base: &[u8], sig: &[u8]) -> bool {
    let mut mac = [0; 64];
    let mac = &mut mac[..method.len()];
    unhex(sig, mac).is_some() && secret.mac(method, base).is(mac)
}

/// The text that is signed, of parameters in the order of their keys.
/// Only what the provider may send without a value is left out: another name could be anything, even a whole text that its
/// application reads in another way.
fn base(pairs: &[Pair<'_>], form: BaseForm, optional: &[&str]) -> Vec<u8> {
    let len = |pair: &Pair<'_>| pair.key.len() + pair.value.as_ref().map_or(0, |value| value.len()) + 2;
    let mut base = Vec::with_capacity(pairs.iter().map(len).sum());
    for Pair { key, value } in pairs.iter().filter(|pair| *pair.key != *b"sig") {
        let may_lack = || optional.iter().any(|name| name.as_bytes() == &**key);
        let value = match (value.as_deref(), form) {
            (None, BaseForm::Plain | BaseForm::BlanksLeftOut) if may_lack() => continue,
            (Some(value), BaseForm::BlanksLeftOut) if is_blank(value) && may_lack() => continue,
            (value, _) => value.unwrap_or_default(),
        };
        base.push(b'&');
        base.extend_from_slice(key);
        base.push(b'=');
        let begin = base.len();
        base.extend_from_slice(value);
        for byte in &mut base[begin..] {
            *byte = if matches!(*byte, b'&' | b'=') { b'_' } else { *byte };
        }
    }
    base
}

/// What Java's `trim` leaves nothing of.
fn is_blank(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte <= b' ')
}

/// The parameters of a request. Where they cannot be read and none of them can be `sig`, it is not signed.
fn parameters<'m>(message: &Message<'m>) -> Result<Vec<Pair<'m>>, Fault> {
    read(message).map_err(|fault| {
        let is_there = |text: &[u8]| memchr::memmem::find(text, b"sig").is_some();
        if is_there(message.query) || is_there(message.body) { fault } else { Fault::Unsigned }
    })
}

fn read<'m>(message: &Message<'m>) -> Result<Vec<Pair<'m>>, Fault> {
    if message.body.is_empty() {
        return pairs::form(message.query).map_err(Fault::Parameters);
    }
    // Readers of another line, or of another character set, would read other parameters.
    if message.has_more_types {
        return Err(Fault::TwoTypes);
    }
    if message.has_foreign_charset() {
        return Err(Fault::Charset);
    }
    // Which of the two the application takes, nobody can tell.
    if message.is_get() || !message.query.is_empty() {
        return Err(Fault::TwoPlaces);
    }
    if message.is("application/json") {
        return pairs::json(message.body).map_err(Fault::Parameters);
    }
    if message.is("application/x-www-form-urlencoded") {
        return pairs::form(message.body).map_err(Fault::Parameters);
    }
    Err(Fault::MediaType)
}

/// The value of a parameter among all in the order of their keys.
fn value<'p>(pairs: &'p [Pair<'_>], key: &str) -> Option<&'p [u8]> {
    let place = pairs.binary_search_by(|pair| (*pair.key).cmp(key.as_bytes())).ok()?;
    pairs.get(place)?.value.as_deref()
}

/// A whole number of seconds.
fn seconds(digits: &[u8]) -> Option<u64> {
    digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

#[cfg(test)]
pub(crate) mod for_tests {
    use super::*;

    /// The base string of parameters in any order, in every form.
    pub(crate) fn bases(pairs: &[Pair<'_>]) -> [Vec<u8>; 3] {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let names: Vec<String> =
            pairs.iter().map(|pair| String::from_utf8_lossy(&pair.key).into_owned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        [BaseForm::Plain, BaseForm::NullsBlank, BaseForm::BlanksLeftOut]
            .map(|form| base(&pairs, form, &names))
    }
}
