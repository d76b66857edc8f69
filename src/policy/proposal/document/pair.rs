//! An object that says one range in two members, such as an address and its mask, or a start and an end.
//!
//! Each member alone would be another range than its author's. So such an object is an error that says which CIDRs were
//! probably meant.

use crate::policy::address::range_list::parse_prefix;
use crate::policy::proposal::document::json::Json;
use crate::policy::proposal::document::look::Look;

/// The two members, and what they mean together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Their names.
    pub keys: [String; 2],
    /// What to write instead.
    pub meant: String,
}

const MASKS: [&str; 8] = ["mask", "netmask", "wildcard", "masklen", "prefix", "prefixlen", "cidr", "bits"];
const STARTS: [&str; 7] = ["start", "begin", "from", "first", "low", "lower", "min"];
const ENDS: [&str; 7] = ["end", "stop", "to", "last", "high", "upper", "max"];

/// The pair in the members of an object, if there is one.
pub(super) fn in_object(members: &[(std::borrow::Cow<'_, str>, Json<'_>)]) -> Option<Pair> {
    let bare = || members.iter().filter_map(|(key, value)| Some((key.as_ref(), bare_address(value)?)));
    for (key, address) in bare() {
        for (other, value) in members.iter().filter(|(other, _)| other != key) {
            if says(other, &MASKS)
                && let Some(mask) = mask(value)
            {
                return Some(Pair {
                    keys: [key.to_owned(), other.to_string()],
                    meant: meant(address, "/", mask),
                });
            }
        }
        for (other, end) in bare().filter(|(other, _)| *other != key) {
            if says(key, &STARTS) && says(other, &ENDS) {
                return Some(Pair {
                    keys: [key.to_owned(), other.to_owned()],
                    meant: meant(address, " - ", end),
                });
            }
        }
    }
    None
}

/// The pair in an array that begins with an address and a number, such as `["192.0.2.0", 24]`.
pub(super) fn in_array(values: &[Json<'_>]) -> Option<Pair> {
    let [first, Json::Number(number), ..] = values else { return None };
    let address = bare_address(first)?;
    Some(Pair {
        keys: ["the first value".to_owned(), "the second".to_owned()],
        meant: meant(address, "/", number),
    })
}

/// An address without a length.
fn bare_address<'j>(value: &'j Json<'_>) -> Option<&'j str> {
    let Json::Text(text) = value else { return None };
    (!text.contains('/') && matches!(Look::of(text), Look::Prefix(_))).then_some(text)
}

/// A number of bits, or a mask.
fn mask<'j>(value: &'j Json<'_>) -> Option<&'j str> {
    match value {
        Json::Number(number) => Some(number),
        Json::Text(text) => {
            let text = text.trim_start_matches('/');
            let is_bits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            (is_bits || text.parse::<std::net::Ipv4Addr>().is_ok()).then_some(text)
        }
        _ => None,
    }
}

/// Whether one of the words of a name is one of these: `startIp`, `start_ip`, `ip-start`, `startip`.
fn says(name: &str, words: &[&str]) -> bool {
    let mut split = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for c in name.chars() {
        if was_lower && c.is_uppercase() {
            split.push(' ');
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        split.extend(c.to_lowercase());
    }
    let of = |word: &str| {
        let bare =
            ["address", "addr", "length", "ip"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        let bare = bare.strip_prefix("ip").unwrap_or(bare);
        words.contains(&word) || words.contains(&bare)
    };
    split.split(|c: char| !c.is_alphanumeric()).any(of)
}

/// What the strict parser says of the two together; it knows masks and ranges.
fn meant(first: &str, between: &str, second: &str) -> String {
    match parse_prefix(&format!("{first}{between}{second}")) {
        Ok(net) => format!("write {net}"),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::proposal::document::json::read;

    fn pair(text: &str) -> Option<String> {
        let pair = match read(text).unwrap() {
            Json::Object(members) => in_object(&members),
            Json::Array(values) => in_array(&values),
            _ => None,
        };
        pair.map(|pair| format!("{}+{}: {}", pair.keys[0], pair.keys[1], pair.meant))
    }

    #[test]
    fn two_members_that_are_one_range_are_seen_and_told() {
        for (text, wanted) in [
            (r#"{"ip": "192.0.2.0", "mask": 24}"#, "ip+mask: write 192.0.2.0/24"),
            (
                r#"{"netmask": "255.255.255.0", "address": "192.0.2.0"}"#,
                "address+netmask: a netmask is not a prefix length; write 192.0.2.0/24",
            ),
            (r#"{"ip": "192.0.2.0", "prefixLength": "24"}"#, "ip+prefixLength: write 192.0.2.0/24"),
            (r#"{"network": "2001:db8::", "prefix": "/32"}"#, "network+prefix: write 2001:db8::/32"),
            (
                r#"{"start": "192.0.2.0", "end": "192.0.2.7"}"#,
                "start+end: a range from one address to another must be written as CIDRs; write 192.0.2.0/29",
            ),
            (
                r#"{"ipEnd": "192.0.2.8", "ipStart": "192.0.2.7"}"#,
                "ipStart+ipEnd: a range from one address to another must be written as CIDRs; write, each in a line of its own, 192.0.2.7, 192.0.2.8",
            ),
            (r#"["192.0.2.0", 24]"#, "the first value+the second: write 192.0.2.0/24"),
        ] {
            assert_eq!(pair(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            r#"{"startip": "192.0.2.1", "endip": "192.0.2.3"}"#,
            r#"{"from_ip": "192.0.2.1", "to_ip": "192.0.2.3"}"#,
            r#"{"first": "192.0.2.1", "last": "192.0.2.3"}"#,
        ] {
            assert!(pair(text).is_some(), "{text}");
        }
        for text in [
            r#"{"ipv4Prefix": "192.0.2.0/24", "prefix": 24}"#,
            r#"{"ip_prefix": "192.0.2.0/24", "region": "from-here", "service": "AMAZON"}"#,
            r#"{"primary": "192.0.2.1", "secondary": "192.0.2.2"}"#,
            r#"{"from": "192.0.2.1", "sender_ip": "192.0.2.2"}"#,
            r#"{"ip": "192.0.2.1", "port": 443}"#,
            r#"["192.0.2.1", "192.0.2.2"]"#,
        ] {
            assert_eq!(pair(text), None, "{text}");
        }
    }
}
