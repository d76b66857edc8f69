//! A signer: signs a sample as the vendor does, for this moment.
//!
//! Webhooks of Messages and Voice get a token in their head; those of SMS get parameters: `timestamp`, `nonce` and `sig`.
//! Invariant: what was signed is sent byte for byte, and a secret is shown nowhere.

use std::time::SystemTime;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::cli::demo::samples::Sample;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::mac::{Mac, Method, sha256};
use crate::policy::signature::payload::query_json;
use crate::policy::signature::text::pairs::{self, Pair, Unreadable};
use crate::telemetry::timestamp::unix_seconds;

/// The account of the demo.
pub(super) const ACCOUNT: &str = "a1234567";

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsignable {
    /// The system has no random numbers.
    #[error("no random numbers for a secret")]
    NoSecret,
    /// The parameters of a sample cannot be read; a test rules that out.
    #[error("{0}: {1}")]
    Sample(String, Unreadable),
}

/// Somebody with a secret.
pub(super) struct Signer(String);

impl Signer {
    /// With a new secret.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, Unsignable> {
        random().map(Self)
    }

    /// The secret, for its file.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// The sample with a signature, if the vendor signs such webhooks.
    ///
    /// # Errors
    /// Its parameters cannot be read.
    pub(super) fn sign(&self, sample: &Sample) -> Result<Sample, Unsignable> {
        let unreadable = |error| Unsignable::Sample(sample.name.clone(), error);
        let id = random()?;
        match sample.webhook.spec().signed {
            Signed::Never => Ok(sample.clone()),
            Signed::Token => self.with_token(sample, &id).map_err(unreadable),
            Signed::Parameter => self.with_parameters(sample, &id).map_err(unreadable),
        }
    }

    fn with_token(&self, sample: &Sample, id: &str) -> Result<Sample, Unreadable> {
        let payload = match sample.query() {
            Some(query) => query_json(query.as_bytes())?,
            None => sample.body.clone().into_bytes(),
        };
        let claims = format!(
            r#"{{"iat":{},"jti":"{id}","iss":"Vonage","payload_hash":"{}","api_key":"{ACCOUNT}"}}"#,
            now(),
            hex(&sha256(&payload)),
        );
        let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
        let text = format!("{header}.{}", base64url(claims.as_bytes()));
        let mac = Mac::of(Method::Sha256, self.0.as_bytes(), text.as_bytes());
        let token = format!("Bearer {text}.{}", base64url(mac.bytes()));
        let mut signed = sample.clone();
        signed.headers.push(("Authorization".to_owned(), token));
        Ok(signed)
    }

    fn with_parameters(&self, sample: &Sample, nonce: &str) -> Result<Sample, Unreadable> {
        let sample = &without_old(sample);
        let is_json = sample.body.starts_with('{');
        let text = sample.query().unwrap_or(&sample.body);
        let read = if is_json { pairs::json(text.as_bytes())? } else { pairs::form(text.as_bytes())? };
        let stamp = now().to_string();
        let own = [("nonce", nonce), ("timestamp", stamp.as_str())];
        let sig = hex(Mac::of(Method::Md5Hash, self.0.as_bytes(), &base(&read, &own)).bytes());
        let all = own.into_iter().chain([("sig", sig.as_str())]);
        let mut signed = sample.clone();
        if is_json {
            let members: String = all.map(|(key, value)| format!(r#","{key}":"{value}""#)).collect();
            let open = sample.body.strip_suffix('}').unwrap_or(&sample.body);
            signed.body = format!("{open}{members}}}");
            return Ok(signed);
        }
        let pairs: String = all.map(|(key, value)| format!("&{key}={value}")).collect();
        let place = if sample.body.is_empty() { &mut signed.target } else { &mut signed.body };
        place.push_str(&pairs);
        Ok(signed)
    }
}

/// The sample without the signature that it was captured with.
fn without_old(sample: &Sample) -> Sample {
    let Some((path, query)) = sample.target.split_once('?') else { return sample.clone() };
    let is_old = |pair: &str| ["sig=", "nonce=", "timestamp="].iter().any(|key| pair.starts_with(key));
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_old(pair)).collect();
    Sample { target: format!("{path}?{}", kept.join("&")), ..sample.clone() }
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
    SystemRandom::new().fill(&mut bytes).map_err(|_| Unsignable::NoSecret)?;
    Ok(hex(&bytes))
}

fn now() -> u64 {
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
    use crate::cli::demo::samples;

    #[test]
    fn every_sample_of_a_signed_webhook_is_signed_and_the_rest_is_left_alone() {
        let signer = Signer::new().unwrap();
        let (mut tokens, mut parameters) = (0, 0);
        for sample in samples::all().unwrap() {
            let after = signer.sign(&sample).unwrap();
            let is_signed = after != sample;
            assert_eq!(is_signed, sample.webhook.spec().signed != Signed::Never, "{}", sample.name);
            tokens += usize::from(is_signed);
            parameters += usize::from(is_signed && after.headers == sample.headers);
            assert!(!format!("{after:?}").contains(signer.secret()));
        }
        assert_eq!((tokens, parameters), (19, 7));
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
