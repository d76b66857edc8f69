//! Signatures: a token, signed parameters, and the JSON of a query.

use std::time::Duration;

use nexmo_gate::exports::provider;
use nexmo_gate::exports::signature::{
    self, Encoding, Entry, Fault, Keyring, Message, Method, Owner, Part, Rules, Scheme, Secret, Step,
    Unreadable,
};

/// When the seeds of signatures were made, and with which secret.
const SIGNED_AT: u64 = 1_700_000_000;
const SIGNED_WITH: &[u8] = b"a secret for the fuzz targets";

fn judged<T>(judge: impl FnOnce(&Rules<'_>) -> T) -> T {
    let secret = Secret::read(SIGNED_WITH, Encoding::Text).expect("a secret");
    let keyring =
        Keyring::new(vec![Entry { owner: Owner::Account("a1b2c3d".to_owned()), secret, until: None }]);
    judge(&Rules {
        keyring: &keyring,
        signing: provider::DEFAULT.signing.as_ref().expect("how it signs"),
        secrets: &[],
        applications: &[],
        max_age: Duration::from_secs(3600),
        clock_skew: Duration::from_secs(300),
        sms_method: Method::Sha256,
    })
}

/// A token is vouched for or has a fault in one of its steps; what is vouched for is one text: with any byte changed
/// it is not. Accepted is what has a good header and claims in base64.
pub fn token(data: &[u8]) -> bool {
    let vouch = |token: &[u8]| {
        let value = [b"Bearer ", token].concat();
        let values = |name: &'static str| (name == "authorization").then_some(&*value).into_iter();
        judged(|rules| signature::vouch(rules, SIGNED_AT, values))
    };
    match vouch(data) {
        Ok(vouched) => {
            assert_eq!((vouched.place(), vouched.account()), (0, Some("a1b2c3d")));
            let token = data.trim_ascii();
            for at in 0..token.len() {
                let mut other = token.to_vec();
                other[at] = if other[at] == b'B' { b'C' } else { b'B' };
                assert!(vouch(&other).is_err(), "vouched for with another byte at {at}");
            }
            true
        }
        Err(fault) => {
            assert!(Step::of(Scheme::Token).contains(&fault.step()), "{fault}");
            let is_claims = matches!(fault, Fault::Claim(_) | Fault::Json(Part::Claims, _));
            is_claims || !matches!(fault.step(), Step::Found | Step::Form | Step::Header | Step::Claims)
        }
    }
}

/// Parameters are vouched for only with the signature of one of the texts that the guide's words make of them.
///
/// The first byte says whether they are a query, a form or JSON. Accepted is what comes as far as to its secret.
pub fn signed_parameters(data: &[u8]) -> bool {
    let [how, text @ ..] = data else { return false };
    let (method, query, body): (&[u8], _, _) =
        if how % 3 == 0 { (b"GET", text, &b""[..]) } else { (b"POST", &b""[..], text) };
    let content_type: &[u8] =
        if how % 3 == 1 { b"application/x-www-form-urlencoded" } else { b"application/json;charset=utf-8" };
    let message = Message { method, query, content_type: Some(content_type), has_more_types: false, body };
    match judged(|rules| signature::judge(rules, SIGNED_AT, &message)) {
        Ok((vouched, _)) => {
            assert_eq!(vouched.place(), 0);
            assert!((-300..=3600).contains(&vouched.age()));
            true
        }
        Err(fault) => {
            assert!(Step::of(Scheme::Parameter).contains(&fault.step()), "{fault}");
            matches!(fault, Fault::WrongMac | Fault::UnknownKey)
        }
    }
}

/// The JSON of a query is read again by another reader as what the query stands for. (That it is written as JavaScript
/// writes it, `tests/oracles` asks JavaScript.)
pub fn query_json(data: &[u8]) -> bool {
    let parts = || data.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    let written = match signature::query_json(data) {
        Ok(written) => written,
        Err(unreadable) => {
            let is_so = match unreadable {
                Unreadable::Percent => data.contains(&b'%'),
                Unreadable::Duplicate => parts().count() > 1,
                Unreadable::TooMany => parts().count() > 256,
                Unreadable::NotUtf8 => data.contains(&b'%') || std::str::from_utf8(data).is_err(),
                Unreadable::Nested | Unreadable::Json(_) => false,
            };
            assert!(is_so, "{unreadable}");
            return false;
        }
    };
    let text = std::str::from_utf8(&written).expect("JSON is UTF-8");
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).expect("an object");
    assert_eq!(object.len(), parts().count());
    for part in parts() {
        let end = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let (key, value) =
            (plain_decoded(&part[..end]), plain_decoded(part.get(end + 1..).unwrap_or_default()));
        assert_eq!(object.get(&key).and_then(|value| value.as_str()), Some(&*value), "{key}");
    }
    true
}

/// A part of a query, decoded the obvious way.
fn plain_decoded(part: &[u8]) -> String {
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < part.len() {
        let digits = part
            .get(at + 1..at + 3)
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (part[at], digits) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(other),
        }
        at += 1;
    }
    String::from_utf8(bytes).expect("UTF-8")
}
