//! What attackers try with tokens: each has its own fault, and none is taken.

use super::*;
use crate::policy::signature::fault::Part;
use crate::policy::signature::finding::{Finding, Scheme, Step};
use crate::policy::signature::text::json::Malformed;
use crate::policy::signature::text::pairs::Unreadable;

/// A row: what is tried, the token, and its fault.
type Row = (&'static str, String, Fault);

fn forged() -> Vec<Row> {
    let genuine = signed(HEADER, &claims(BODY), SECRET.as_bytes());
    let (head, mac) = genuine.rsplit_once('.').unwrap();
    let under = |header: &str| signed(header, &claims(BODY), SECRET.as_bytes());
    let other = claims(BODY).replace(ACCOUNT, "other");
    let unsigned =
        |header: &str| format!("{}.{}.", encoded(header.as_bytes()), encoded(claims(BODY).as_bytes()));
    let last = mac.chars().last().unwrap();
    // The last character of 43 stands for four bits: the next letter has the same bytes for a lenient reader.
    let next = char::from(u8::try_from(last).unwrap() + 1);
    vec![
        ("no algorithm, no signature", unsigned(r#"{"alg":"none"}"#), Fault::Algorithm),
        ("no algorithm, spelled otherwise", unsigned(r#"{"alg":"nOnE"}"#), Fault::Algorithm),
        ("no algorithm, the usual signature", under(r#"{"alg":"none"}"#), Fault::Algorithm),
        ("RS256 with the secret as its key", under(r#"{"alg":"RS256"}"#), Fault::Algorithm),
        ("HS512", under(r#"{"alg":"HS512"}"#), Fault::Algorithm),
        ("HS256 in another case", under(r#"{"alg":"hs256"}"#), Fault::Algorithm),
        ("an algorithm that is a list", under(r#"{"alg":["HS256"]}"#), Fault::Algorithm),
        ("a header without an algorithm", under(r#"{"typ":"JWT"}"#), Fault::Algorithm),
        (
            "two algorithms",
            under(r#"{"alg":"none","alg":"HS256"}"#),
            Fault::Json(Part::Header, Malformed::Duplicate),
        ),
        ("an extension", under(r#"{"alg":"HS256","crit":["x"],"x":1}"#), Fault::Extension),
        ("a payload not encoded", under(r#"{"alg":"HS256","b64":false}"#), Fault::Extension),
        ("a header that is a list", under("[]"), Fault::Json(Part::Header, Malformed::Syntax)),
        ("no signature", format!("{head}."), Fault::Encoding(Part::Signature)),
        ("a short signature", format!("{head}.{}", &mac[..40]), Fault::Encoding(Part::Signature)),
        ("a long signature", format!("{head}.{mac}AAAA"), Fault::Encoding(Part::Signature)),
        ("unused bits of base64", format!("{head}.{}{next}", &mac[..42]), Fault::Encoding(Part::Signature)),
        ("padding", format!("{genuine}="), Fault::Encoding(Part::Signature)),
        ("two parts", head.to_owned(), Fault::Parts),
        ("four parts", format!("{genuine}.AA"), Fault::Parts),
        ("dots alone", "..".to_owned(), Fault::Json(Part::Header, Malformed::Syntax)),
        ("a token with a null byte", genuine.replace("eyJp", "eyJ\0"), Fault::Encoding(Part::Claims)),
        ("a guessed secret", signed(HEADER, &claims(BODY), b"guessed"), Fault::WrongMac),
        (
            "another account's secret",
            signed(HEADER, &claims(BODY), b"a secret of another account"),
            Fault::WrongMac,
        ),
        ("a name's secret", signed(HEADER, &claims(BODY), b"a secret of a name"), Fault::WrongMac),
        (
            "the account's secret for another account",
            signed(HEADER, &other, SECRET.as_bytes()),
            Fault::WrongMac,
        ),
        ("an unknown account", with(ACCOUNT, "unknown"), Fault::UnknownKey),
        ("an account by its beginning", with(ACCOUNT, "a1b2c3"), Fault::UnknownKey),
        ("a secret's name for an account", with(ACCOUNT, "video"), Fault::UnknownKey),
        ("no account", with(r#""api_key":"a1b2c3d","#, ""), Fault::UnknownKey),
        ("a secret that has ended", signed(HEADER, &claims(BODY), OLD.as_bytes()), Fault::ExpiredSecret),
        ("an account whose secrets have ended", with(ACCOUNT, "left"), Fault::NoSecretLeft),
    ]
}

fn misused() -> Vec<Row> {
    let iat = format!(r#""iat":{}"#, NOW - 2);
    let at = |seconds: u64| with(&iat, &format!(r#""iat":{seconds}"#));
    let also = |claim: &str| with(&iat, &format!("{iat},{claim}"));
    let nested = |text: String| signed(HEADER, &text, SECRET.as_bytes());
    let mut deep = String::from("{\"a\":");
    deep.extend(std::iter::repeat_n('[', 2000));
    let hash = claims(BODY)[claims(BODY).find("payload_hash").unwrap() + 15..][..64].to_owned();
    let claim = Fault::Claim;
    let twice = || Fault::Json(Part::Claims, Malformed::Duplicate);
    vec![
        ("a claim twice", also(r#""iat":1"#), twice()),
        ("a claim twice, once escaped", also(r#""\u0061pi_key":"other""#), twice()),
        ("a hash twice", also(&format!(r#""payload_hash":"{hash}""#)), twice()),
        ("another issuer", with("Vonage", "vonage"), Fault::Issuer),
        ("no issuer", with(r#""iss":"Vonage","#, ""), Fault::Issuer),
        ("an issuer that is a list", with(r#""Vonage""#, r#"["Vonage"]"#), claim("iss")),
        ("no time", with(&format!("{iat},"), ""), claim("iat")),
        ("a time that is a text", with(&iat, r#""iat":"1699999998""#), claim("iat")),
        ("a time with a fraction", with(&iat, r#""iat":1699999998.0"#), claim("iat")),
        ("a time with an exponent", with(&iat, r#""iat":1e9"#), claim("iat")),
        ("a time below zero", with(&iat, r#""iat":-1"#), claim("iat")),
        ("a time beyond numbers", with(&iat, r#""iat":99999999999999999999"#), claim("iat")),
        ("a time that is null", with(&iat, r#""iat":null"#), claim("iat")),
        ("an end that is a text", also(r#""exp":"1700000000""#), claim("exp")),
        ("too old by a second", at(NOW - 25 * 3600 - 1), Fault::TooOld),
        ("from the beginning of time", at(0), Fault::TooOld),
        ("in the future by a second", at(NOW + 301), Fault::InFuture),
        ("at the end of time", at(u64::MAX), Fault::InFuture),
        ("ended", also(&format!(r#""exp":{}"#, NOW - 300)), Fault::Expired),
        ("not begun", also(&format!(r#""nbf":{}"#, NOW + 301)), Fault::InFuture),
        ("nesting", nested(deep), Fault::Json(Part::Claims, Malformed::Depth)),
        ("claims that are no JSON", nested("iss".to_owned()), Fault::Json(Part::Claims, Malformed::Syntax)),
    ]
}

#[test]
fn each_forgery_has_its_own_fault_and_no_words_of_a_secret() {
    let keyring = usual();
    let rules = rules(&keyring);
    let rows = [forged(), misused()].concat();
    assert_eq!(rows.len(), 53);
    for (what, token, fault) in rows {
        let found = judged(&rules, &token).map(|vouched| vouched.place());
        assert_eq!(found, Err(fault), "{what}");
        assert!(Step::of(Scheme::Token).contains(&fault.step()), "{what}");
        let said = format!("{fault} {fault:?} {rules:?} {}", fault.step().question());
        for hidden in [SECRET, OLD, "a secret of a", token.as_str()] {
            assert!(!said.contains(hidden), "{what}: {said}");
        }
    }
}

#[test]
fn each_fault_is_logged_as_what_the_operator_can_do() {
    let rows = [
        (Finding::Unsigned, vec![Fault::Unsigned, Fault::MediaType]),
        (Finding::UnknownKey, vec![Fault::UnknownKey, Fault::NoSecretLeft, Fault::ExpiredSecret]),
        (
            Finding::Bad,
            vec![Fault::WrongMac, Fault::Algorithm, Fault::Issuer, Fault::Application, Fault::NoApplication],
        ),
        (Finding::Stale, vec![Fault::TooOld, Fault::InFuture, Fault::Expired]),
        (Finding::Mismatch, vec![Fault::NoPayloadHash, Fault::Payload]),
        (
            Finding::Malformed,
            vec![
                Fault::TwoTokens,
                Fault::TooLong,
                Fault::Parts,
                Fault::Encoding(Part::Claims),
                Fault::Json(Part::Header, Malformed::Depth),
                Fault::Extension,
                Fault::Claim("iat"),
                Fault::Parameters(Unreadable::Nested),
                Fault::TwoPlaces,
                Fault::TwoTypes,
                Fault::Charset,
                Fault::Key,
                Fault::Timestamp,
            ],
        ),
    ];
    for (finding, faults) in rows {
        for fault in faults {
            assert_eq!(fault.finding(), finding, "{fault}");
        }
    }
}
