//! Documents of unknown shape that are proposed for a list.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use nexmo_gate::exports::proposal::{MOST_PREFIXES, Refusal, read};
use serde_json::Value;

/// A document that is accepted, with all of its groups, says exactly the prefixes that the standard library's parser finds in
/// it; what looks like an address and is none is never in it; and every refusal is in words that cannot disturb a terminal.
pub fn range_document(data: &[u8]) -> bool {
    let whole = match read(data, &[]) {
        Err(refusals) => {
            assert!(!refusals.is_empty() && refusals.len() <= 100);
            for refusal in &refusals {
                let shown = refusal.to_string();
                assert!(!shown.is_empty() && !shown.contains(char::is_control), "{shown:?}");
            }
            let [Refusal::Groups(groups)] = &refusals[..] else { return false };
            assert!(groups.len() > 1 && groups.iter().all(|(_, count)| *count > 0));
            let names: Vec<String> = groups.iter().map(|(name, _)| name.clone()).collect();
            let Ok(whole) = read(data, &names) else { panic!("all groups cannot be chosen") };
            for name in &names {
                let part = read(data, std::slice::from_ref(name)).expect("a group that was named");
                assert!(part.iter().all(|prefix| whole.contains(prefix)), "{name}");
            }
            whole
        }
        Ok(whole) => whole,
    };
    assert!(!whole.is_empty() && whole.len() <= MOST_PREFIXES && whole.is_sorted());
    let text = std::str::from_utf8(data).expect("an accepted document is text");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let strings = if text.trim_start().starts_with(['{', '[']) {
        // It knows no number of any size.
        let Ok(tree) = serde_json::from_str(text) else { return true };
        let mut strings = Vec::new();
        gather(&tree, &mut strings);
        strings
    } else {
        let range = |line: &str| {
            let line = format!(" {}", line.replace('\t', " "));
            line.split(" #").next().unwrap_or_default().trim_matches([' ', '\r']).to_owned()
        };
        text.split('\n').map(range).collect()
    };
    let wanted: BTreeSet<IpNet> = strings.iter().filter_map(|string| plain(string)).collect();
    assert_eq!(whole.into_iter().collect::<BTreeSet<_>>(), wanted);
    for string in strings.iter().filter(|string| plain(string).is_none()) {
        assert!(!has_dotted_quad(string), "{string:?} was skipped");
        assert!(!string.contains("::"), "{string:?} was skipped");
    }
    true
}

fn gather(tree: &Value, strings: &mut Vec<String>) {
    match tree {
        Value::String(string) => strings.push(string.clone()),
        Value::Array(values) => values.iter().for_each(|value| gather(value, strings)),
        Value::Object(members) => {
            for (key, value) in members {
                assert!(plain(key).is_none(), "{key:?} is an address in a key");
                gather(value, strings);
            }
        }
        _ => {}
    }
}

/// An address or a CIDR, as the standard library and `ipnet` read it.
fn plain(string: &str) -> Option<IpNet> {
    let net: IpNet = string.parse().or_else(|_| string.parse::<IpAddr>().map(IpNet::from)).ok()?;
    let IpAddr::V6(ip) = net.addr() else { return Some(net) };
    match ip.to_ipv4_mapped() {
        Some(ip) => IpNet::new(ip.into(), net.prefix_len().checked_sub(96)?).ok(),
        None => Some(net),
    }
}

/// Whether four numbers with dots between them stand anywhere in it.
fn has_dotted_quad(string: &str) -> bool {
    let mut words = string.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.any(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.windows(4).any(|four| four.iter().all(|part| !part.is_empty()))
    })
}
