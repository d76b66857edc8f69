//! A changed byte anywhere: what was signed is not vouched for any more. And no bytes make a panic.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::policy::signature::mac::Mac;
use crate::policy::signature::payload::bound;
use crate::policy::signature::sms::{for_tests::bases, judge};
use crate::policy::signature::text::pairs::{self, Pair};

const MESSAGE: &str = r#"{"message_uuid":"aaaa","to":"447700900000","channel":"sms","text":"a & b = é"}"#;
const QUERY: &str = "to=447700900000&from=447700900001&text=a+%26+b&conversation_uuid=CON-1";

/// One byte of a text made another one.
fn changed(text: &[u8], at: Index, to: u8) -> Vec<u8> {
    let mut text = text.to_vec();
    let at = at.index(text.len());
    text[at] = if text[at] == to { to.wrapping_add(1) } else { to };
    text
}

fn vouched(token: &[u8]) -> Result<Vouched, Fault> {
    let keyring = usual();
    let value = [b"Bearer ", token].concat();
    vouch(&rules(&keyring), NOW, |name| (name == "authorization").then_some(&*value).into_iter())
}

/// A query whose parameters are signed.
fn signed_query() -> Vec<u8> {
    let query = format!("{QUERY}&timestamp={NOW}&api-key={ACCOUNT}");
    let mac = Mac::of(Method::Sha256, SECRET.as_bytes(), &bases(&pairs::form(query.as_bytes()).unwrap())[0]);
    let digits: String = mac.bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{query}&sig={digits}").into_bytes()
}

fn judged_query(query: &[u8]) -> bool {
    let keyring = usual();
    judge(&Rules { sms_method: Method::Sha256, ..rules(&keyring) }, NOW, &get(query)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_changed_byte_of_a_token_is_vouched_for(at: Index, to: u8) {
        let token = signed(HEADER, &claims(MESSAGE.as_bytes()), SECRET.as_bytes());
        prop_assert!(vouched(token.as_bytes()).is_ok());
        // The blank at an end of a line is not a part of its value.
        let other = changed(token.as_bytes(), at, to);
        prop_assert!(vouched(&other).is_err(), "{:?}", String::from_utf8_lossy(&other));
    }

    #[test]
    fn no_changed_byte_of_a_body_is_bound(at: Index, to: u8) {
        let token = vouched(signed(HEADER, &claims(MESSAGE.as_bytes()), SECRET.as_bytes()).as_bytes()).unwrap();
        prop_assert!(bound(&token, &post(MESSAGE.as_bytes())).is_ok());
        prop_assert_eq!(bound(&token, &post(&changed(MESSAGE.as_bytes(), at, to))), Err(Fault::Payload));
    }

    /// By its JSON form a query is bound as what it stands for: `+` and `%20` are the same.
    #[test]
    fn no_changed_byte_of_a_query_is_bound_if_it_means_another(at: Index, to: u8) {
        let json = crate::policy::signature::payload::query_json(QUERY.as_bytes()).unwrap();
        let by_json = vouched(signed(HEADER, &claims(&json), SECRET.as_bytes()).as_bytes()).unwrap();
        let raw = vouched(signed(HEADER, &claims(QUERY.as_bytes()), SECRET.as_bytes()).as_bytes()).unwrap();
        let other = changed(QUERY.as_bytes(), at, to);
        prop_assert_eq!(bound(&raw, &get(&other)), Err(Fault::Payload));
        if pairs::form(&other) != pairs::form(QUERY.as_bytes()) {
            prop_assert_eq!(bound(&by_json, &get(&other)), Err(Fault::Payload));
        }
    }

    /// The scheme makes `&`, `=` and `_` of a value one, and the digits may be in any case.
    #[test]
    fn no_changed_byte_of_signed_parameters_is_vouched_for_if_it_is_signed(at: Index, to: u8) {
        let query = signed_query();
        prop_assert!(judged_query(&query));
        let other = changed(&query, at, to);
        let meaning = |query: &[u8]| {
            let (sig, others): (Vec<Pair<'_>>, Vec<_>) =
                pairs::form(query).ok()?.into_iter().partition(|pair| *pair.key == *b"sig");
            let digits = sig.first()?.value.as_ref()?.to_ascii_lowercase();
            Some((digits, bases(&others)[0].clone()))
        };
        prop_assert_eq!(judged_query(&other), meaning(&other) == meaning(&query));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>, text in r#"[{}\[\]",:.&=%+\\u0-9a-f eyJ]{0,80}"#) {
        let keyring = usual();
        for text in [&bytes[..], text.as_bytes()] {
            prop_assert!(vouched(text).is_err());
            let in_claims = signed(HEADER, &String::from_utf8_lossy(text), SECRET.as_bytes());
            prop_assert!(vouched(in_claims.as_bytes()).is_err());
            let in_header = signed(&String::from_utf8_lossy(text), &claims(b""), SECRET.as_bytes());
            prop_assert!(vouched(in_header.as_bytes()).is_err());
            for message in [get(text), post(text)] {
                prop_assert!(judge(&rules(&keyring), NOW, &message).is_err());
            }
        }
    }
}
