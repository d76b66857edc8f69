//! Signed requests for the measurements, and their rules.

use std::sync::OnceLock;
use std::time::Duration;

use nexmo_gate::exports::provider::DEFAULT;
use nexmo_gate::exports::signature::{Encoding, Entry, Keyring, Method, Owner, Rules, Secret};
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};

/// When they are signed.
pub const NOW: u64 = 1_700_000_000;
/// The account, and its secret.
pub const ACCOUNT: &str = "a1b2c3d";
pub const SECRET: &str = "a signature secret of fifty characters, as they are";

/// One account with one secret, and a method for signed parameters.
pub fn rules(sms_method: Method) -> Rules<'static> {
    static KEYRING: OnceLock<Keyring> = OnceLock::new();
    let keyring = KEYRING.get_or_init(|| {
        let secret = Secret::read(SECRET.as_bytes(), Encoding::Text).expect("a secret");
        Keyring::new(vec![Entry { owner: Owner::Account(ACCOUNT.to_owned()), secret, until: None }])
    });
    Rules {
        keyring,
        signing: DEFAULT.signing.as_ref().expect("how it signs"),
        secrets: &[],
        applications: &[],
        max_age: Duration::from_secs(3600),
        clock_skew: Duration::from_secs(300),
        sms_method,
    }
}

/// The value of `Authorization` for a body.
pub fn bearer(body: &[u8]) -> Vec<u8> {
    bearer_at(NOW, 0xbfdf, body)
}

/// The same, signed at this time, with a number in its id: the claims that the vendor's published token has.
pub fn bearer_at(now: u64, number: usize, body: &[u8]) -> Vec<u8> {
    let hash: String = digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let claims = format!(
        r#"{{"iat":{now},"jti":"c5ba8f24-1a14-4c10-bfdf-{number:012x}","iss":"Vonage","payload_hash":"{hash}","api_key":"{ACCOUNT}","application_id":"aaaaaaaa-bbbb-cccc-dddd-0123456789ab"}}"#
    );
    let text = format!("{}.{}", base64(br#"{"alg":"HS256","typ":"JWT"}"#), base64(claims.as_bytes()));
    format!("Bearer {text}.{}", base64(&mac(text.as_bytes()))).into_bytes()
}

/// The MAC of a text by HMAC with SHA-256.
pub fn mac(text: &[u8]) -> [u8; 32] {
    sign(&Key::new(HMAC_SHA256, SECRET.as_bytes()), text).as_ref().try_into().expect("32 bytes")
}

/// Base64 of URLs without padding.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let six =
        |six: &[u8]| (0..6).fold(0, |all, at| all << 1 | usize::from(six.get(at).copied().unwrap_or(0)));
    bits.chunks(6).map(|bits| char::from(LETTERS[six(bits)])).collect()
}
