//! No secret, token, signature or signed text is in a log, on a page, in a metric or in an error.

use super::answers::{BODY, KEY, SECRET, setup, with_token};
use crate::harness::signer::{Token, now, signed_form};
use crate::harness::{ADMITTED, Upstream, request};

#[test]
fn nothing_that_a_signature_is_made_of_is_shown_anywhere() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream, "retry").key("log", "{ format: json, level: debug, access: stdout }").start();
    let stamp = now().to_string();
    let form = signed_form(SECRET, &[("api-key", KEY), ("text", "a-text-of-its-own"), ("timestamp", &stamp)]);
    let good = Token::new(KEY, SECRET, BODY).bearer();
    let bad = Token::new(KEY, "another-secret-in-the-wrong-place", BODY).bearer();
    let mut told = vec![
        SECRET.to_owned(),
        "another-secret-in-the-wrong-place".to_owned(),
        "a-text-of-its-own".to_owned(),
    ];
    for token in [&good, &bad] {
        gate.ask(ADMITTED, &with_token("/require", Some(token), BODY));
        gate.ask(ADMITTED, &with_token("/note", Some(token), b"changed"));
        // Every part of it.
        told.extend(token.trim_start_matches("Bearer ").split('.').map(str::to_owned));
    }
    gate.ask(ADMITTED, &request("GET", &format!("/sms?{form}"), &[], b""));
    gate.ask(ADMITTED, &request("GET", &format!("/sms?{form}0"), &[], b""));
    told.push(form.rsplit('=').next().expect("a signature").to_owned());
    let events = gate.events(6);
    gate.setup.dir.write("secrets/account", "");
    let (status, reload) = gate.reload();
    assert_ne!(status, 200, "an empty secret is no secret: {reload}");
    let pages: Vec<String> =
        ["/status", "/metrics", "/readyz"].map(|path| gate.admin("GET", path).text()).to_vec();
    let log = gate.stderr.all().join("\n");
    let shown = format!("{events:?}\n{reload}\n{}\n{log}", pages.join("\n"));
    assert!(shown.contains(KEY) && shown.contains("valid"), "it shows who signed");
    for secret in told {
        assert!(!shown.contains(&secret), "{secret} is shown");
    }
}
