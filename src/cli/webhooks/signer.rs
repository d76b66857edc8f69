//! A signer: signs a message as the vendor does. It is the verifier's code run backwards: the same hash of a query, the same
//! parameters, the same MACs.
//!
//! Invariant: what was signed is sent byte for byte, and a secret is shown nowhere.

use std::time::SystemTime;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::cli::webhooks::document::Node;
use crate::cli::webhooks::form::{self, Form};
use crate::cli::webhooks::samples::Sample;
use crate::policy::provider::Webhook;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::mac::{Method, sha256};
use crate::policy::signature::payload::query_json;
use crate::policy::signature::secret::{Encoding, NoSecret, Secret};
use crate::policy::signature::text::pairs::{self, Pair, Unreadable};
use crate::telemetry::timestamp::unix_seconds;

/// The account of the vendor's own examples.
pub(crate) const ACCOUNT: &str = "a1234567";
/// The parameters that a signature adds.
const OWN: [&str; 3] = ["sig", "nonce", "timestamp"];

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// With a token in the head.
    Token,
    /// With parameters.
    Parameters(Method),
}

impl Way {
    /// How the vendor signs such webhooks, unless an account asked for another method.
    pub(crate) fn of(webhook: Webhook) -> Option<Self> {
        match webhook.spec().signed {
            Signed::Never => None,
            Signed::Token => Some(Self::Token),
            Signed::Parameter => Some(Self::Parameters(Method::default())),
        }
    }
}

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsignable {
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandom,
    /// What was made is no secret; a test rules that out.
    #[error("the new secret {0}")]
    NoSecret(#[from] NoSecret),
    /// The vendor signs nothing.
    #[error("the vendor signs no webhooks")]
    NoVendor,
    /// The parameters of a message cannot be read.
    #[error("{0} cannot be signed: {1}")]
    Message(String, Unreadable),
}

/// Somebody with a secret.
pub(crate) struct Signer {
    secret: Secret,
    account: String,
}

impl Signer {
    /// With a new secret.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn random(account: &str) -> Result<Self, Unsignable> {
        Ok(Self::of(Secret::read(random()?.as_bytes(), Encoding::Text)?, account))
    }

    /// With the secret of an account.
    pub(crate) fn of(secret: Secret, account: &str) -> Self {
        Self { secret, account: account.to_owned() }
    }

    /// The secret, for its file.
    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.bytes()
    }

    /// The message with a signature of this moment, if the vendor signs such webhooks.
    ///
    /// # Errors
    /// Its parameters cannot be read.
    pub(crate) fn sign(&self, message: &Sample) -> Result<Sample, Unsignable> {
        match Way::of(message.webhook) {
            None => Ok(message.clone()),
            Some(way) => self.sign_so(message, way, now()),
        }
    }

    /// The message with a signature that was made at a time, in Unix seconds.
    ///
    /// # Errors
    /// Its parameters cannot be read.
    pub(crate) fn sign_so(&self, message: &Sample, way: Way, at: u64) -> Result<Sample, Unsignable> {
        let unreadable = |error| Unsignable::Message(message.name.clone(), error);
        let id = random()?;
        match way {
            Way::Token => self.with_token(message, &id, at),
            Way::Parameters(method) => self.with_parameters(message, method, &id, at).map_err(unreadable),
        }
    }

    fn with_token(&self, message: &Sample, id: &str, at: u64) -> Result<Sample, Unsignable> {
        let issuer = message.webhook.provider().signing.as_ref().ok_or(Unsignable::NoVendor)?.issuer;
        let payload = if message.method == "GET" {
            query_json(message.query().unwrap_or_default().as_bytes())
                .map_err(|error| Unsignable::Message(message.name.clone(), error))?
        } else {
            message.body.clone().into_bytes()
        };
        let text = |text: &str| Node::Text(text.to_owned());
        let claims = Node::Object(vec![
            ("iat".to_owned(), Node::Number(at.into())),
            ("jti".to_owned(), text(id)),
            ("iss".to_owned(), text(issuer)),
            ("payload_hash".to_owned(), text(&hex(&sha256(&payload)))),
            ("api_key".to_owned(), text(&self.account)),
        ]);
        let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", base64url(claims.text().as_bytes()));
        let mac = self.secret.mac(Method::Sha256, signed.as_bytes());
        let token = format!("Bearer {signed}.{}", base64url(mac.bytes()));
        let mut message = message.clone();
        message.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        message.headers.push(("Authorization".to_owned(), token));
        Ok(message)
    }

    fn with_parameters(
        &self,
        message: &Sample,
        method: Method,
        nonce: &str,
        at: u64,
    ) -> Result<Sample, Unreadable> {
        let mut signed = without_old(message);
        let stamp = at.to_string();
        let own = [("nonce", nonce), ("timestamp", stamp.as_str())];
        let read = match Form::of(&signed) {
            Form::Json => pairs::json(signed.body.as_bytes())?,
            Form::Urlencoded => pairs::form(signed.body.as_bytes())?,
            Form::Get => pairs::form(signed.query().unwrap_or_default().as_bytes())?,
        };
        let sig = hex(self.secret.mac(method, &base(&read, &own)).bytes());
        // The vendor writes a hash in lower case, an HMAC in upper case.
        let sig = if method == Method::Md5Hash { sig } else { sig.to_ascii_uppercase() };
        let is_empty = read.is_empty();
        drop(read);
        let all = own.into_iter().chain([("sig", sig.as_str())]);
        match Form::of(&signed) {
            Form::Json => {
                let members: Vec<String> = all.map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
                let open = signed.body.trim_end();
                let open = open.strip_suffix('}').unwrap_or(open);
                let comma = if is_empty { "" } else { "," };
                signed.body = format!("{open}{comma}{}}}", members.join(","));
            }
            form => {
                let pairs: Vec<String> = all.map(|(key, value)| format!("{key}={value}")).collect();
                let place = if form == Form::Get { &mut signed.target } else { &mut signed.body };
                let between = match form {
                    Form::Get if !place.contains('?') => "?",
                    _ if is_empty => "",
                    _ => "&",
                };
                place.push_str(between);
                place.push_str(&pairs.join("&"));
            }
        }
        Ok(signed)
    }
}

/// The message after somebody changed it on its way: its first value has a letter more.
pub(crate) fn changed(message: &Sample) -> Sample {
    let mut changed = message.clone();
    let (place, mark) = match Form::of(message) {
        Form::Get => (&mut changed.target, "="),
        Form::Urlencoded => (&mut changed.body, "="),
        Form::Json => (&mut changed.body, ":\""),
    };
    match place.find(mark) {
        Some(at) => place.insert(at + mark.len(), 'x'),
        None => place.push('x'),
    }
    changed
}

/// The message without the signature that it was captured with.
fn without_old(message: &Sample) -> Sample {
    let mut kept = message.clone();
    let is_old = |pair: &str| OWN.iter().any(|key| pair.split('=').next() == Some(key));
    let without = |pairs: &str| pairs.split('&').filter(|pair| !is_old(pair)).collect::<Vec<_>>().join("&");
    match Form::of(message) {
        Form::Get => {
            if let Some(query) = message.query() {
                kept.target = format!("{}?{}", message.path(), without(query));
            }
        }
        Form::Urlencoded => kept.body = without(&message.body),
        Form::Json => {
            if let Ok(mut fields) = form::fields(message)
                && fields.iter().any(|(key, _)| OWN.contains(&key.as_str()))
            {
                fields.retain(|(key, _)| !OWN.contains(&key.as_str()));
                kept.body = Node::Object(fields).text();
            }
        }
    }
    kept
}

/// The text that is signed: the parameters in the order of their keys.
fn base(pairs: &[Pair<'_>], own: &[(&str, &str)]) -> Vec<u8> {
    let read = pairs.iter().filter_map(|pair| Some((&*pair.key, pair.value.as_deref()?)));
    let own = own.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes()));
    let mut all: Vec<(&[u8], &[u8])> = read.chain(own).collect();
    all.sort_unstable();
    let plain = |byte: &u8| if matches!(byte, b'&' | b'=') { b'_' } else { *byte };
    all.iter()
        .flat_map(|(key, value)| {
            let value: Vec<u8> = value.iter().map(plain).collect();
            [b"&", *key, b"=", &value].concat()
        })
        .collect()
}

/// Sixteen random bytes as hexadecimal digits.
fn random() -> Result<String, Unsignable> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Unsignable::NoRandom)?;
    Ok(hex(&bytes))
}

/// In Unix seconds.
pub(crate) fn now() -> u64 {
    unix_seconds(SystemTime::now())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |three: &[u8]| {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = move |place: usize| char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]);
        (0..=three.len()).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::webhooks::samples;

    #[test]
    fn every_sample_of_a_signed_webhook_is_signed_and_the_rest_is_left_alone() {
        let signer = Signer::random(ACCOUNT).unwrap();
        let (mut tokens, mut parameters) = (0, 0);
        for sample in samples::all().unwrap() {
            let after = signer.sign(&sample).unwrap();
            let is_signed = after != sample;
            assert_eq!(is_signed, sample.webhook.spec().signed != Signed::Never, "{}", sample.name);
            tokens += usize::from(is_signed);
            parameters += usize::from(is_signed && after.headers == sample.headers);
            assert!(!format!("{after:?}").contains(std::str::from_utf8(signer.secret()).unwrap()));
        }
        assert_eq!((tokens, parameters), (29, 8));
    }

    #[test]
    fn a_message_that_is_signed_twice_has_one_signature() {
        let signer = Signer::random(ACCOUNT).unwrap();
        for sample in samples::all().unwrap() {
            for form in [Form::Get, Form::Urlencoded, Form::Json] {
                let message = form::written(&sample, form, form::fields(&sample).unwrap());
                for way in [Way::Token, Way::Parameters(Method::Sha256)] {
                    let Ok(once) = signer.sign_so(&message, way, 1_700_000_000) else { continue };
                    let twice = signer.sign_so(&once, way, 1_700_000_000).unwrap();
                    assert_eq!(once.target.len(), twice.target.len(), "{}", sample.name);
                    assert_eq!(once.body.len(), twice.body.len(), "{}", sample.name);
                    assert_eq!(once.headers.len(), twice.headers.len(), "{}", sample.name);
                    assert_ne!(once, twice, "the id is new");
                    assert_ne!(changed(&once), once);
                }
            }
        }
    }

    #[test]
    fn base64_of_urls_is_written_without_padding() {
        for (bytes, wanted) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xff\xef", "_-8")]
        {
            assert_eq!(base64url(bytes), wanted);
        }
    }
}
