//! Signs requests as the vendor does: tokens (HS256), and parameters (MD5 of the text and the secret).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use ring::{digest, hmac};
use serde_json::{Value, json};

/// Every secret that any test of this process signed with.
static USED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// A shorter text may stand in a log for another reason.
const LONG: usize = 12;

fn used(secret: &str) {
    if secret.len() >= LONG {
        USED.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// What a text shows that nobody may see: a secret that was used, a part of a token (which is base64 of `{"`), or a `sig`.
pub fn shown_secret(text: &str) -> Option<String> {
    let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = used.iter().find(|secret| text.contains(*secret)).cloned();
    secret.or_else(|| ["eyJ", "sig="].into_iter().find(|mark| text.contains(mark)).map(str::to_owned))
}

/// What a token says. Change what a case needs.
#[derive(Clone)]
pub struct Token {
    pub header: Value,
    pub claims: Value,
    pub secret: Vec<u8>,
}

/// The present, in Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl Token {
    /// A token of this account, for this body.
    pub fn new(api_key: &str, secret: &str, body: &[u8]) -> Self {
        used(secret);
        let claims = json!({
            "iat": now(),
            "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
            "iss": "Vonage",
            "payload_hash": hex(digest::digest(&digest::SHA256, body).as_ref()),
            "api_key": api_key,
            "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
        });
        Self { header: json!({ "alg": "HS256", "typ": "JWT" }), claims, secret: secret.into() }
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// The value of `Authorization`.
    pub fn bearer(&self) -> String {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        format!("Bearer {signed}.{}", base64url(hmac::sign(&key, signed.as_bytes()).as_ref()))
    }
}

/// A query or form with its `sig`, by the method `md5hash`. The pairs stand in it as they are: they need no encoding.
pub fn signed_form(secret: &str, pairs: &[(&str, &str)]) -> String {
    used(secret);
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let base: String = sorted.iter().map(|(key, value)| format!("&{key}={value}")).collect();
    let sig = hex(&Md5::digest(format!("{base}{secret}")));
    let form: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}&sig={sig}", form.join("&"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..=three.len() {
            let place = usize::try_from(bits >> (18 - 6 * digit) & 63).expect("six bits");
            text.push(char::from(DIGITS[place]));
        }
    }
    text
}
