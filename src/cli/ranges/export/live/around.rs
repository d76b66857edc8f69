//! What stands around the addresses that a target holds: whether everybody else is refused there.
//!
//! Only what the target prints beside the addresses can be seen. Invariant: nothing is said of a text that has no verdict, and
//! no text is taken for closed that does not refuse the others.

use serde_json::Value;

use super::net;
use crate::policy::export::name::Name;
use crate::policy::export::order::{chain, only, set};
use crate::policy::export::ranges::Family;

/// Everything that lets others pass, as lines for a person. `port` is that of the chain that the export made.
pub(in crate::cli::ranges::export) fn faults(
    format: &str,
    text: &str,
    name: &Name,
    port: Option<u16>,
) -> Vec<String> {
    match (format, port) {
        ("nft", Some(port)) => nft(text, name, port),
        ("iptables", _) => iptables(text, &chain(name)),
        ("nginx-allow", _) => nginx_allow(text),
        ("nginx-geo", _) => nginx_geo(text),
        ("haproxy-map", _) => haproxy_map(text, name.underscored()),
        _ => Vec::new(),
    }
}

/// Whether packets go through the chain at all: a rule of somebody else's sends them there.
pub(in crate::cli::ranges::export) fn is_unused(format: &str, text: &str, name: &Name) -> bool {
    let jump = format!(" -j {}", chain(name));
    format == "iptables" && !text.lines().any(|line| line.starts_with("-A ") && line.ends_with(&jump))
}

/// The chain drops who is in no set, for each family.
fn nft(text: &str, name: &Name, port: u16) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let chain = only(name);
    let rows = value["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_chain = |rule: &&Value| rule["chain"].as_str() == Some(&chain);
    let rules: Vec<&Value> = rows.iter().filter_map(|row| row.get("rule")).filter(of_chain).collect();
    let has = |rule: &Value, test: &dyn Fn(&Value) -> bool| {
        rule["expr"].as_array().is_some_and(|expressions| expressions.iter().any(test))
    };
    let drops = |rule: &Value| has(rule, &|one| one.get("drop").is_some());
    let mut faults: Vec<String> = Vec::new();
    for family in Family::ALL {
        let other = format!("@{}", set(name, family));
        let is_other = |one: &Value| one["match"]["op"] == "!=" && one["match"]["right"] == other.as_str();
        let is_port = |one: &Value| {
            one["match"]["left"]["payload"]["field"] == "dport" && one["match"]["right"] == port
        };
        if !rules.iter().any(|rule| drops(rule) && has(rule, &is_other) && has(rule, &is_port)) {
            faults.push(format!("no rule of the chain {chain} drops who is not in {other} at port {port}"));
        }
    }
    if rules.iter().any(|rule| !drops(rule)) {
        faults.push(format!("the chain {chain} has a rule that does not drop"));
    }
    faults
}

/// The chain ends with a drop, and lets nobody go on but by an address.
fn iptables(text: &str, chain: &str) -> Vec<String> {
    let begin = format!("-A {chain} ");
    let rules: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&begin)).collect();
    let mut faults = Vec::new();
    if rules.last() != Some(&"-j DROP") {
        faults.push(format!("the chain {chain} does not end with DROP"));
    }
    let is_own =
        |rule: &&&str| **rule == "-j DROP" || (rule.starts_with("-s ") && rule.ends_with(" -j RETURN"));
    let others = rules.iter().filter(|rule| !is_own(rule)).count();
    if others > 0 {
        faults.push(format!("the chain {chain} has {others} rules that are not of this export"));
    }
    faults
}

fn nginx_allow(text: &str) -> Vec<String> {
    let directives = directives(text);
    let is_open = directives.contains(&"allow all");
    let is_closed = directives.last() == Some(&"deny all");
    let faults = [(is_open, "it has `allow all`"), (!is_closed, "its last directive is not `deny all`")];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| fault.to_owned()).collect()
}

/// Whoever is in no list has 0, and whoever is in one has 1.
fn nginx_geo(text: &str) -> Vec<String> {
    let Some((_, inside)) = text.split_once('{') else { return vec!["it has no `geo` block".to_owned()] };
    let directives = directives(inside.split('}').next().unwrap_or_default());
    let words: Vec<Vec<&str>> = directives.iter().map(|one| one.split_whitespace().collect()).collect();
    let default = words.iter().find(|words| words.first() == Some(&"default"));
    let mut faults = Vec::new();
    if default.is_none_or(|words| words.get(1) != Some(&"0")) {
        faults.push("its default is not 0".to_owned());
    }
    let others =
        words.iter().filter(|words| words.first() != Some(&"default") && words.get(1) != Some(&"1")).count();
    if others > 0 {
        faults.push(format!("{others} of its lines have another value than 1"));
    }
    faults
}

/// Every entry has the value that the export gives it. What HAProxy prints has a number before each.
fn haproxy_map(text: &str, value: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let entries = lines.filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().take(2).position(|word| net(word).is_some())?;
        Some(words.get(at + 1..).unwrap_or_default().join(" "))
    });
    match entries.filter(|found| found != value).count() {
        0 => Vec::new(),
        others => vec![format!("{others} of its entries have another value than {value}")],
    }
}

/// The directives of nginx, without comments.
fn directives(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines.flat_map(|line| line.split(';')).map(str::trim).filter(|one| !one.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: &str, text: &str) -> Vec<String> {
        faults(format, text, &Name::chosen("sms").unwrap(), Some(443))
    }

    #[test]
    fn a_text_that_lets_others_pass_is_told() {
        let saved = ":NG-sms - [0:0]\n-A INPUT -p tcp -m tcp --dport 443 -j NG-sms\n-A NG-sms -s 192.0.2.0/24 -j RETURN\n-A NG-sms -j DROP\n";
        assert_eq!(told("iptables", saved), [""; 0]);
        let open = saved.replace("-A NG-sms -j DROP\n", "");
        assert_eq!(told("iptables", &open), ["the chain NG-sms does not end with DROP"]);
        let hole = saved.replace("-A NG-sms -j DROP", "-A NG-sms -p tcp -j ACCEPT\n-A NG-sms -j DROP");
        assert_eq!(told("iptables", &hole), ["the chain NG-sms has 1 rules that are not of this export"]);
        let name = Name::chosen("sms").unwrap();
        assert!(!is_unused("iptables", saved, &name) && is_unused("iptables", ":NG-sms - [0:0]\n", &name));

        assert_eq!(told("nginx-allow", "allow 192.0.2.0/24; # a\ndeny all;\n"), [""; 0]);
        assert_eq!(
            told("nginx-allow", "allow 192.0.2.0/24;\n# deny all;\n"),
            ["its last directive is not `deny all`"]
        );
        assert_eq!(told("nginx-allow", "deny all;\nallow all;\n").len(), 2);
        let geo = "geo $nexmo_gate_sms {\n    default 0;\n    192.0.2.0/24 1;\n}\n";
        assert_eq!(told("nginx-geo", geo), [""; 0]);
        assert_eq!(told("nginx-geo", &geo.replace("default 0", "default 1")), ["its default is not 0"]);
        assert_eq!(
            told("nginx-geo", &geo.replace("/24 1", "/24 0")),
            ["1 of its lines have another value than 1"]
        );
        assert_eq!(told("haproxy", "192.0.2.0/24\n"), [""; 0], "a set has no verdict");
        let map = "# made by nexmo-gate 192.0.2.0/24 no\n192.0.2.0/24 sms\n0x55d0 198.51.100.1 sms\n\n";
        assert_eq!(told("haproxy-map", map), [""; 0]);
        for other in ["192.0.2.0/24 voice\n", "0x55d0 192.0.2.0/24\n", "0x55d0 192.0.2.0/24 sms 2\n"] {
            let map = format!("{map}{other}");
            assert_eq!(
                told("haproxy-map", &map),
                ["1 of its entries have another value than sms"],
                "{other}"
            );
        }
    }

    #[test]
    fn a_chain_of_nftables_drops_who_is_in_no_set() {
        let rule = |protocol: &str, set: &str, verdict: &str| {
            format!(
                r#"{{"rule": {{"chain": "sms_only", "expr": [
                {{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": 443}}}},
                {{"match": {{"op": "!=", "left": {{"payload": {{"protocol": "{protocol}", "field": "saddr"}}}}, "right": "{set}"}}}},
                {{"{verdict}": null}}]}}}}"#
            )
        };
        let rows = |rules: &[String]| format!(r#"{{"nftables": [{}]}}"#, rules.join(", "));
        let (v4, v6) = (rule("ip", "@sms_v4", "drop"), rule("ip6", "@sms_v6", "drop"));
        assert_eq!(told("nft", &rows(&[v4.clone(), v6.clone()])), [""; 0]);
        let wanted = "no rule of the chain sms_only drops who is not in @sms_v6 at port 443";
        assert_eq!(told("nft", &rows(std::slice::from_ref(&v4))), [wanted]);
        let accepting = rule("ip", "@sms_v4", "accept");
        let said = told("nft", &rows(&[accepting, v4.clone(), v6.clone()]));
        assert_eq!(said, ["the chain sms_only has a rule that does not drop"]);
        assert_eq!(told("nft", &rows(&[v4.replace("443", "80"), v6])).len(), 1);
        assert!(
            faults("nft", &rows(&[]), &Name::chosen("sms").unwrap(), None).is_empty(),
            "no chain of this export"
        );
    }
}
