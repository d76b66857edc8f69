//! What arrives equals what the vendor published, field by field, and what somebody sets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{json, run};
use crate::harness::scratch::Scratch;
use crate::harness::upstream::Arrival;
use crate::harness::{Answer, Upstream};

fn published() -> BTreeMap<String, Value> {
    let file: Value =
        serde_json::from_str(include_str!("../../fixtures/webhooks.json")).expect("the fixture");
    serde_json::from_value(file["samples"].clone()).expect("samples")
}

fn application() -> Upstream {
    Upstream::start(|arrival| match arrival.target().split('?').next() {
        Some("/webhooks/answer" | "/webhooks/fallback") => {
            Answer::body(200, "application/json", br#"[{"action":"talk","text":"Hi"}]"#)
        }
        _ => Answer::status(200),
    })
}

/// The fields of a query or a form, decoded; or of JSON.
fn fields(text: &[u8]) -> BTreeMap<String, Value> {
    if let Ok(object) = serde_json::from_slice(text) {
        return object;
    }
    let text = std::str::from_utf8(text).expect("text");
    let decoded = |part: &str| {
        let mut bytes = Vec::new();
        let mut rest = part.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                    u8::from_str_radix(std::str::from_utf8(&digits).expect("digits"), 16).expect("digits")
                }
                other => other,
            });
        }
        String::from_utf8(bytes).expect("text")
    };
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').expect("a pair");
        (decoded(key), Value::String(decoded(value)))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

#[test]
fn every_sample_arrives_as_it_was_published() {
    let upstream = application();
    let (code, document) = json(&["all", "--to", upstream.url()]);
    let published = published();
    assert_eq!((code, document["good"].as_u64()), (0, Some(30)), "{document}");
    let names: Vec<&str> = document["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|one| one["sample"].as_str())
        .collect();
    let arrivals = upstream.arrivals();
    assert_eq!((names.len(), arrivals.len(), published.len()), (30, 30, 30));
    for (name, arrival) in names.iter().zip(&arrivals) {
        let sample = &published[*name];
        let text = |key: &str| sample[key].as_str().expect("a string");
        assert_eq!(
            (arrival.method().as_str(), arrival.target().as_str()),
            (text("method"), text("target")),
            "{name}"
        );
        assert_eq!(arrival.body, text("body").as_bytes(), "{name}");
        for (key, value) in sample["headers"].as_object().expect("headers") {
            assert_eq!(
                arrival.head.one(&key.to_ascii_lowercase()).as_deref(),
                value.as_str(),
                "{name}: {key}"
            );
        }
        assert_eq!(arrival.head.one("host").as_deref(), upstream.url().strip_prefix("http://"), "{name}");
    }
}

#[test]
fn every_form_of_a_message_has_the_same_fields() {
    let upstream = application();
    for webhook in ["sms-inbound", "sms-delivery-receipt", "short-code"] {
        for form in ["get", "form", "json"] {
            let (code, document) =
                json(&[webhook, "--method", form, "--to", upstream.url(), "--set", "text=a&b=ü +"]);
            assert_eq!(code, 0, "{document}");
            assert_eq!(document["messages"][0]["form"], form);
            let arrival = upstream.arrivals().pop().expect("an arrival");
            let query = arrival.target().split_once('?').map(|(_, query)| query.to_owned());
            let is_get = form == "get";
            assert_eq!((arrival.method() == "GET", query.is_some()), (is_get, is_get), "{webhook} {form}");
            let got = fields(query.as_deref().map_or(&arrival.body[..], str::as_bytes));
            assert_eq!(got["text"], "a&b=ü +", "{webhook} {form}");
            assert!(got.contains_key("messageId") && got.len() >= 6, "{got:?}");
            let kind = arrival.head.one("content-type").unwrap_or_default();
            let wanted = match form {
                "get" => "",
                "form" => "application/x-www-form-urlencoded; charset=UTF-8",
                _ => "application/json",
            };
            assert_eq!(kind, wanted, "{webhook} {form}");
        }
    }
    for (webhook, form) in [("messages-inbound", "get"), ("verify", "form"), ("voice-event", "form")] {
        let ran = run(&[webhook, "--method", form, "--to", upstream.url()]);
        assert_eq!(ran.code, 2, "{}", ran.text);
        assert!(ran.error.contains(&format!("{webhook} never arrives as {form}")), "{}", ran.error);
    }
}

#[test]
fn a_recorded_request_is_sent_as_it_was_recorded() {
    let (upstream, folder) = (application(), Scratch::new());
    let body = r#"{"message_uuid":"x","text":"aus der Datei"}"#;
    let request = format!(
        "POST /recorded?a=b HTTP/1.1\nHost: other.example\nConnection: keep-alive\nX-Own: yes\n\
         Content-Type: application/json\nContent-Length: {}\n\n{body}",
        body.len()
    );
    folder.write("request.txt", &request);
    let path = folder.path().join("request.txt").display().to_string();
    let (code, document) = json(&["messages-inbound", "--file", &path, "--to", upstream.url()]);
    assert_eq!((code, document["messages"][0]["sample"].as_str()), (0, Some("request.txt")), "{document}");
    let arrival = upstream.arrivals().pop().expect("an arrival");
    assert_eq!((arrival.target().as_str(), &arrival.body[..]), ("/recorded?a=b", body.as_bytes()));
    assert_eq!(arrival.head.one("x-own").as_deref(), Some("yes"));
    assert_eq!(arrival.head.one("connection"), None);
    assert_eq!(arrival.head.one("host").as_deref(), upstream.url().strip_prefix("http://"));
}

#[test]
fn a_recorded_request_is_written_anew_in_the_form_that_is_asked_for() {
    let (upstream, folder) = (Upstream::start(|_| Answer::status(200)), Scratch::new());
    folder.write("get", "GET /in?text=a%20b&n=1 HTTP/1.1\nHost: h\nX-A: b\n\n");
    folder.write("post", "POST /in?token=t HTTP/1.1\nHost: h\nContent-Length: 9\n\n{\"a\":\"b\"}");
    folder.write("both", "GET /in?a=b HTTP/1.1\nHost: h\nContent-Length: 2\n\n{}");
    let file = |name: &str| folder.path().join(name).display().to_string();
    // A webhook that never arrives by GET is asked for as JSON; the query of a POST is the address's.
    for args in [
        ["messages-inbound", "--file", &file("get"), "--method", "json"],
        ["messages-inbound", "--file", &file("post"), "--set", "a=c"],
        ["sms-inbound", "--file", &file("post"), "--method", "get"],
        ["sms-inbound", "--file", &file("both"), "--count", "1"],
    ] {
        let ran = run(&[&args[..], &["--to", upstream.url()]].concat());
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.text, ran.error);
    }
    let told = |arrival: &Arrival| {
        format!("{} {} {}", arrival.method(), arrival.target(), String::from_utf8_lossy(&arrival.body))
    };
    let arrivals = upstream.arrivals();
    assert_eq!(
        arrivals.iter().map(told).collect::<Vec<_>>(),
        [
            r#"POST /in {"text":"a b","n":"1"}"#,
            r#"POST /in?token=t {"a":"c"}"#,
            "GET /in?token=t&a=b ",
            "GET /in?a=b {}",
        ]
    );
    assert_eq!(arrivals[0].head.one("x-a").as_deref(), Some("b"));
}

#[test]
fn further_rounds_are_different_messages_and_a_rate_sends_them_all() {
    let upstream = application();
    let (code, document) =
        json(&["sms-inbound", "--to", upstream.url(), "--count", "200", "--rate", "10000/s"]);
    assert_eq!((code, document["sent"].as_u64()), (0, Some(200)));
    let mut ids: Vec<String> = upstream
        .arrivals()
        .iter()
        .map(|arrival| {
            let target = arrival.target();
            let query = target.split_once('?').expect("a query").1.to_owned();
            fields(query.as_bytes())["messageId"].as_str().expect("an id").to_owned()
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}
