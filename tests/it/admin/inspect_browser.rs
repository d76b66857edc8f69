//! The pages of `/inspect` as a browser shows them: `make test-page`, with Chromium.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::admin::status_browser::{BROWSER, PALE, WIDTH};
use crate::harness::browser::Browser;
use crate::harness::gate::setup::binary;
use crate::harness::signer::Token;
use crate::harness::upstream::Arrival;
use crate::harness::{
    ADMITTED, Answer, Gate, STRANGER, Setup, Upstream, cannot_run, post, request, wait_until,
};

/// Names a folder: then pictures of the pages are written there.
const PICTURES: &str = "NEXMO_GATE_TEST_PICTURES";
const KEY: &str = "a1b2c3d4";
const SECRET: &str = "the-signature-secret-of-an-account";

/// What a reader of the page meets on the way: landmarks, headings, headers of columns, and names of all links.
const STRUCTURE: &str = "({
    main: document.querySelectorAll('main').length,
    h1: document.querySelectorAll('h1').length,
    skipped: [...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))
        .some((level, at, all) => at > 0 && level > all[at - 1] + 1),
    nameless: [...document.querySelectorAll('a, section[aria-labelledby], nav')].filter(one => one.tagName === 'A'
        ? !one.innerText.trim() : one.tagName === 'NAV' ? !one.getAttribute('aria-label')
        : !document.getElementById(one.getAttribute('aria-labelledby'))).length,
    headers: [...document.querySelectorAll('table')].every(table => table.querySelector('th[scope=col]')
        && [...table.tBodies[0].rows].every(row => row.querySelector('th[scope=row]'))),
    scripts: document.querySelectorAll('script').length,
    forms: document.querySelectorAll('form, button, input').length,
})";

/// Whether each link shows that it has the focus of the keyboard.
const FOCUS: &str = "[...document.querySelectorAll('a')].every(link => {
    link.focus({ focusVisible: true });
    return document.activeElement === link && getComputedStyle(link).outlineStyle === 'solid';
})";

fn scripted(arrival: &Arrival) -> Answer {
    match arrival.case().as_deref() {
        Some("broken") => Answer::status(500),
        Some("redirect") => Answer::raw(
            *b"HTTP/1.1 302 Found\r\nLocation: https://hooks.example.com/new\r\nContent-Length: 0\r\n\r\n",
            Some(302),
        ),
        _ if arrival.target().starts_with("/webhooks/answer") => {
            let ncco = br#"[{"action":"talk","text":"Welcome to the line of Ann"},{"action":"connect","endpoint":[{"type":"phone","number":"447700900001"}]}]"#;
            Answer::body(200, "application/json", ncco)
        }
        _ => Answer::status(204),
    }
}

/// A gate that keeps what a day brings.
fn busy(upstream: &Upstream) -> Gate {
    let setup = Setup::new(upstream.url());
    setup.dir.write("secret", SECRET);
    let gate = setup
        .key("signatures", &format!("{{ secrets: [ {{ api_key: {KEY}, file: secret }} ] }}"))
        .key("inspect", "{ keep: 50, bodies: masked }")
        .range("voice", "127.0.0.2/32\n")
        .range("sms", "127.0.0.2/32\n")
        .routes(&[
            "{ path: /webhooks/answer, webhook: voice-answer, allow: [voice] }",
            "{ path: /webhooks/inbound-sms, webhook: sms-inbound, allow: [sms] }",
            "{ path: /webhooks/message-status, webhook: messages-status, allow: [sms], signature: require }",
        ])
        .start();
    let kind = ("Content-Type", "application/json");
    let call = br#"{"from":"447700900000","to":"447700900001","uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356","conversation_uuid":"CON-63f61863-4a51-4f6b-86e1-46edebcf9356","region_url":"https://api-us-3.example.com"}"#;
    let sms = br#"{"msisdn":"447700900000","to":"447700900001","messageId":"170000029F2E1A03","text":"See you at eight, Ann","type":"text","keyword":"SEE","message-timestamp":"2026-11-28 05:01:02"}"#;
    let status = br#"{"message_uuid":"aaaaaaaa-bbbb-cccc-dddd-0123456789ab","to":"447700900000","from":"447700900001","timestamp":"2026-11-28T05:01:02Z","status":"delivered","channel":"whatsapp","profile":{"name":"Ann"}}"#;
    let token = Token::new(KEY, SECRET, status).bearer();
    let with = |target: &str, fields: &[(&str, &str)], body: &[u8]| request("POST", target, fields, body);
    let case = |target: &str, case: &'static str| with(target, &[kind, ("X-Case", case)], sms);
    for (from, bytes) in [
        (ADMITTED, with("/webhooks/answer", &[kind], call)),
        (ADMITTED, case("/webhooks/inbound-sms", "fine")),
        (STRANGER, case("/webhooks/inbound-sms", "fine")),
        (ADMITTED, case("/webhooks/inbound-sms", "broken")),
        (ADMITTED, case("/webhooks/inbound-sms", "redirect")),
        (ADMITTED, with("/webhooks/message-status", &[kind, ("Authorization", &token)], status)),
        (ADMITTED, with("/webhooks/message-status", &[kind], status)),
        (
            ADMITTED,
            request(
                "GET",
                "/webhooks/inbound-sms?msisdn=447700900000&to=447700900001&text=See+you&type=text&keyword=SEE",
                &[],
                b"",
            ),
        ),
        (STRANGER, post("/elsewhere", "fine")),
        (ADMITTED, with("/webhooks/answer", &[kind], call)),
    ] {
        gate.ask(from, &bytes);
    }
    gate
}

/// Somebody proposes another list, which the status page shows.
fn propose(gate: &Gate) {
    gate.setup.dir.write("proposed.txt", "127.0.0.2/32\n198.51.100.0/24\n");
    let at = |name: &str| gate.setup.path().join(name);
    let mut command = binary();
    command
        .args(["ranges", "propose", "sms"])
        .arg(at("proposed.txt"))
        .args(["--source", "https://vendor.example/ips"]);
    command.arg("--config").arg(at("config.yaml"));
    let output = command.output().expect("the gate's binary");
    // The guards hold it, as the page says.
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let age = "proposal_age_seconds{list=\"sms\"}";
    wait_until(|| gate.admin("GET", "/metrics").text().contains(age), || "no proposal is seen".to_owned());
}

#[test]
#[ignore = "needs Chromium: make test-page"]
fn the_pages_of_exchanges_are_readable_on_any_screen_and_without_a_mouse() {
    let Ok(program) = std::env::var(BROWSER) else {
        return cannot_run(
            "the page of exchanges in a browser",
            &format!("{BROWSER} names none; make test-page does"),
        );
    };
    let upstream = Upstream::start(scripted);
    let gate = busy(&upstream);
    let base = format!("http://{}", gate.admin_addr());
    let pages = [
        ("list", format!("{base}/inspect")),
        ("whole", format!("{base}/inspect?id=1")),
        ("denied", format!("{base}/inspect?id=3")),
        ("gone", format!("{base}/inspect?id=99")),
    ];
    let mut browser = Browser::start(&program);
    for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
        for (name, url) in &pages {
            let what = format!("{name}, {width} px, {scheme}");
            browser.open(url, width, scheme);
            let wide = browser.value(WIDTH);
            assert!(wide.as_u64().is_some_and(|wide| wide <= u64::from(width)), "{what}: {wide} px wide");
            assert_eq!(browser.value(PALE)["found"], Value::Array(Vec::new()), "{what}");
            let structure = browser.value(STRUCTURE);
            let wanted = json!({ "main": 1, "h1": 1, "skipped": false, "nameless": 0, "headers": true, "scripts": 0, "forms": 0 });
            assert_eq!(structure, wanted, "{what}");
            assert_eq!(browser.value(FOCUS), true, "{what}");
            let text = browser.value("document.body.innerText");
            let text = text.as_str().expect("text");
            for private in ["447700900000", "Ann", "See you", "eyJ"] {
                assert!(!text.contains(private), "{what}: {private}");
            }
            // A missing exchange is a 404, which the browser notes.
            let complaints = browser.complaints();
            assert!(complaints.len() <= usize::from(*name == "gone"), "{what}: {complaints:?}");
            if let Ok(folder) = std::env::var(PICTURES) {
                // What was tried with the keyboard has no place in a picture.
                browser.value("document.activeElement.blur()");
                let path = PathBuf::from(folder).join(format!("inspect-{name}-{width}-{scheme}.png"));
                std::fs::write(path, browser.picture(width)).expect("a picture");
            }
        }
    }
    if let Ok(folder) = std::env::var(PICTURES) {
        propose(&gate);
        browser.open(&format!("{base}/status"), 1280, "light");
        std::fs::write(PathBuf::from(folder).join("status.png"), browser.picture(1280)).expect("a picture");
    }
    browser.open(&pages[0].1, 1280, "light");
    let rows = browser.value("document.querySelectorAll('.exchanges tbody tr').length");
    assert_eq!(rows, 10);
    // By the keyboard alone, from the list to an exchange and on to the status.
    browser.value("document.querySelector('.exchanges tbody a').click()");
    browser.wait_loaded();
    assert!(browser.value("document.title").as_str().expect("a title").starts_with("nexmo-gate: exchange "));
    browser.value("document.querySelector('footer a[href=\"/status\"]').click()");
    browser.wait_loaded();
    assert_eq!(browser.value("!!document.querySelector('footer a[href=\"/inspect\"]')"), true);
}
