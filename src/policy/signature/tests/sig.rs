//! What attackers try with signed parameters, and what signers differ in.

use super::*;
use crate::policy::signature::finding::{Finding, Scheme, Step};
use crate::policy::signature::mac::Mac;
use crate::policy::signature::sms::{BaseForm, judge};
use crate::policy::signature::text::json::Malformed;
use crate::policy::signature::text::pairs::Unreadable;

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// The signature of a base string.
fn sig(base: &str) -> String {
    let mac = Mac::of(Method::Md5Hash, SECRET.as_bytes(), base.as_bytes());
    mac.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn found(message: &Message<'_>) -> Result<BaseForm, Fault> {
    let keyring = keyring(&[(ACCOUNT, SECRET), ("other", "a secret of another account")]);
    judge(&rules(&keyring), NOW, message).map(|(_, form)| form)
}

fn by_query(query: &str) -> Result<BaseForm, Fault> {
    found(&get(query.as_bytes()))
}

fn by_json(body: &str) -> Result<BaseForm, Fault> {
    found(&post(body.as_bytes()))
}

#[test]
fn signed_parameters_are_vouched_for_wherever_they_stand() {
    let digits = sig("&api-key=a1b2c3d&nonce=n-1&text=a_b_c d&timestamp=1700000000");
    let form = format!("text=a%26b%3Dc+d&nonce=n-1&timestamp=1700000000&api-key=a1b2c3d&sig={digits}");
    let json = format!(
        r#"{{"sig":"{digits}","text":"a&b=c d","nonce":"n-1","timestamp":1700000000,"api-key":"a1b2c3d"}}"#
    );
    let keyring = keyring(&[(ACCOUNT, SECRET)]);
    let messages = [
        get(form.as_bytes()),
        Message { content_type: Some(FORM), ..post(form.as_bytes()) },
        Message { content_type: Some(b"Application/JSON; charset=utf-8"), ..post(json.as_bytes()) },
        // A POST whose parameters are in its query, and that has no body.
        Message { query: form.as_bytes(), ..post(b"") },
    ];
    for message in messages {
        let (vouched, form) = judge(&rules(&keyring), NOW + 3, &message).unwrap();
        assert_eq!((vouched.scheme(), form, vouched.age()), (Scheme::Parameter, BaseForm::Plain, 3));
        assert_eq!(
            (vouched.account(), vouched.id(), vouched.application()),
            (Some(ACCOUNT), Some("n-1"), None)
        );
    }
    assert_eq!(by_query(&form.replace(&digits, &digits.to_uppercase())), Ok(BaseForm::Plain));
}

#[test]
fn each_forgery_has_its_own_fault() {
    let digits = sig("&a=1&timestamp=1700000000");
    let good = format!("a=1&timestamp=1700000000&sig={digits}");
    assert_eq!(by_query(&good), Ok(BaseForm::Plain));
    let stale = |stamp: u64| format!("timestamp={stamp}&sig={}", sig(&format!("&timestamp={stamp}")));
    let of = |pairs: &str| format!("{pairs}&sig={}", sig(&format!("&{pairs}")));
    let rows = [
        (good.replace("a=1", "a=2"), Fault::WrongMac, Finding::Bad),
        (good.replace("a=1", "b=1"), Fault::WrongMac, Finding::Bad),
        (format!("{good}&b=1"), Fault::WrongMac, Finding::Bad),
        (good.replace("a=1&", ""), Fault::WrongMac, Finding::Bad),
        (good.replace(&digits, &digits[..31]), Fault::WrongMac, Finding::Bad),
        (good.replace(&digits, ""), Fault::WrongMac, Finding::Bad),
        (good.replace(&digits, &"0".repeat(32)), Fault::WrongMac, Finding::Bad),
        (good.replace(&digits, &format!("{digits}00")), Fault::WrongMac, Finding::Bad),
        ("a=1&timestamp=1700000000".to_owned(), Fault::Unsigned, Finding::Unsigned),
        (String::new(), Fault::Unsigned, Finding::Unsigned),
        ("a=1&a=1".to_owned(), Fault::Unsigned, Finding::Unsigned),
        (format!("{good}&a=1"), Fault::Parameters(Unreadable::Duplicate), Finding::Malformed),
        (format!("{good}&%73ig=x"), Fault::Parameters(Unreadable::Duplicate), Finding::Malformed),
        (format!("{good}&b=%"), Fault::Parameters(Unreadable::Percent), Finding::Malformed),
        (format!("{good}&b%3D=1"), Fault::Key, Finding::Malformed),
        (format!("{good}&b%26c=1"), Fault::Key, Finding::Malformed),
        (of("a=1"), Fault::Timestamp, Finding::Malformed),
        (of("timestamp=-1700000000"), Fault::Timestamp, Finding::Malformed),
        (of("timestamp=1700000000.0"), Fault::Timestamp, Finding::Malformed),
        (of("timestamp=").replace("timestamp=&", "timestamp&"), Fault::Timestamp, Finding::Malformed),
        (stale(NOW - 25 * 3600 - 1), Fault::TooOld, Finding::Stale),
        (stale(NOW + 301), Fault::InFuture, Finding::Stale),
        (of("api_key=unknown&timestamp=1700000000"), Fault::UnknownKey, Finding::UnknownKey),
        (of("api-key=other&timestamp=1700000000"), Fault::WrongMac, Finding::Bad),
    ];
    assert_eq!(rows.len(), 24);
    for (query, fault, finding) in rows {
        assert_eq!(by_query(&query), Err(fault), "{query}");
        assert_eq!(fault.finding(), finding, "{query}");
        assert!(Step::of(Scheme::Parameter).contains(&fault.step()), "{query}");
        assert!(!format!("{fault} {fault:?}").contains(&digits), "{fault}");
    }
    let many: String = (0..256).map(|number| format!("k{number}=&")).collect();
    assert_eq!(by_query(&(many + &good)), Err(Fault::Parameters(Unreadable::TooMany)));
}

#[test]
fn bodies_that_two_readers_take_differently_are_refused() {
    let digits = sig("&a=1&timestamp=1700000000");
    let good = format!(r#"{{"a":1,"timestamp":"1700000000","sig":"{digits}"}}"#);
    assert_eq!(by_json(&good), Ok(BaseForm::Plain));
    let broken = |unreadable| Err(Fault::Parameters(unreadable));
    assert_eq!(by_json(&good.replace("{\"a\":1", "{\"a\":1,\"\\u0061\":2")), broken(Unreadable::Duplicate));
    assert_eq!(by_json(&good.replace(":1,", ":[1],")), broken(Unreadable::Nested));
    assert_eq!(by_json(&good.replace(":1,", ":{\"b\":1},")), broken(Unreadable::Nested));
    assert_eq!(by_json(&good.replace(":1,", ":01,")), broken(Unreadable::Json(Malformed::Syntax)));
    assert_eq!(by_json(&good.replace(":1,", ":\"\\ud83d\",")), broken(Unreadable::Json(Malformed::Syntax)));
    let deep = format!("{{\"sig\":{}", "[".repeat(10_000));
    assert_eq!(by_json(&deep), broken(Unreadable::Nested));
    // Without any word of a signature it is not signed, whatever it is.
    assert_eq!(by_json(r#"{"to":{"type":"sms"}}"#), Err(Fault::Unsigned));
    assert_eq!(by_json(r#"{"a":"1"}"#), Err(Fault::Unsigned));
    let form = format!("a=1&timestamp=1700000000&sig={digits}");
    let both = Message { query: form.as_bytes(), content_type: Some(FORM), ..post(b"b=2") };
    assert_eq!(found(&both), Err(Fault::TwoPlaces));
    assert_eq!(
        found(&Message { content_type: Some(FORM), body: form.as_bytes(), ..get(b"") }),
        Err(Fault::TwoPlaces)
    );
    let text = Message { content_type: Some(b"text/plain"), ..post(form.as_bytes()) };
    assert_eq!(found(&text), Err(Fault::MediaType));
    assert_eq!(found(&Message { content_type: None, ..post(form.as_bytes()) }), Err(Fault::MediaType));
    assert_eq!(Fault::MediaType.finding(), Finding::Unsigned);
}

#[test]
fn each_way_to_sign_blank_and_null_values_is_known_by_name() {
    let query = |base: &str| by_query(&format!("a=&b=+&timestamp=1700000000&sig={}", sig(base)));
    assert_eq!(query("&a=&b= &timestamp=1700000000"), Ok(BaseForm::Plain));
    assert_eq!(query("&timestamp=1700000000"), Ok(BaseForm::BlanksLeftOut));
    assert_eq!(query("&b= &timestamp=1700000000"), Err(Fault::WrongMac));
    let json =
        |base: &str| by_json(&format!(r#"{{"a":null,"b":"","timestamp":1700000000,"sig":"{}"}}"#, sig(base)));
    assert_eq!(json("&b=&timestamp=1700000000"), Ok(BaseForm::Plain));
    assert_eq!(json("&a=&b=&timestamp=1700000000"), Ok(BaseForm::NullsBlank));
    assert_eq!(json("&timestamp=1700000000"), Ok(BaseForm::BlanksLeftOut));
    assert_eq!(json("&a=None&b=&timestamp=1700000000"), Err(Fault::WrongMac));
    assert_eq!(json("&a=&timestamp=1700000000"), Err(Fault::WrongMac));
}

/// Else anybody could add a name that is a whole text of its own, and the signature would still fit.
#[test]
fn only_what_the_provider_may_leave_blank_is_left_out() {
    let genuine = format!("a=1&timestamp=1700000000&sig={}", sig("&a=1&timestamp=1700000000"));
    for added in ["&b=", "&text="] {
        assert_eq!(by_query(&format!("{genuine}{added}")), Ok(BaseForm::BlanksLeftOut), "{added}");
    }
    for added in
        ["&c=", "&text[]=", "&+text=", "&__proto__=", "&%7B%22text%22:%22other%22%7D", "&text%00=", "&c=+"]
    {
        assert_eq!(by_query(&format!("{genuine}{added}")), Err(Fault::WrongMac), "{added}");
    }
    let json = |added: &str| {
        by_json(&format!(
            r#"{{"a":"1","timestamp":1700000000,"sig":"{}"{added}}}"#,
            sig("&a=1&timestamp=1700000000")
        ))
    };
    assert_eq!(json(r#","b":null"#), Ok(BaseForm::Plain));
    for added in [r#","c":null"#, r#","c":"""#, r#","text[]":null"#] {
        assert_eq!(json(added), Err(Fault::WrongMac), "{added}");
    }
}

#[test]
fn a_body_that_can_be_read_in_two_ways_is_not_read() {
    let form = format!("a=1&timestamp=1700000000&sig={}", sig("&a=1&timestamp=1700000000"));
    let typed = |kind: &'static str| Message { content_type: Some(kind.as_bytes()), ..post(form.as_bytes()) };
    assert_eq!(found(&typed("application/x-www-form-urlencoded; charset=UTF-8")), Ok(BaseForm::Plain));
    for kind in [
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; application/json",
        "application/x-www-form-urlencoded; charset*=utf-8''utf-16",
        "application/x-www-form-urlencoded; charset=UTF-8;charset*=utf-16",
        "application/x-www-form-urlencoded; charset=utf-8; charset=utf-8",
    ] {
        assert_eq!(found(&typed(kind)), Err(Fault::Charset), "{kind}");
    }
    let two = Message { has_more_types: true, ..typed("application/x-www-form-urlencoded") };
    assert_eq!(found(&two), Err(Fault::TwoTypes));
}

#[test]
fn a_number_is_signed_as_it_is_written() {
    let json = |number: &str, text: &str| {
        by_json(&format!(
            r#"{{"n":{number},"timestamp":1700000000,"sig":"{}"}}"#,
            sig(&format!("&n={text}&timestamp=1700000000"))
        ))
    };
    for number in ["0.10", "1e3", "-0", "123456789012345678901234567890", "true"] {
        assert_eq!(json(number, number), Ok(BaseForm::Plain), "{number}");
    }
    assert_eq!(json("0.10", "0.1"), Err(Fault::WrongMac));
}
