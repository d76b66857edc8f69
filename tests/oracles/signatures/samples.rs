//! Random parameters, claims and queries, of what signers and readers are known to differ in, and of all else.

use serde_json::{Value, json};

use crate::dice::Dice;

/// When the samples are signed.
pub const NOW: u64 = 1_700_000_000;

const METHODS: [&str; 5] = ["md5hash", "md5", "sha1", "sha256", "sha512"];
const HOW: [&str; 3] = ["query", "form", "json"];
/// What texts are made of.
const PIECES: [&str; 30] = [
    "a",
    "Z",
    "0",
    "hello",
    "&",
    "=",
    "_",
    "%",
    "+",
    " ",
    "%26",
    "\"",
    "\\",
    "/",
    "\n",
    "\t",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "é",
    "ß",
    "日本",
    "\u{2028}",
    "\u{fb00}",
    "😀",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "&amp;",
    "null",
    "{}",
];

/// A sample as it is given to a signer, and what it has of what signers differ in.
pub struct Sample {
    pub ask: Value,
    /// A value is `null`.
    pub null: bool,
    /// A value is `true` or `false`.
    pub boolean: bool,
    /// A value is a number.
    pub number: bool,
}

impl Sample {
    pub fn how(&self) -> &str {
        self.ask["how"].as_str().expect("how")
    }

    pub fn secret(&self) -> &str {
        self.ask["secret"].as_str().expect("a secret")
    }

    pub fn method(&self) -> &str {
        self.ask["method"].as_str().expect("a method")
    }
}

pub fn text(dice: &mut Dice, most: usize) -> String {
    (0..dice.below(most + 1)).map(|_| *dice.pick(&PIECES)).collect()
}

fn secret(dice: &mut Dice) -> String {
    // A file with a secret has no control characters and no blanks around it.
    let text = text(dice, 12).replace(char::is_control, "0");
    format!("s{text}{}", dice.next())
}

/// Parameters that a signer signs.
pub fn parameters(dice: &mut Dice) -> Sample {
    let mut sample = common(dice, "parameters");
    let ask = sample.ask.as_object_mut().expect("an object");
    ask.insert("method".to_owned(), json!(dice.pick(&METHODS)));
    let params = ask["params"].as_array_mut().expect("parameters");
    let stamp = NOW - dice.below(1000) as u64;
    params.push(json!(["timestamp", stamp.to_string()]));
    sample
}

/// A message that a signer makes a token for.
pub fn token(dice: &mut Dice) -> Sample {
    let mut sample = common(dice, "token");
    let claims = json!({
        "iat": NOW - dice.below(1000) as u64,
        "jti": text(dice, 4),
        "iss": "Vonage",
        "api_key": "a1b2c3d",
        "application_id": text(dice, 2),
        "other": text(dice, 6),
    });
    sample.ask["claims"] = claims;
    sample
}

fn common(dice: &mut Dice, kind: &str) -> Sample {
    let how = *dice.pick(&HOW);
    let (ask, is) = (Value::Null, false);
    let mut sample = Sample { ask, null: is, boolean: is, number: is };
    let params: Vec<Value> = (0..dice.below(12)).map(|place| pair(dice, how, place, &mut sample)).collect();
    sample.ask = json!({ "kind": kind, "how": how, "secret": secret(dice), "params": params });
    sample
}

/// Keys differ by their place, and begin with a letter: PHP makes numbers of others.
fn pair(dice: &mut Dice, how: &str, place: usize, sample: &mut Sample) -> Value {
    let odd = *dice.pick(&["", "", "", "-key", "_key", ".", "é", "日", "\u{fb00}", "😀", "%", "+ "]);
    let letter = *dice.pick(&["a", "B", "m", "Z"]);
    let key =
        if dice.chance(500) { format!("{letter}{odd}{place}") } else { format!("{letter}{place}{odd}") };
    let value = match dice.below(40) {
        0 if how == "json" => {
            sample.null = true;
            Value::Null
        }
        1 if how == "json" => {
            sample.boolean = true;
            json!(dice.chance(500))
        }
        2 if how == "json" => {
            sample.number = true;
            json!(dice.below(1 << 40))
        }
        3 if how == "json" => {
            sample.number = true;
            json!(f64::from(u32::try_from(dice.below(4000)).expect("small")) / 8.0)
        }
        4 => json!(""),
        5 => json!(" "),
        6 => json!(text(dice, 2000)),
        _ => json!(text(dice, 8)),
    };
    json!([key, value])
}

/// A query as anybody could send it.
pub fn query(dice: &mut Dice) -> String {
    const PARTS: [&str; 34] = [
        "a",
        "b",
        "key",
        "1",
        "10",
        "01",
        "4294967294",
        "4294967295",
        "__proto__",
        "é",
        "=",
        "=",
        "=",
        "=",
        "&",
        "&",
        "&",
        "+",
        "%20",
        "%26",
        "%3D",
        "%22",
        "%5C",
        "%00",
        "%1f",
        "%7F",
        "%C3%A9",
        "%F0%9F%98%80",
        "%E2%80%A8",
        "%",
        "%zz",
        "%ff",
        "%ED%A0%80",
        "😀",
    ];
    (0..dice.below(12)).map(|_| *dice.pick(&PARTS)).collect()
}
