//! Nothing that says who wrote what to whom is in a masked text, whatever was sent.

use proptest::prelude::*;
use serde_json::Value;

use crate::policy::mask::body::Given;
use crate::policy::mask::digits;
use crate::policy::mask::json::Layout;
use crate::policy::mask::mode::Mask;
use crate::policy::provider::DEFAULT;

const SAMPLES: &str = include_str!("../../../tests/fixtures/webhooks.json");

fn masked() -> Mask {
    Mask { full: false, names: &DEFAULT.fields }
}

fn full() -> Mask {
    Mask { full: true, names: &DEFAULT.fields }
}

/// Seven digits in a row, as a reader sees them.
fn long_run(text: &str) -> Option<String> {
    let mut run = String::new();
    for c in text.chars().filter(|c| !digits::is_unseen(*c)) {
        if c.is_numeric() {
            run.push(c);
        } else {
            run.clear();
        }
        if run.chars().count() == 7 {
            return Some(run);
        }
    }
    None
}

fn json(text: &str) -> String {
    masked().json(text.as_bytes(), Layout::Line).unwrap().0
}

#[test]
fn a_number_keeps_its_first_four_and_last_two_digits() {
    for (text, wanted) in [
        ("447700900000", "4477******00"),
        ("+44 7700 900000", "+4477******00"),
        ("(415) 555-0100 ext", "(4155****00 ext"),
        ("1234567", "1234*67"),
        ("123456", "123456"),
        ("4477_0091_1015", "4477******15"),
        ("44,77,00,91,10,15", "4477******15"),
        ("1234567890123456", "(16_digits)"),
        ("\u{664}\u{664}\u{667}\u{667}\u{660}\u{660}\u{669}", "\u{664}\u{664}\u{667}\u{667}*\u{660}\u{669}"),
        ("4\u{200b}4\u{200b}7\u{200b}7\u{200b}0\u{200b}0\u{200b}9", "4477*09"),
        ("2016-05-24 11:12:01", "2016-05-24 11:12:01"),
        ("2020-01-01T12:00:00.123456789Z", "2020-01-01T12:00:00.1234***89Z"),
        ("192.168.100.200:8080", "192.168.100.200:8080"),
        ("0.0333", "0.0333"),
        ("0.00845000", "0.0084**00"),
        ("12345678.5", "1234**78.5"),
        ("63f61863-4a51-4f6b-86e1-46edebcf9356", "63f61863-4a51-4f6b-86e1-46edebcf9356"),
        ("aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "aaaaaaaa-bbbb-cccc-dddd-0123****89ab"),
        ("02000000DA7C52E7", "0200**00DA7C52E7"),
    ] {
        assert_eq!(digits::masked(text), wanted, "{text}");
    }
}

#[test]
fn words_are_told_by_their_shape() {
    let text = |text: &str| masked().text(text);
    for (given, wanted) in [
        ("alice@example.com wrote", "(17_characters) wrote"),
        ("sip:441632960960@sip.example.com", "(32_characters)"),
        ("US.13491208655302741918", "(23_characters)"),
        ("https://media.example.com/a/b?t=c", "https://media.example.com/(8_characters)"),
        ("https://media.example.com/a/b?token=c", "(left_out)"),
        ("https://media.example.com/", "https://media.example.com/"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.abc", "Bearer (left_out)"),
        ("8cfbb03967d8d6339c82736d7781a7fd", "(32_characters)"),
        ("CON-63f61863-4a51-4f6b-86e1-46edebcf9356", "CON-63f61863-4a51-4f6b-86e1-46edebcf9356"),
        ("{\"a\": 1}", "(8_characters)"),
        ("%34%34%37%37%30%30%39%31%31%30%31%30", "(36_characters)"),
        ("NDQ3NzAwOTExMDEx", "(16_characters)"),
        ("NDQ3NzAwOTExMDExMA==", "(20_characters)"),
        ("completed", "completed"),
        ("Jakarta Commons-HttpClient/3.1", "Jakarta Commons-HttpClient/3.1"),
    ] {
        assert_eq!(text(given), wanted, "{given}");
    }
}

#[test]
fn json_keeps_its_shape_and_loses_what_was_written() {
    assert_eq!(
        json(
            r#"{"to":447700900000,"text":"Hi there","n":[1,2.5,-1e3,null,true],"profile":{"name":"Ann","age":7},"sig":"x","a":{}}"#
        ),
        r#"{"to":"4477******00","text":"(8_characters)","n":[1,2.5,-1e3,null,true],"profile":{"name":"(3_characters)","age":"(1_characters)"},"a":{}}"#
    );
    assert_eq!(json(r#"{"a":4.4770091100e11,"b":1.5e10}"#), r#"{"a":"(15_characters)","b":1.5e10}"#);
    assert_eq!(json(r#"{"sig":"x"}"#), "{}");
    assert_eq!(json(r#"{"sig":"x","b":1,"api_secret":[1],"c":2}"#), r#"{"b":1,"c":2}"#);
    assert_eq!(json(r#"{"447700900000":"\u00e4\"\\\n"}"#), "{\"4477******00\":\"ä\\\"\\\\\\n\"}");
    let indented = masked().json(br#"{"a":[1,{"b":2}],"c":[]}"#, Layout::Indented).unwrap().0;
    assert_eq!(indented, "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": []\n}");
    for text in ["", "{", "{\"a\":}", "[1,]", "{\"a\":1}x", "\u{feff}{}", &"[".repeat(100)] {
        assert!(masked().json(text.as_bytes(), Layout::Line).is_err(), "{text}");
    }
    let (text, left_out) = full().json(br#"{"text":"Hi 447700900000","token":"t"}"#, Layout::Line).unwrap();
    assert_eq!(
        (text.as_str(), left_out.into_names()),
        (r#"{"text":"Hi 447700900000"}"#, vec!["token".to_owned()])
    );
}

#[test]
fn pairs_keep_their_shape_and_lose_what_was_written() {
    let pairs = |text: &str| masked().pairs(text.as_bytes()).map(|(text, _)| text);
    assert_eq!(
        pairs(
            "msisdn=14845552121&text=Test+this.&sig=8cfb&empty=&bare&at=2016-05-24+11%3A12%3A01&q=%2212345%22"
        )
        .as_deref(),
        Ok("msisdn=1484*****21&text=(10_characters)&empty=&bare&at=2016-05-24+11:12:01&q=_12345_")
    );
    assert!(pairs("a=%").is_err());
    let (text, left_out) = full().pairs(b"text=a%20b&sig=1&api-secret=2").unwrap();
    assert_eq!(
        (text.as_str(), left_out.into_names()),
        ("text=a%20b", vec!["sig".to_owned(), "api-secret".to_owned()])
    );
    let target = |text: &str| masked().target(text.as_bytes()).0;
    assert_eq!(target("/hook/447700900000/x?a=b&sig=1"), "/hook/4477******00/x?a=b");
    assert_eq!(target("/hook/%34477009%30%30?sig=1"), "/hook/4477***00");
    assert_eq!(target("/a%2012345?b=%zz"), "/a+12345?(left_out)");
    assert_eq!(target("/webhooks/inbound-sms"), "/webhooks/inbound-sms");
}

/// An application that answers with what it got repeats a query as it was written.
#[test]
fn no_signature_is_shown_however_its_name_is_written() {
    const HEX: &str = "a5214deba853cb6eba8a250566a2caee";
    let encoded = |text: &str| percent(text);
    for name in ["sig=", "SIG=", "%73ig=", "s%69%67=", "sig%3D", "%73%69%67%3d", "%2573ig=", "%25252573ig%3D"]
    {
        let query = format!("a=100%&{name}{HEX}&b=2");
        let target = format!("/n?a=1&{name}{HEX}&b=2");
        let json = serde_json::json!({ "target": target, "list": [query] }).to_string();
        for mask in [masked(), full()] {
            let shown = [
                mask.text(&query),
                mask.text(&target),
                mask.json(json.as_bytes(), Layout::Line).unwrap().0,
                mask.target(target.as_bytes()).0,
                mask.pairs(format!("url={}", encoded(&target)).as_bytes()).unwrap().0,
                mask.request_head(
                    format!("GET {target} HTTP/1.1\r\nReferer: http://h{target}\r\nX-U: {query}\r\n")
                        .as_bytes(),
                )
                .fields
                .iter()
                .map(|(_, value)| value.clone())
                .collect(),
            ];
            for text in shown {
                assert!(!text.contains(HEX), "{name}: {text}");
            }
        }
    }
    let text = full().text("100% of a%20b, 50%25");
    assert_eq!(text, "100% of a%20b, 50%25");
    assert!(!full().text("see %65yJhbGciOiJIUzI1NiJ9.x.y").contains("hbGci"));
    let inner = serde_json::json!({ "body": format!("{{\"sig\": \"{HEX}\", \"a\": 1}}") }).to_string();
    assert_eq!(full().json(inner.as_bytes(), Layout::Line).unwrap().0, r#"{"body":"{\"a\":1}"}"#);
}

#[test]
fn a_head_is_told_without_what_proves_somebodys_right() {
    let head = b"POST /a?sig=1&to=447700900000 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer eyJh.x.y\r\nCookie: a=b\r\nX-Api-Key: k\r\n\
                 X-Vonage-Webhook-Auth-Token: t\r\nContent-Type: application/json\r\nX-Id: 447700900000\r\n\r\n";
    for mask in [masked(), full()] {
        let shown = mask.request_head(head);
        let names: Vec<&str> = shown.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Host", "Content-Type", "X-Id"]);
        let left_out = shown.left_out.into_names();
        assert_eq!(left_out, ["Authorization", "Cookie", "X-Api-Key", "X-Vonage-Webhook-Auth-Token", "sig"]);
        let number = if mask.full { "447700900000" } else { "4477******00" };
        assert_eq!(shown.line, format!("POST /a?to={number} HTTP/1.1"));
    }
}

#[test]
fn a_body_of_another_kind_is_told_by_length_and_kind() {
    let of = |mask: Mask, head: &str, body: &[u8], cut: bool| {
        let shown = mask.body(Given { head: head.as_bytes(), body, cut }, Layout::Line);
        (shown.text, shown.kind)
    };
    let json = "x\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n";
    let gzip = "x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
    let html = "x\r\nContent-Type: text/html\r\n\r\n";
    assert_eq!(of(masked(), json, b"[1]", false).0.as_deref(), Some("[1]"));
    assert_eq!(of(masked(), json, b"[1]", true).0, None);
    assert_eq!(of(masked(), json, b"not json 447700900000", false).0, None);
    assert_eq!(of(masked(), gzip, b"\x1f\x8b", false), (None, "application/json, gzip".to_owned()));
    assert_eq!(of(masked(), html, b"<p>Ann", false), (None, "text/html".to_owned()));
    assert_eq!(of(full(), html, b"<p>Ann eyJh.x", false).0.as_deref(), Some("<p>Ann (left_out)"));
    assert_eq!(of(full(), html, b"\xff\x00", false).0, None);
    let plain = "x\r\nContent-Type: text/plain\r\n\r\n";
    assert_eq!(of(full(), plain, br#"{"sig":"a5214d","a":1}"#, false).0.as_deref(), Some(r#"{"a":1}"#));
    let parts = "x\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n";
    let body = b"--x\r\nContent-Disposition: form-data; name=\"sig\"\r\n\r\na5214d\r\n--x--";
    assert_eq!(of(full(), parts, body, false), (None, "multipart/form-data".to_owned()));
    assert_eq!(of(masked(), "x\r\n\r\n", b" {\"a\":1}", false).0.as_deref(), Some("{\"a\":1}"));
    assert_eq!(of(masked(), "x\r\n\r\n", b"", false).0, None);
}

/// Every text of a sample that may not be shown: what somebody wrote, and what proves somebody's right.
fn private(sample: &Value, found: &mut Vec<String>) {
    match sample {
        Value::Object(members) => {
            for (name, value) in members {
                let hidden =
                    ["text", "keyword", "profile", "name", "sig", "username", "caption", "dtmf", "digits"];
                match value {
                    Value::String(text) if hidden.contains(&name.as_str()) && text.len() > 3 => {
                        found.push(text.clone());
                    }
                    other => private(other, found),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| private(element, found)),
        _ => {}
    }
}

#[test]
fn no_sample_of_a_webhook_shows_who_wrote_what() {
    let file: Value = serde_json::from_str(SAMPLES).unwrap();
    let mut seen = 0;
    for (name, sample) in file["samples"].as_object().unwrap() {
        let text = |key: &str| sample[key].as_str().unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: h\r\n", text("method"), text("target"));
        for (name, value) in sample["headers"].as_object().unwrap() {
            head.extend([name, ": ", value.as_str().unwrap(), "\r\n"]);
        }
        let shown_head = masked().request_head(head.as_bytes());
        let given = Given { head: head.as_bytes(), body: text("body").as_bytes(), cut: false };
        let body = masked().body(given, Layout::Indented);
        assert_eq!(body.text.is_none(), text("body").is_empty(), "{name}: {body:?}");
        let shown = format!("{shown_head:?} {body:?}");
        assert_eq!(long_run(&shown), None, "{name}: {shown}");
        let mut told = Vec::new();
        let parsed: Value = serde_json::from_str(text("body")).unwrap_or_default();
        private(&parsed, &mut told);
        for pair in text("target").split(['?', '&']).chain(text("body").split('&')) {
            if let Some((key, value)) = pair.split_once('=')
                && ["text", "keyword", "sig"].contains(&key)
            {
                told.push(value.to_owned());
            }
        }
        for secret in told {
            assert!(!shown.contains(&secret), "{name}: {secret} is in {shown}");
        }
        assert!(!shown.contains("eyJ") && !shown.contains("sig="), "{name}: {shown}");
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

/// Characters of which numbers are made, in many scripts, and what may stand between or beside them.
fn hostile() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        6 => prop::char::range('0', '9'),
        1 => Just('\u{200b}'),
        1 => prop::sample::select(vec!['\u{660}', '\u{966}', '\u{ff11}', '\u{1d7ce}', '\u{b2}', '\u{216b}']),
        2 => prop::sample::select(vec![' ', '-', '.', '(', ')', '/', '+', ':', 'T', 'a', 'f', '%', '"', '\\', '\n', '\u{301}', '@', '&', '=']),
        1 => any::<char>(),
    ];
    prop::collection::vec(one, 0..60).prop_map(|chars| chars.into_iter().collect())
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_masked_text_has_seven_digits_in_a_row(text in hostile(), name in hostile()) {
        prop_assert_eq!(long_run(&digits::masked(&text)), None);
        prop_assert_eq!(long_run(&masked().text(&text)), None);
        let object = serde_json::json!({ name.clone(): text.clone(), "list": [text.clone(), { "a": text.clone() }] }).to_string();
        let (shown, _) = masked().json(object.as_bytes(), Layout::Indented).unwrap();
        prop_assert_eq!(long_run(&shown), None, "{}", shown);
        let again: Result<Value, _> = serde_json::from_str(&shown);
        prop_assert!(again.is_ok(), "{}", shown);
        let query = format!("a={}&{}={}&c={}", percent(&text), percent(&name), text.replace(['&', '%'], ""), percent(&text));
        if let Ok((shown, _)) = masked().pairs(query.as_bytes()) {
            prop_assert_eq!(long_run(&shown), None, "{}", shown);
            prop_assert!(shown.bytes().all(|b| b.is_ascii_graphic()), "{}", shown);
        }
        let (shown, _) = masked().target(format!("/{}/{}?{}", percent(&text), text, query).as_bytes());
        prop_assert_eq!(long_run(&shown), None, "{}", shown);
        let head = format!("POST /{} HTTP/1.1\r\n{}: {}\r\n", percent(&text), name.replace(['\r', '\n'], ""), text);
        let shown = masked().request_head(head.as_bytes());
        for part in shown.fields.iter().flat_map(|(name, value)| [name, value]).chain([&shown.line]) {
            prop_assert_eq!(long_run(part), None, "{}", part);
        }
    }

    #[test]
    fn no_token_is_shown_in_any_mode(before in hostile(), after in "[A-Za-z0-9_.-]{0,40}", is_full in any::<bool>()) {
        let mask = if is_full { full() } else { masked() };
        let token = format!("eyJ{after}");
        let texts = [
            mask.text(&format!("{before} {token}")),
            mask.text(&format!("{before}{token}")),
            mask.json(serde_json::json!({ "a": format!("{before} {token}"), "b": [token.clone()] }).to_string().as_bytes(), Layout::Line).unwrap().0,
            mask.pairs(format!("a={token}&b={}", percent(&token)).as_bytes()).unwrap().0,
            mask.target(format!("/x?a={}", percent(&token)).as_bytes()).0,
        ];
        for text in texts {
            prop_assert!(!text.contains("eyJ"), "{}", text);
        }
    }
}

#[test]
fn a_header_that_nobody_knows_shows_its_length_and_of_a_key_nothing() {
    let head = b"POST /a HTTP/1.1\r\nHost: a\r\nX-Weird-Key: TOKEN\r\nX-Pass: p\r\nX-Who: Ann Smith\r\nX-B3-TraceId: ab\r\n\
        X-Real-IP: 192.0.2.7\r\n\r\n";
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let shown = masked().request_head(head);
    let ip = line("X-Real-IP", "192.0.2.7");
    let wanted = [line("Host", "a"), line("X-Who", "(9_characters)"), line("X-B3-TraceId", "ab"), ip.clone()];
    assert_eq!(shown.fields, wanted);
    assert_eq!(shown.left_out.into_names(), ["X-Weird-Key", "X-Pass"]);
    let shown = full().request_head(head);
    assert_eq!(shown.fields, [line("Host", "a"), line("X-Who", "Ann Smith"), line("X-B3-TraceId", "ab"), ip]);
}
