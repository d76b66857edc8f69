//! The status page as a browser shows it: `make test-page`, with Chromium.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::admin::status_page::{assert_agree, busy_gate, cards, counted, page, scripted};
use crate::harness::browser::Browser;
use crate::harness::{Upstream, cannot_run};

/// Names the browser; `make test-page` looks for one.
pub const BROWSER: &str = "NEXMO_GATE_TEST_BROWSER";

/// What a person sees: every route's rows, as text.
const ROWS: &str = "Object.fromEntries([...document.querySelectorAll('[data-route]')].map(card => [
    card.dataset.route,
    Object.fromEntries([...card.querySelectorAll('tbody tr')].map(row => [
        row.cells[0].innerText.trim(),
        [...row.cells].slice(1).map(cell => Number(cell.innerText.replaceAll(',', ''))),
    ])),
]))";

/// Opens what is folded, then measures how wide the page is.
pub const WIDTH: &str = "document.querySelectorAll('details').forEach(folded => folded.open = true),
    Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)";

/// Texts whose contrast to what is behind them is below 4.5 (WCAG 2.2, AA).
pub const PALE: &str = "(() => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => {
        const [r, g, b] = numbers(color).map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (numbers(color).length === 3 || numbers(color)[3] === 1) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = [];
    let seen = 0;
    for (const element of document.body.querySelectorAll('*')) {
        if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        seen += 1;
        const [one, other] = [light(getComputedStyle(element).color), light(behind(element))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) found.push(element.outerHTML.slice(0, 80) + ' ' + contrast.toFixed(2));
    }
    return { found, seen };
})()";

/// A script that a mistake in escaping would let in; it must not run.
const INTRUDER: &str = "(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const image = document.createElement('p');
    image.setAttribute('style', 'position: fixed');
    document.body.append(image);
    return [window.ran === true, getComputedStyle(image).position];
})()";

#[test]
#[ignore = "needs Chromium: make test-page"]
fn a_browser_shows_the_true_numbers_on_any_screen_without_a_complaint() {
    let Ok(program) = std::env::var(BROWSER) else {
        return cannot_run(
            "the status page in a browser",
            &format!("{BROWSER} names none; make test-page does"),
        );
    };
    let upstream = Upstream::start(scripted);
    let gate = busy_gate(&upstream);
    let metrics = counted(&gate);
    let text = page(&gate);
    assert_agree(&text, &metrics);
    let url = format!("http://{}/status", gate.admin_addr());

    let mut browser = Browser::start(&program);
    let mut grounds = Vec::new();
    for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
        let what = format!("{width} px, {scheme}");
        browser.open(&url, width, scheme);
        let shown: BTreeMap<String, BTreeMap<String, (u64, u64)>> =
            serde_json::from_value(browser.value(ROWS)).expect("routes with rows of two numbers");
        assert_eq!(shown, cards(&text), "{what}");
        let wide = browser.value(WIDTH);
        assert!(
            wide.as_u64().is_some_and(|wide| wide <= u64::from(width)),
            "{what}: the page is {wide} px wide"
        );
        let pale = browser.value(PALE);
        assert_eq!(pale["found"], Value::Array(Vec::new()), "{what}");
        assert!(pale["seen"].as_u64().is_some_and(|seen| seen > 60), "{what}: {pale}");
        // Without its style the page would be white in both schemes, and paths black.
        grounds.push(browser.value("getComputedStyle(document.body).backgroundColor"));
        let fills = browser.value("getComputedStyle(document.querySelector('svg .denied')).fill");
        assert_ne!(fills, "rgb(0, 0, 0)", "{what}");
        assert_eq!(browser.complaints(), Vec::<Value>::new(), "{what}");
    }
    assert_eq!(grounds[0], grounds[2]);
    assert_ne!(grounds[0], grounds[1]);

    assert_eq!(browser.value(INTRUDER), serde_json::json!([false, "static"]));
    let complaints = browser.complaints();
    assert_eq!(
        complaints.len(),
        2,
        "each breach of the policy is noticed, and would have been above: {complaints:?}"
    );
    assert!(browser.keeps_to_its_folder());
}
