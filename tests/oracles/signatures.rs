//! What the vendor's own packages sign, the gate vouches for.
//!
//! Random parameters and messages are signed by the packages for Node and Python and by PHP's functions, each of which
//! also writes its own query, form or JSON. The gate must vouch for all of it, apart from what a signer is known to do
//! otherwise, which is told by name. A token that was changed afterwards must be refused, and nobody may refuse what
//! the gate takes. The JSON text of a query is compared with the one of `JSON.stringify`.

pub mod samples;
pub mod signers;

use std::collections::BTreeMap;
use std::time::Duration;

use nexmo_gate::exports::provider::DEFAULT;
use nexmo_gate::exports::signature::{
    BaseForm, Encoding, Entry, Fault, Keyring, Message, Method, Owner, PayloadForm, Rules, Secret,
    Unreadable, bound, judge, query_json, vouch,
};
use serde_json::{Value, json};

use crate::dice::{self, Dice};
use crate::harness::cannot_run;
use samples::{NOW, Sample};
use signers::Signer;

/// How often each thing was seen, by its name.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn print(&self, title: &str, seed: u64) {
        eprintln!("signature oracle, {title}, NEXMO_GATE_ORACLE_SEED={seed}");
        self.0.iter().for_each(|(what, count)| eprintln!("  {count:>7} {what}"));
    }
}

fn keyring(secret: &str) -> Keyring {
    let secret = Secret::read(secret.as_bytes(), Encoding::Text).expect("a secret");
    Keyring::new(vec![Entry { owner: Owner::Account("a1b2c3d".to_owned()), secret, until: None }])
}

fn rules(keyring: &Keyring) -> Rules<'_> {
    Rules {
        keyring,
        signing: DEFAULT.signing.as_ref().expect("how it signs"),
        secrets: &[],
        applications: &[],
        max_age: Duration::from_secs(3600),
        clock_skew: Duration::from_secs(300),
        sms_method: Method::Md5Hash,
    }
}

fn message<'m>(how: &str, text: &'m str) -> Message<'m> {
    let (query, body) = if how == "query" { (text, "") } else { ("", text) };
    let content_type = match how {
        "query" => None,
        "form" => Some(&b"application/x-www-form-urlencoded"[..]),
        _ => Some(&b"application/json; charset=utf-8"[..]),
    };
    let method = if how == "query" { "GET" } else { "POST" };
    Message {
        method: method.as_bytes(),
        query: query.as_bytes(),
        content_type,
        has_more_types: false,
        body: body.as_bytes(),
    }
}

fn text<'a>(answer: &'a Value, key: &str) -> Option<&'a str> {
    answer[key].as_str()
}

/// What a signer is known to do otherwise than the vendor's guide, where this sample has it.
fn otherwise(signer: Signer, sample: &Sample) -> Option<&'static str> {
    match signer {
        Signer::Node if sample.null || sample.boolean || sample.number => {
            Some("throws where a value is no text")
        }
        Signer::Python if sample.method() == "md5hash" => Some("has no md5hash"),
        Signer::Python if sample.null => Some("signs null as None"),
        Signer::Python if sample.boolean => Some("signs true as True"),
        Signer::Php if sample.boolean => Some("signs true as 1 and false as nothing"),
        _ => None,
    }
}

/// Keys of which UTF-16 has another order than bytes.
fn is_in_another_order(sample: &Sample) -> bool {
    let mut keys: Vec<&str> = sample.ask["params"]
        .as_array()
        .expect("parameters")
        .iter()
        .filter_map(|pair| pair[0].as_str())
        .collect();
    keys.sort_unstable();
    !keys.is_sorted_by_key(|key| key.encode_utf16().collect::<Vec<u16>>())
}

#[test]
#[ignore = "needs node, python3, php and their packages: make test-long, make oracles"]
fn parameters_that_others_sign_are_vouched_for() {
    let (seed, count) = (dice::seed(), dice::size(10_000, 100_000));
    let mut dice = Dice::of(seed, 1);
    let all: Vec<Sample> = (0..count).map(|_| samples::parameters(&mut dice)).collect();
    let mut tally = Tally::default();
    for signer in Signer::ALL {
        let Some(answers) = signer.ask(all.iter().map(|sample| &sample.ask)) else { continue };
        for (sample, answer) in all.iter().zip(&answers) {
            let known = otherwise(signer, sample)
                .or((signer == Signer::Node && is_in_another_order(sample)).then_some("sorts by UTF-16"));
            let Some(made) = text(answer, "text") else {
                let known = known.unwrap_or_else(|| panic!("{signer:?} refuses: {answer} {}", sample.ask));
                tally.count(format!("{signer:?} {known}: it refuses"));
                continue;
            };
            let keyring = keyring(sample.secret());
            let method = Method::ALL.into_iter().find(|method| method.word() == sample.method());
            let rules = Rules { sms_method: method.expect("a method"), ..rules(&keyring) };
            match (judge(&rules, NOW, &message(sample.how(), made)), known) {
                (Ok((_, BaseForm::Plain)), None) => {
                    tally.count(format!("{signer:?} {} vouched for", sample.how()));
                }
                (Ok((_, BaseForm::NullsBlank)), None) if sample.null => {
                    tally.count(format!("{signer:?} signs null as a blank: vouched for"));
                }
                (Err(Fault::WrongMac), Some(known)) => tally.count(format!("{signer:?} {known}: refused")),
                (found, _) => panic!("{signer:?} {known:?} {found:?}: {made}\n{}", sample.ask),
            }
        }
    }
    tally.print("parameters", seed);
}

/// Judges a head with this token, and then its message.
fn judged(secret: &str, token: &str, how: &str, made: &str) -> Result<PayloadForm, Fault> {
    let keyring = keyring(secret);
    let value = format!("Bearer {token}");
    let values = |name| (name == "authorization").then_some(value.as_bytes()).into_iter();
    vouch(&rules(&keyring), NOW, values).and_then(|vouched| bound(&vouched, &message(how, made)))
}

#[test]
#[ignore = "needs node, python3, php and their packages: make test-long, make oracles"]
fn tokens_that_others_sign_are_vouched_for() {
    let (seed, count) = (dice::seed(), dice::size(17_000, 170_000));
    let mut dice = Dice::of(seed, 2);
    let all: Vec<Sample> = (0..count).map(|_| samples::token(&mut dice)).collect();
    let mut tally = Tally::default();
    for signer in Signer::ALL {
        let Some(answers) = signer.ask(all.iter().map(|sample| &sample.ask)) else { continue };
        let mut changed = Vec::new();
        for (sample, answer) in all.iter().zip(&answers) {
            let (made, token) = (text(answer, "text"), text(answer, "token"));
            let (Some(made), Some(token)) = (made, token) else {
                panic!("{signer:?}: {answer} {}", sample.ask)
            };
            assert!(
                signer == Signer::Php || answer["verifies"] == true,
                "{signer:?} does not verify its own"
            );
            let wanted = if sample.how() == "query" { PayloadForm::QueryJson } else { PayloadForm::Body };
            let found = judged(sample.secret(), token, sample.how(), made);
            if has_control_characters(sample) {
                assert!(
                    matches!(found, Err(Fault::Claim(_))),
                    "{signer:?}: {found:?} {answer}\n{}",
                    sample.ask
                );
                tally.count(format!("{signer:?} a claim has a control character: refused"));
                continue;
            }
            assert_eq!(found, Ok(wanted), "{signer:?}: {answer}\n{}", sample.ask);
            tally.count(format!("{signer:?} {} vouched for", sample.how()));
            let other = with_one_change(&mut dice, token);
            if let Ok(form) = judged(sample.secret(), &other, sample.how(), made) {
                panic!("{signer:?}: a changed token is {form:?}: {token} {other}");
            }
            changed.push(json!({ "kind": "verify", "secret": sample.secret(), "token": other }));
        }
        if signer == Signer::Php {
            continue;
        }
        for answer in signer.ask(changed.iter()).expect("it was there") {
            let verifies = answer["verifies"] == true;
            tally.count(format!(
                "{signer:?} changed: {}",
                if verifies { "only it takes unused bits" } else { "both refuse" }
            ));
        }
    }
    tally.print("tokens", seed);
}

/// Whether a name in the claims has one. They go into logs and headers, so the gate takes none with it.
fn has_control_characters(sample: &Sample) -> bool {
    let claims = &sample.ask["claims"];
    let names = ["api_key", "application_id", "jti"].into_iter().filter_map(|name| claims[name].as_str());
    names.flat_map(str::chars).any(char::is_control)
}

/// Another character of base64 in one place, or one more or less.
fn with_one_change(dice: &mut Dice, token: &str) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let at = dice.below(bytes.len());
    match dice.below(8) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, b'A'),
        _ => {
            let others: Vec<u8> = (b'A'..=b'Z').filter(|letter| *letter != bytes[at]).collect();
            bytes[at] = *dice.pick(&others);
        }
    }
    String::from_utf8(bytes).expect("ASCII")
}

#[test]
#[ignore = "needs node: make test-long, make oracles"]
fn the_json_of_a_query_is_that_of_javascript() {
    let (seed, count) = (dice::seed(), dice::size(10_000, 200_000));
    let mut dice = Dice::of(seed, 3);
    let queries: Vec<String> = (0..count).map(|_| samples::query(&mut dice)).collect();
    let asks: Vec<Value> = queries.iter().map(|query| json!({ "kind": "query", "query": query })).collect();
    let Some(answers) = Signer::Node.ask(asks.iter()) else {
        cannot_run("the comparison with JSON.stringify", "node is missing");
        return;
    };
    let mut tally = Tally::default();
    for (query, answer) in queries.iter().zip(&answers) {
        let wanted = text(answer, "text").expect("a text");
        match query_json(query.as_bytes()) {
            Ok(written) => {
                assert_eq!(String::from_utf8_lossy(&written), wanted, "{query}");
                tally.count("the same");
            }
            Err(Unreadable::Percent) if query.contains('%') => tally.count("not written: a % without digits"),
            Err(Unreadable::NotUtf8) if wanted.contains('\u{fffd}') => tally.count("not written: not UTF-8"),
            Err(Unreadable::Duplicate) => tally.count("not written: a key twice"),
            Err(other) => panic!("{query}: {other}, but {wanted}"),
        }
    }
    assert!(tally.0["the same"] > count / 10);
    tally.print("queries", seed);
}
