//! Every row of `tests/fixtures/signatures.json` that can be judged comes out as its verdict says.
//!
//! The rows test parts: of a MAC, of base strings, of tokens of other issuers. So a token is judged by its form and MAC
//! first, and then by all rules, which refuse those of others by name.

use std::borrow::Cow;

use serde_json::Value;

use super::*;
use crate::policy::signature::mac::Mac;
use crate::policy::signature::payload::PayloadForm;
use crate::policy::signature::payload::bound;
use crate::policy::signature::secret::{Encoding, NoSecret};
use crate::policy::signature::sms::for_tests::bases;
use crate::policy::signature::sms::{self, BaseForm};
use crate::policy::signature::text::base64;
use crate::policy::signature::text::pairs::Pair;
use crate::policy::signature::token::Token;

fn rows(scheme: &str) -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../../../../tests/fixtures/signatures.json")).unwrap();
    let all = file["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 100);
    all.iter().filter(|row| row["scheme"] == scheme).cloned().collect()
}

fn text<'r>(row: &'r Value, key: &str) -> &'r str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} of {row}"))
}

fn method(row: &Value) -> Method {
    Method::ALL.into_iter().find(|method| method.word() == text(row, "algorithm")).unwrap()
}

fn pairs(row: &Value) -> Vec<Pair<'_>> {
    let pair = |pair: &Value| {
        let value = match &pair[1] {
            Value::Null => None,
            Value::String(text) => Some(text.clone().into_bytes().into()),
            other => Some(other.to_string().into_bytes().into()),
        };
        Pair { key: Cow::Owned(pair[0].as_str().unwrap().as_bytes().to_vec()), value }
    };
    row["params"].as_array().unwrap().iter().map(pair).collect()
}

/// In hexadecimal digits.
fn mac(method: Method, secret: &[u8], message: &[u8]) -> String {
    Mac::of(method, secret, message).bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn macs_are_the_published_ones() {
    let rows = rows("hmac");
    for row in &rows {
        let made = mac(method(row), text(row, "secret").as_bytes(), text(row, "message").as_bytes());
        assert_eq!(made, text(row, "expected"), "{row}");
    }
    assert_eq!(rows.len(), 8);
}

#[test]
fn base_strings_are_the_published_ones() {
    let rows = rows("sms-base-string");
    for row in &rows {
        assert_eq!(String::from_utf8_lossy(&bases(&pairs(row))[0]), text(row, "expected"), "{row}");
    }
    assert_eq!(rows.len(), 3);
}

/// As a form, and as JSON with its raw numbers and nulls.
fn messages(row: &Value) -> (Vec<u8>, Vec<u8>) {
    let params = row["params"].as_array().unwrap();
    let others = params.iter().filter(|pair| pair[0] != "sig");
    let sig = serde_json::json!(["sig", text(row, "expected")]);
    let all: Vec<&Value> = others.chain([&sig]).collect();
    let json: Vec<String> = all.iter().map(|pair| format!("{}:{}", pair[0], pair[1])).collect();
    let percent = |text: &Value| -> String {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    };
    let form: Vec<String> =
        all.iter().map(|pair| format!("{}={}", percent(&pair[0]), percent(&pair[1]))).collect();
    (form.join("&").into_bytes(), format!("{{{}}}", json.join(",")).into_bytes())
}

#[test]
fn signed_parameters_are_judged_as_published() {
    let (mut good, mut undated, mut wrong, mut apart) = (0, 0, 0, Vec::new());
    let rows = rows("sms-sig");
    for row in &rows {
        if row["secret"].is_null() {
            apart.push("no published secret");
            continue;
        }
        let base = &bases(&pairs(row))[0];
        let (secret, expected) = (text(row, "secret"), text(row, "expected").to_lowercase());
        let is_plain = mac(method(row), secret.as_bytes(), base) == expected;
        assert_eq!(is_plain, text(row, "verdict") == "agree", "{row}");
        if secret.is_empty() {
            assert_eq!(Secret::read(b"", Encoding::Text).map(drop), Err(NoSecret::Empty));
            apart.push("a gate has no empty secret");
            continue;
        }
        let keyring = keyring(&[
            ("asdfzxcv", secret),
            ("12345", secret),
            ("not_a_key", secret),
            ("fake_api_key", secret),
        ]);
        let rules = Rules { sms_method: method(row), ..rules(&keyring) };
        let (form, json) = messages(row);
        let has_null = row["params"].as_array().unwrap().iter().any(|pair| pair[1].is_null());
        let stamp = pairs(row)
            .iter()
            .find(|pair| *pair.key == *b"timestamp")
            .and_then(|pair| String::from_utf8_lossy(pair.value.as_deref()?).parse::<u64>().ok());
        let now = stamp.unwrap_or(NOW);
        let form = Message { content_type: Some(b"application/x-www-form-urlencoded"), ..post(&form) };
        let found: Vec<_> = [get(form.body), form, post(&json)]
            .iter()
            // A form has no null.
            .filter(|message| !has_null || message.content_type == Some(b"application/json"))
            .map(|message| sms::judge(&rules, now, message).map(|(vouched, form)| (vouched.age(), form)))
            .collect();
        assert!(!found.is_empty());
        let all = |wanted| assert!(found.iter().all(|one| *one == wanted), "{row}: {found:?}");
        match (is_plain, stamp) {
            (true, Some(_)) => {
                all(Ok((0, BaseForm::Plain)));
                good += 1;
            }
            (true, None) => {
                all(Err(Fault::Timestamp));
                undated += 1;
            }
            // Published to show that signers differ about blank values; it is known by which of the ways it was made.
            (false, _) if row["id"] == "P7-blank-value-others" => {
                all(Ok((0, BaseForm::BlanksLeftOut)));
                apart.push("blank values left out");
            }
            (false, _) => {
                all(Err(Fault::WrongMac));
                wrong += 1;
            }
        }
    }
    assert_eq!((rows.len(), good, undated, wrong), (42, 27, 7, 5));
    assert_eq!(apart, ["a gate has no empty secret", "blank values left out", "no published secret"]);
}

/// The secret of a row: of others than the provider it is bytes in base64.
fn secret(row: &Value) -> Vec<u8> {
    let Some(key) = row["key_b64url"].as_str() else { return text(row, "secret").as_bytes().to_vec() };
    base64::url(key.as_bytes()).unwrap()
}

#[test]
fn tokens_are_judged_as_published() {
    let (mut valid, mut invalid, mut wrongly_published) = (0, 0, Vec::new());
    let rows = rows("jws-hs256");
    for row in &rows {
        // The form, the header and the MAC, whatever the claims are.
        let token = Token::read(text(row, "token").as_bytes());
        let mac = token.and_then(|token| {
            let mac = Mac::of(Method::Sha256, &secret(row), token.signed);
            base64::url(token.claims).map_err(|_| Fault::Unsigned)?;
            if mac.is(&token.mac) { Ok(()) } else { Err(Fault::WrongMac) }
        });
        let says = row["expected_valid"].as_bool().unwrap();
        if row["documented_scheme"] == false {
            assert_ne!(mac.is_ok(), says, "{row}");
            wrongly_published.push(text(row, "id").to_owned());
        } else {
            assert_eq!(mac.is_ok(), says, "{row}");
            if says { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((rows.len(), valid, invalid), (47, 14, 29));
    // Two whose padding was lost in the published file, two that only a lenient reader of base64 takes.
    assert_eq!(wrongly_published, ["W367", "W370", "W372", "W373"]);
}

#[test]
fn of_all_published_tokens_only_the_providers_own_is_vouched_for() {
    let mut vouched = Vec::new();
    for row in rows("jws-hs256") {
        let secret = secret(&row);
        let keyring =
            Keyring::new(vec![entry(account(ACCOUNT), &secret, None), entry(account(""), &secret, None)]);
        let rules = Rules { max_age: Duration::from_secs(u64::MAX), ..rules(&keyring) };
        if let Ok(found) = judged(&rules, text(&row, "token")) {
            let finding = row["body"].as_str().map(|body| bound(&found, &post(body.as_bytes())));
            assert_eq!(bound(&found, &post(b"another")), Err(Fault::Payload));
            vouched.push((text(&row, "id").to_owned(), found.account().map(str::to_owned), finding));
        }
    }
    let wanted = [
        ("J1-valid".to_owned(), Some(ACCOUNT.to_owned()), None),
        ("J3-symfony-recipe".to_owned(), None, Some(Ok(PayloadForm::Body))),
    ];
    assert_eq!(vouched, wanted);
}
