//! What is read, what is refused, and that another reader understands the same.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Vec<String>, Malformed> {
    let mut members = Vec::new();
    object(text.as_bytes(), MAX_DEPTH, |name, value| {
        let value = match value {
            Value::Text(text) => format!("{:?}", text.decoded()),
            Value::Number(raw) | Value::Boolean(raw) => raw.to_owned(),
            Value::Null => "null".to_owned(),
            Value::Nested => "nested".to_owned(),
        };
        members.push(format!("{name}={value}"));
    })?;
    Ok(members)
}

#[test]
fn members_are_heard_once_and_in_order() {
    let text = " { \"b\" : \"x\\\"\\u00e9\\ud83d\\ude00\" ,\"a\":-1.50e+3,\"\":null,\"t\":true,\"n\":[{\"b\":{}}, []] } ";
    let wanted = ["b=\"x\\\"é😀\"", "a=-1.50e+3", "=null", "t=true", "n=nested"];
    assert_eq!(read(text), Ok(wanted.map(str::to_owned).to_vec()));
    assert_eq!(read("{}"), Ok(Vec::new()));
}

#[test]
fn what_readers_understand_differently_is_refused() {
    use Malformed::{Duplicate, Syntax};
    let rows = [
        (r#"{"a":1,"a":1}"#, Duplicate),
        (r#"{"a":1,"\u0061":1}"#, Duplicate),
        (r#"{"n":{"\u0061":1,"\u0061":1}}"#, Duplicate),
        (r#"{"a":"\ud83d"}"#, Syntax),
        (r#"{"a":"\ud83d\ud83d"}"#, Syntax),
        (r#"{"a":"\ude00\ud83d"}"#, Syntax),
        (r#"{"a":"\ud83dx\ude00"}"#, Syntax),
        (r#"{"a":"\x41"}"#, Syntax),
        (r#"{"a":"\u00g1"}"#, Syntax),
        (r#"{"a":"\u+0f1"}"#, Syntax),
        ("{\"a\":\"\n\"}", Syntax),
        (r#"{"a":01}"#, Syntax),
        (r#"{"a":1.}"#, Syntax),
        (r#"{"a":.5}"#, Syntax),
        (r#"{"a":+1}"#, Syntax),
        (r#"{"a":1e}"#, Syntax),
        (r#"{"a":NaN}"#, Syntax),
        (r#"{"a":True}"#, Syntax),
        (r#"{"a":1,}"#, Syntax),
        (r#"{"a":[1,]}"#, Syntax),
        (r#"{,"a":1}"#, Syntax),
        (r"{a:1}", Syntax),
        (r"{'a':1}", Syntax),
        (r#"{"a" 1}"#, Syntax),
        (r#"{"a":1} {}"#, Syntax),
        (r#"{"a":1}/**/"#, Syntax),
        ("\u{feff}{}", Syntax),
        ("{", Syntax),
        (r#"{"a"#, Syntax),
        (r#"{"a":"\"#, Syntax),
        ("[]", Syntax),
        ("\"a\"", Syntax),
        ("", Syntax),
    ];
    assert_eq!(rows.len(), 33);
    for (text, wanted) in rows {
        assert_eq!(read(text), Err(wanted), "{text}");
    }
    assert_eq!(object(b"{\"a\":\"\xff\"}", 1, |_, _| ()), Err(Malformed::NotUtf8));
}

#[test]
fn bounds_are_kept() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(Malformed::Depth));
    assert_eq!(read(&nested(10_000)), Err(Malformed::Depth));
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(read(&deep), Err(Malformed::Depth));
    let wide = |members: usize| {
        let all: Vec<String> = (0..members).map(|number| format!("\"{number}\":0")).collect();
        format!("{{{}}}", all.join(","))
    };
    assert_eq!(read(&wide(MAX_MEMBERS)).map(|all| all.len()), Ok(MAX_MEMBERS));
    assert_eq!(read(&wide(MAX_MEMBERS + 1)), Err(Malformed::Members));
}

proptest! {
    /// `serde_json` takes what this takes, and understands the same.
    #[test]
    fn another_reader_understands_the_same(text in r#"\{("a\\?[u0-9b"]{0,6}"|[\[\]{}:,"0-9.eE+-]|null|true|"b":| ){0,12}\}"#) {
        let other: Result<serde_json::Value, _> = serde_json::from_str(&text);
        match read(&text) {
            Ok(members) => {
                let object = other.unwrap();
                prop_assert_eq!(object.as_object().unwrap().len(), members.len());
            }
            Err(Malformed::Syntax) => prop_assert!(other.is_err() || !other.unwrap().is_object()),
            Err(_) => {}
        }
    }
}
