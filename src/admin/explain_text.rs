//! An explanation in words, from its JSON: the same for one made here and one fetched from a live gate.

use std::fmt::Write as _;

use serde_json::Value;

/// The whole chain, from the peer to what the sender hears.
#[must_use]
pub fn text(explanation: &Value) -> String {
    let mut out = String::new();
    chain(&mut out, explanation);
    let routes = rows(&explanation["routes"]);
    match (explanation["path"].as_str(), routes) {
        (Some(path), [route]) => one_route(&mut out, explanation, path, route),
        _ => every_route(&mut out, explanation, routes),
    }
    out
}

/// Peer, hops, client. Writing to a String cannot fail, here and below.
fn chain(out: &mut String, explanation: &Value) {
    let hops = rows(&explanation["hops"]);
    for (place, hop) in hops.iter().enumerate() {
        let name = if place == 0 { "peer" } else { "hop" };
        let why = match hop["trusted_by"].as_str() {
            Some(by) => format!("a trusted proxy ({by})"),
            None if explanation["no_client"] == "bad_chain" => "is not an address".to_owned(),
            None => "not a trusted proxy, so it is the client".to_owned(),
        };
        let _ = writeln!(out, "{name:<8} {:<18} {why}", shown(word(hop, "hop")));
    }
    let nobody = match explanation["no_client"].as_str() {
        Some("bad_chain") => "nobody: a hop that cannot be read is never skipped",
        _ if hops.len() > 1 => "nobody: every hop is a trusted proxy, and a trusted proxy is never a client",
        _ => "nobody: the peer is a trusted proxy and names no one (give --via)",
    };
    let _ = writeln!(out, "client   {}", explanation["client"].as_str().unwrap_or(nobody));
    if explanation["via"].is_string() && hops.len() == 1 {
        let _ = writeln!(
            out,
            "         the forwarding header is ignored: only a trusted proxy may name the client"
        );
    }
}

fn one_route(out: &mut String, explanation: &Value, path: &str, route: &Value) {
    match route["route"].as_str() {
        Some(label) => {
            let _ = writeln!(out, "route    {label} ({}) for {path}", word(route, "webhook"));
        }
        None => {
            let _ = writeln!(out, "route    none matches {path}");
        }
    }
    let client = explanation["client"].is_string();
    for list in rows(&route["lists"]).iter().filter(|_| client) {
        let found = match list["prefix"].as_str() {
            Some(prefix) => format!("holds it: {prefix} at {}:{}", word(list, "file"), list["line"]),
            None => format!("does not hold it ({} prefixes in {})", list["prefixes"], word(list, "file")),
        };
        let last_good = if list["last_good"] == true { " [last good version]" } else { "" };
        let _ = writeln!(out, "list     {:<18} {found}{last_good}", word(list, "name"));
    }
    let verdict = match word(route, "verdict") {
        "admitted" => format!("ADMITTED by list {}, prefix {}", word(route, "list"), word(route, "prefix")),
        "denied" => format!("DENIED, {}", reason(route)),
        _ => format!("WOULD BE DENIED, {}; mode: observe forwards it all the same", reason(route)),
    };
    let _ = writeln!(out, "verdict  {verdict}");
    let answer = match (word(route, "verdict"), explanation["ambiguous_path"].as_str()) {
        ("denied", _) => denied(explanation, route),
        (_, Some(flaw)) => format!("400: the path holds {flaw}"),
        _ => "what the application answers, judged by the delivery rules".to_owned(),
    };
    let _ = writeln!(out, "answer   {answer}");
}

fn denied(explanation: &Value, route: &Value) -> String {
    let later = if explanation["deny"] == "retry" { " with Retry-After" } else { "" };
    format!("{}{later} (deny: {})", route["status"], word(explanation, "deny"))
}

fn reason(route: &Value) -> String {
    let word = word(route, "reason");
    let meaning = match word {
        "not_listed" => "the client is in none of the route's lists",
        "no_route" => "no route matches the path",
        "no_client" => "nobody can be named as the client",
        "bad_chain" => "the forwarding header cannot be read",
        _ => return word.to_owned(),
    };
    format!("{word}: {meaning}")
}

fn every_route(out: &mut String, explanation: &Value, routes: &[Value]) {
    let width = routes.iter().map(|route| word(route, "route").len()).max().unwrap_or(0).max(5);
    let _ = writeln!(out, "\n{:<width$}  {:<20}  verdict", "route", "webhook");
    for route in routes {
        let verdict = match word(route, "verdict") {
            "admitted" => {
                let holds = |list: &&Value| list["name"] == route["list"];
                let at = rows(&route["lists"]).iter().find(holds);
                let at = at.map(|list| format!(" at {}:{}", word(list, "file"), list["line"]));
                format!(
                    "admitted  {} {}{}",
                    word(route, "list"),
                    word(route, "prefix"),
                    at.unwrap_or_default()
                )
            }
            "denied" => format!("denied    {}, answer {}", word(route, "reason"), denied(explanation, route)),
            _ => format!("observed  {}, forwarded all the same", word(route, "reason")),
        };
        let _ = writeln!(out, "{:<width$}  {:<20}  {verdict}", word(route, "route"), word(route, "webhook"));
    }
}

/// What is no address is shown quoted: it may hold anything.
fn shown(hop: &str) -> String {
    if hop.parse::<std::net::IpAddr>().is_ok() { hop.to_owned() } else { format!("{hop:?}") }
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
