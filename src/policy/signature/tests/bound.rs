//! What a token is bound to.

use super::*;
use crate::policy::signature::finding::{Finding, Scheme};
use crate::policy::signature::payload::{PayloadForm, bound};

#[test]
fn a_genuine_token_is_vouched_for_and_bound_to_its_body() {
    let keyring = usual();
    let vouched = judged(&rules(&keyring), &signed(HEADER, &claims(BODY), SECRET.as_bytes())).unwrap();
    assert_eq!((vouched.account(), vouched.application()), (Some(ACCOUNT), Some("aaaa-bbbb")));
    assert_eq!((vouched.id(), vouched.age(), vouched.place()), (Some("c5ba8f24-1a14"), 2, 1));
    assert_eq!(vouched.scheme(), Scheme::Token);
    assert_eq!(format!("{vouched:?}"), r#"Vouched { account: Some("a1b2c3d"), place: 1, .. }"#);
    assert_eq!(bound(&vouched, &post(BODY)).map(PayloadForm::finding), Ok(Finding::Valid));
    assert_eq!(bound(&vouched, &post(br#"{"text": "hello"}"#)), Err(Fault::Payload));
    assert_eq!(bound(&vouched, &post(b"")), Err(Fault::Payload));
}

#[test]
fn a_get_is_bound_by_either_form_of_its_query_and_by_nothing_else() {
    let keyring = usual();
    let query = b"to=447700900000&from=%2B44+1&uuid=aaaa";
    let of =
        |text: &[u8]| judged(&rules(&keyring), &signed(HEADER, &claims(text), SECRET.as_bytes())).unwrap();
    let json = of(br#"{"to":"447700900000","from":"+44 1","uuid":"aaaa"}"#);
    assert_eq!(bound(&json, &get(query)), Ok(PayloadForm::QueryJson));
    assert_eq!(bound(&json, &get(b"from=%2B44+1&to=447700900000&uuid=aaaa")), Err(Fault::Payload));
    let twice = b"to=447700900000&from=1&from=%2B44+1&uuid=aaaa";
    assert_eq!(bound(&json, &get(twice)), Err(Fault::Payload));
    assert_eq!(bound(&json, &Message { body: b"x", ..get(query) }), Err(Fault::Payload));
    let raw = of(query);
    assert_eq!(bound(&raw, &get(query)), Ok(PayloadForm::RawQuery));
    assert_eq!(bound(&raw, &get(b"to=447700900000&from=%2b44+1&uuid=aaaa")), Err(Fault::Payload));
    let nothing = of(b"");
    assert_eq!(bound(&nothing, &get(query)).map(PayloadForm::finding), Ok(Finding::ValidHead));
    assert_eq!(bound(&nothing, &get(b"")), Ok(PayloadForm::RawQuery));
    assert_eq!(bound(&of(b"{}"), &get(b"")), Ok(PayloadForm::QueryJson));
}

#[test]
fn a_token_without_a_hash_is_bound_to_nothing() {
    let keyring = usual();
    let claims = claims(BODY);
    let end = claims.find(r#""payload_hash""#).unwrap();
    let without = format!("{}{}", &claims[..end], &claims[claims.find(r#""api_key""#).unwrap()..]);
    let of = |claims: &str| judged(&rules(&keyring), &signed(HEADER, claims, SECRET.as_bytes())).unwrap();
    assert_eq!(bound(&of(&without), &post(BODY)), Err(Fault::NoPayloadHash));
    let (upper, cut) = (claims.to_uppercase(), &claims[end + 16..end + 78]);
    let hash = &claims[end + 16..end + 80];
    assert_eq!(
        bound(&of(&claims.replace(hash, &upper[end + 16..end + 80])), &post(BODY)),
        Ok(PayloadForm::Body)
    );
    assert_eq!(bound(&of(&claims.replace(hash, cut)), &post(BODY)), Err(Fault::Payload));
}
