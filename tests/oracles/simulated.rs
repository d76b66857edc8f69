//! What `nexmo-gate simulate` signs, the vendor's own packages verify.
//!
//! The program sends messages with random texts in every form and by every method to a recording application. The packages for
//! Node and Python judge what arrived, with the vendor's own rules. None may refuse, and a message that was changed must be.

use serde_json::{Value, json};

use crate::dice::{self, Dice};
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;
use crate::harness::{Answer, Upstream};
use crate::signatures::samples;
use crate::signatures::signers::Signer;

/// Messages a run of the program, with one text.
const ROUND: usize = 50;

/// What the program is asked for: the webhook, its form, and how it is signed.
struct Way {
    webhook: &'static str,
    form: &'static str,
    sign: &'static str,
}

const fn way(webhook: &'static str, form: &'static str, sign: &'static str) -> Way {
    Way { webhook, form, sign }
}

const TOKENS: [Way; 4] = [
    way("messages-inbound", "json", "jwt"),
    way("voice-answer", "get", "jwt"),
    way("voice-event", "json", "jwt"),
    way("messages-status-email", "json", "jwt"),
];
const PARAMETERS: [Way; 10] = [
    way("sms-inbound", "get", "sig:md5hash"),
    way("sms-inbound", "form", "sig:md5"),
    way("sms-inbound", "json", "sig:sha1"),
    way("sms-inbound", "get", "sig:sha256"),
    way("sms-inbound", "form", "sig:sha512"),
    way("sms-delivery-receipt", "json", "sig:md5hash"),
    way("sms-delivery-receipt", "form", "sig:sha256"),
    way("sms-delivery-receipt", "get", "sig:sha512"),
    way("short-code", "get", "sig:md5"),
    way("short-code", "form", "sig:md5hash"),
];

/// What arrived of one round, as the packages are asked about it.
fn round(way: &Way, text: &str, secret: &str) -> Vec<Value> {
    let (upstream, folder) = (Upstream::start(|_| Answer::status(200)), Scratch::new());
    folder.write("secret", secret);
    let (file, count) = (folder.path().join("secret"), ROUND.to_string());
    let mut command = binary();
    command.args(["simulate", way.webhook, "--method", way.form, "--sign", way.sign, "--count", &count]);
    command.args(["--set", &format!("text={text}"), "--to", upstream.url(), "--secret-file"]).arg(file);
    // An application of Voice answers with an NCCO; here only what arrives counts.
    let output = command.output().expect("the program");
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), ROUND, "{}", String::from_utf8_lossy(&output.stderr));
    let ask = |arrival: &crate::harness::upstream::Arrival| {
        let target = arrival.target();
        let token = arrival.head.one("authorization");
        json!({
            "kind": "message",
            "how": if way.form == "get" { "query" } else { way.form },
            "method": way.sign.strip_prefix("sig:").unwrap_or_default(),
            "secret": secret,
            "query": target.split_once('?').map_or("", |(_, query)| query),
            "body": String::from_utf8(arrival.body.clone()).expect("text"),
            "token": token.map(|value| value.strip_prefix("Bearer ").expect("a token").to_owned()),
        })
    };
    arrivals.iter().map(ask).collect()
}

/// All that is asked for these ways: `count` of them, with texts and secrets of chance.
fn sent(ways: &[Way], count: usize, dice: &mut Dice) -> Vec<Value> {
    let rounds = (0..count.div_ceil(ROUND)).flat_map(|place| {
        // An argument of a program holds no NUL, and a value that begins like JSON is read as JSON.
        let text = format!("x{}", samples::text(dice, 8).replace('\0', ""));
        let secret = format!("secret-of-this-round-{}", dice.next());
        round(&ways[place % ways.len()], &text, &secret)
    });
    rounds.collect()
}

/// The same message after somebody changed it.
fn changed(ask: &Value) -> Value {
    let mut changed = ask.clone();
    let place = if ask["how"] == "query" { "query" } else { "body" };
    let text = ask[place].as_str().expect("text");
    let mark = if ask["how"] == "json" { ":\"" } else { "=" };
    changed[place] = text.replacen(mark, &format!("{mark}x"), 1).into();
    changed
}

fn judged(signer: Signer, what: &str, asked: &[Value]) {
    let all: Vec<Value> = asked.iter().flat_map(|ask| [ask.clone(), changed(ask)]).collect();
    let Some(answers) = signer.ask(all.iter()) else { return };
    let verifies = |answer: &Value| answer["verifies"] == true;
    let refused: Vec<usize> = (0..all.len()).step_by(2).filter(|place| !verifies(&answers[*place])).collect();
    let first = refused.first().map(|place| format!("{} {}", all[*place], answers[*place]));
    assert!(refused.is_empty(), "{signer:?} refuses {} of {what}: {first:?}", refused.len());
    let taken = (1..all.len()).step_by(2).filter(|place| verifies(&answers[*place])).count();
    assert_eq!(taken, 0, "{signer:?} takes changed {what}");
    eprintln!(
        "simulated: {signer:?} verifies {} {what}, refuses 0; of the same changed it refuses all",
        asked.len()
    );
}

#[test]
#[ignore = "needs node, python3 and the vendor's packages: make test-long, make oracles"]
fn what_the_program_signs_is_verified_by_the_vendors_packages() {
    let seed = dice::seed();
    eprintln!("simulated, NEXMO_GATE_ORACLE_SEED={seed}");
    let mut dice = Dice::of(seed, 9);
    let count = dice::size(1000, 10_000);
    let tokens = sent(&TOKENS, count, &mut dice);
    let parameters = sent(&PARAMETERS, count, &mut dice);
    judged(Signer::Node, "tokens", &tokens);
    judged(Signer::Node, "signed parameters", &parameters);
    judged(Signer::Python, "tokens", &tokens);
    // The package for Python has no md5hash: as many more of the methods that it has.
    let known: Vec<Way> = PARAMETERS.into_iter().filter(|way| way.sign != "sig:md5hash").collect();
    judged(Signer::Python, "signed parameters", &sent(&known, count, &mut dice));
}
