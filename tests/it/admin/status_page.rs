//! `/status` for people: its numbers are what was asked and what the metrics say, and nothing that a stranger sends
//! is more than text on it.

use std::collections::BTreeMap;

use crate::harness::gate::lines::json;
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Answer, Gate, Reply, STRANGER, Setup, Upstream, get, post, request, sender};

/// What the page says of one route, by outcome: in the last minutes, and since the start.
type Told = BTreeMap<String, (u64, u64)>;

fn admin(gate: &Gate, target: &str, accept: &str) -> Reply {
    let bytes =
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{accept}Connection: close\r\n\r\n", gate.admin_addr());
    sender::ask("127.0.0.1", gate.admin_addr(), bytes.as_bytes())
}

/// What stands behind the style, without the places where a path may be broken.
pub fn page(gate: &Gate) -> String {
    let reply = admin(gate, "/status", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let text = reply.text();
    text.split_once("</style>").expect("a style").1.replace("<wbr>", "")
}

/// The texts between `open` and `close`, each from its first `>` on.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Every card of the page by its route.
pub fn cards(page: &str) -> BTreeMap<String, Told> {
    let card = |text: &str| {
        let (route, rest) = text.split_once('"').expect("the route's name");
        let rows = between(rest, "<th scope=\"row\">", "</tr>").into_iter().map(|row| {
            let cells = between(row, "<td>", "</td>");
            assert_eq!(cells.len(), 2, "{row}");
            let outcome = row.split('<').next().expect("the outcome").to_owned();
            (outcome, (number(cells[0]), number(cells[1])))
        });
        (route.to_owned(), rows.collect())
    };
    between(page, "<article class=\"card\" data-route=\"", "</article>").into_iter().map(card).collect()
}

/// The tiles at the top.
fn tiles(page: &str) -> Told {
    let tile = |text: &str| {
        let of = |open: &str, close: &str| between(text, open, close)[0].to_owned();
        (of("<dt>", "</dt>"), (number(&of("<b>", "</b>")), number(&of("<span>", " in all"))))
    };
    between(page, "<div class=\"tile ", "</div>").into_iter().map(tile).collect()
}

/// Requests of every route by outcome, as the metrics have them.
pub fn counted(gate: &Gate) -> BTreeMap<String, BTreeMap<String, u64>> {
    let text = gate.admin("GET", "/metrics").text();
    let mut all: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("nexmo_gate_requests_total{")) {
        let label = |name: &str| between(line, &format!("{name}=\""), "\"")[0].to_owned();
        let (_, count) = line.rsplit_once(' ').expect("a value");
        *all.entry(label("route")).or_default().entry(label("outcome")).or_default() += number(count);
    }
    all
}

/// Both say the same of every route that was ever asked for.
pub fn assert_agree(page: &str, metrics: &BTreeMap<String, BTreeMap<String, u64>>) {
    let cards = cards(page);
    let asked = metrics.iter().filter(|(_, outcomes)| outcomes.values().any(|count| *count > 0));
    for (route, outcomes) in asked.clone() {
        let told = cards.get(route).unwrap_or_else(|| panic!("no card of {route} in {page}"));
        for (outcome, count) in outcomes.iter().filter(|(_, count)| **count > 0) {
            assert_eq!(told.get(outcome), Some(&(*count, *count)), "{route} {outcome}");
        }
        let sum: u64 = told.iter().filter(|(word, _)| *word != "would deny").map(|(_, (_, all))| all).sum();
        assert_eq!(sum, outcomes.values().sum::<u64>(), "{route}");
    }
    assert_eq!(cards.len(), asked.count());
}

pub fn scripted(arrival: &Arrival) -> Answer {
    match arrival.case().as_deref() {
        Some("broken") => Answer::status(500),
        Some("refused") => Answer::status(422),
        _ => Answer::status(200),
    }
}

/// Two routes and what was asked of them, waited for until it is counted.
pub fn busy_gate(upstream: &Upstream) -> Gate {
    let gate = Setup::new(upstream.url())
        .routes(&[
            "{ path: /sms, webhook: sms-inbound, allow: [test] }",
            "{ path: /call/*, webhook: voice-event, allow: [test] }",
            "{ path: /never, webhook: generic, allow: [test] }",
        ])
        .start();
    let rows: [(&str, &str, &str, usize); 8] = [
        (ADMITTED, "/sms", "fine", 5),
        (ADMITTED, "/sms", "broken", 2),
        (ADMITTED, "/sms", "refused", 1),
        (STRANGER, "/sms", "fine", 3),
        ("127.0.0.4", "/sms", "fine", 1),
        (ADMITTED, "/call/one", "fine", 4),
        (ADMITTED, "/call/..%2f", "fine", 1),
        (STRANGER, "/elsewhere", "fine", 6),
    ];
    let mut asked = 0;
    for (from, target, case, times) in rows {
        for _ in 0..times {
            gate.ask(from, &post(target, case));
            asked += 1;
            // A request is noted after its answer: two at once could miss a row.
            gate.events(asked);
        }
    }
    assert_eq!(asked, 23);
    gate
}

#[test]
fn the_page_says_what_was_asked_and_what_the_metrics_say() {
    let upstream = Upstream::start(scripted);
    let gate = busy_gate(&upstream);
    let page = page(&gate);
    let told = |rows: &[(&str, u64)]| -> Told {
        rows.iter().map(|(word, count)| ((*word).to_owned(), (*count, *count))).collect()
    };
    let cards = cards(&page);
    assert_eq!(cards["/sms"], told(&[("delivered", 5), ("undelivered", 2), ("refused", 1), ("denied", 4)]));
    assert_eq!(cards["/call/*"], told(&[("delivered", 4), ("rejected", 1), ("denied", 0)]));
    assert_eq!(cards["-"], told(&[("delivered", 0), ("denied", 6)]));
    assert_eq!(cards.len(), 3);
    assert!(page.contains("1 route without a request since the start: <code>/never</code>"), "{page}");
    let wanted = [
        ("admitted", 13),
        ("delivered", 9),
        ("undelivered", 2),
        ("refused", 1),
        ("abandoned", 0),
        ("rejected", 1),
        ("denied", 10),
    ];
    assert_eq!(tiles(&page), told(&wanted));
    assert!(
        page.contains("aria-label=\"Requests to /sms, the last 15 minutes: 5 delivered, 2 undelivered"),
        "{page}"
    );
    assert_agree(&page, &counted(&gate));
}

#[test]
fn the_last_denials_stand_together_by_network() {
    let upstream = Upstream::start(scripted);
    let gate = busy_gate(&upstream);
    let page = page(&gate);
    let (_, section) = page.split_once("<section id=\"denied\">").expect("the denials");
    let (routed, elsewhere) = section.split_once("<details").expect("the rest of them");
    let bodies = between(routed, "<tbody>", "</tbody>");
    assert_eq!(bodies.len(), 1, "{routed}");
    assert!(bodies[0].contains("<code>127.0.0.0/24</code> 2 clients, 4 requests"), "{routed}");
    let rows = between(bodies[0], "<tr><th scope=\"row\">", "</tr>");
    assert_eq!(rows.len(), 2, "{routed}");
    for (row, client, times) in [(rows[0], "127.0.0.4", 1), (rows[1], STRANGER, 3)] {
        assert!(row.starts_with(&format!("<a href=\"/explain?ip={client}&amp;path=/sms\">")), "{row}");
        assert!(row.contains("<small>not_listed</small></th><td><code>/sms</code></td>"), "{row}");
        assert!(row.contains(&format!("<td class=\"number\">{times}</td>")), "{row}");
    }
    assert!(routed.contains("nexmo-gate explain 127.0.0.4 --path /sms --running"), "{routed}");
    assert!(
        elsewhere.contains("1 row, 6 requests") && elsewhere.contains("<small>no_route</small>"),
        "{elsewhere}"
    );
}

#[test]
fn a_stranger_can_put_nothing_but_text_on_the_page() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .http1()
        .key("trusted_proxies", "[127.0.0.9]")
        .routes(&["{ path: /sms/*, webhook: sms-inbound, allow: [test] }"])
        .start();
    let long = format!("/sms/{}", "x".repeat(4000));
    let evil = "\"><script>alert(1)</script><p style='x'>";
    let via = [("X-Forwarded-For", evil), ("User-Agent", evil)];
    let requests = [
        (STRANGER, request("GET", "/sms/<script>alert(1)</script>?token=hunter2", &[], b"")),
        (
            "127.0.0.4",
            request("GET", "/sms/'onload=alert(1)//\"&<b>?token=hunter2", &[("User-Agent", evil)], b""),
        ),
        ("127.0.0.5", request("GET", &long, &[], b"")),
        ("127.0.0.6", request("GET", "/no/<img/src=x>", &[], b"")),
        ("127.0.0.7", request("GET", "/no/$(reboot);`reboot`", &[], b"")),
        ("127.0.0.8", b"GET /sms/\xe2\x80\xae\xff HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("127.0.0.9", request("GET", "/sms/x", &via, b"")),
    ];
    for (number, (from, bytes)) in requests.iter().enumerate() {
        gate.ask(from, bytes);
        // One after the other, so that the last one is the newest.
        gate.events(number + 1);
    }
    let page = page(&gate);
    for never in ["<script", "<b>?", "<img", " style=", "alert(1)</script>", "hunter2", "xxxxx/", "\u{202e}"]
    {
        assert!(!page.contains(never), "{never}\n{page}");
    }
    for shown in [
        "<code>/sms/&lt;script&gt;alert(1)&lt;/script&gt;</code>",
        "<code>/sms/&#39;onload=alert(1)//&quot;&amp;&lt;b&gt;</code>",
        &format!("<code>/sms/{}…</code>", "x".repeat(91)),
        "<code>/no/&lt;img/src=x&gt;</code>",
        "nothing that can be read",
        "<small>bad_chain</small>",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
    // What is there to be copied into a shell holds only what the gate itself knows, or plain paths.
    assert!(page.contains("<code>nexmo-gate explain 127.0.0.9 --path /sms/x --running</code>"), "{page}");
}

#[test]
fn the_page_may_load_and_run_nothing() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let reply = admin(&gate, "/status?refresh=10", "Accept: text/html\r\n");
    let policy = reply.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(reply.header(name).as_deref(), Some(value), "{name}");
    }
    let page = reply.text();
    assert!(page.contains("<meta http-equiv=\"refresh\" content=\"10\">"), "{page}");
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("), "{page}");
    assert!(page.contains("Nothing needs attention.") && page.contains("Nobody was denied since the start."));
}

#[test]
fn programs_get_the_same_json_as_ever() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    gate.ask(STRANGER, &get("/x"));
    gate.events(1);
    let asked = [
        ("/status", "Accept: application/json\r\n"),
        ("/status", "Accept: */*\r\n"),
        ("/status", ""),
        ("/status?format=json", "Accept: text/html\r\n"),
    ];
    for (target, accept) in asked {
        let reply = admin(&gate, target, accept);
        assert_eq!(reply.header("content-type").as_deref(), Some("application/json"), "{target} {accept}");
        assert_eq!(reply.header("content-security-policy"), None);
        let status = json(&reply.text());
        let keys: Vec<&String> = status.as_object().expect("an object").keys().collect();
        let wanted = "certificates deny gauges generation last_reload lists loaded_at mode phase proposals routes secrets \
                      trusted_proxies unrouted upstreams uptime_s version";
        assert_eq!(keys, wanted.split_whitespace().collect::<Vec<_>>());
        assert_eq!(status["routes"][0]["outcomes"]["denied"]["not_listed"], 1, "{status}");
    }
}

#[test]
fn a_reload_keeps_what_was_counted_on_routes_that_stay_and_shows_what_is_wrong() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .key("mode", "observe")
        .routes(&[
            "{ path: /stays, webhook: generic, allow: [test] }",
            "{ path: /goes, webhook: generic, allow: [test] }",
        ])
        .start();
    for (from, target) in [(ADMITTED, "/stays"), (STRANGER, "/stays"), (ADMITTED, "/goes")] {
        assert_eq!(gate.ask(from, &get(target)).status, 200);
    }
    gate.events(3);
    gate.setup.clone().routes(&["{ path: /stays, webhook: generic, allow: [test] }"]).write_config();
    assert_eq!(gate.reload().0, 200);
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0/8\n");
    assert_eq!(gate.reload().0, 422);
    let page = page(&gate);
    let cards = cards(&page);
    assert_eq!(cards.keys().collect::<Vec<_>>(), ["/stays"]);
    assert_eq!(cards["/stays"]["delivered"], (2, 2));
    assert_eq!(cards["/stays"]["would deny"], (1, 1));
    assert!(page.contains("<small>would deny: not_listed</small>"), "{page}");
    let (_, lists) = page.split_once("<h2>Lists</h2>").expect("the lists");
    let (lists, _) = lists.split_once("</section>").expect("their end");
    assert!(lists.contains("last good") && lists.contains("ranges/test.txt:2</code>"), "{lists}");
    for part in ["mode observe", "generation 3", "list test is the last good one"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
