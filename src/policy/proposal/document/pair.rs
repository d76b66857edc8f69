//! An object or array that says one range in two values, such as an address and its mask, or a start and an end.
//!
//! Each value alone would be another range than its author's. So such an object is an error that says which CIDRs were
//! probably meant.

use std::net::Ipv4Addr;

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
/// What a mask may be called too; beside an array they count its values.
const LENGTHS: [&str; 6] = ["length", "len", "size", "suffix", "subnet", "slash"];
const STARTS: [&str; 9] = ["start", "begin", "from", "first", "low", "lower", "min", "lo", "network"];
const ENDS: [&str; 9] = ["end", "stop", "to", "last", "high", "upper", "max", "hi", "broadcast"];
/// What stands between the two ends of a range in an array.
const BETWEEN: [&str; 5] = ["-", "to", "..", "\u{2013}", "\u{2014}"];

/// The pair in the members of an object, if there is one. A member may have its value in an object or array of its own.
pub(super) fn in_object(members: &[(std::borrow::Cow<'_, str>, Json<'_>)]) -> Option<Pair> {
    let is_array = |value: &Json<'_>| matches!(value, Json::Array(_));
    let bare = || {
        let of = |(key, value)| Some((key, bare_address(leaf(value))?, is_array(value)));
        members.iter().map(|(key, value)| (key.as_ref(), value)).filter_map(of)
    };
    for (key, address, of_array) in bare() {
        for (other, value) in members.iter().filter(|(other, _)| other != key) {
            let may_be = |mask| says(other, &LENGTHS) || is_mask_of(address, mask);
            if let Some(mask) = mask(leaf(value))
                && (says(other, &MASKS) || (is_array(value) == of_array && may_be(mask)))
            {
                return Some(Pair {
                    keys: [key.to_owned(), other.to_string()],
                    meant: meant(address, "/", mask),
                });
            }
        }
        for (other, end, _) in bare().filter(|(other, ..)| *other != key) {
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

/// The pair in an array that has an address beside a length, a mask or a dash, such as `["192.0.2.0", 24]`.
pub(super) fn in_array(values: &[Json<'_>]) -> Option<Pair> {
    values
        .windows(2)
        .find_map(|pair| beside(pair))
        .or_else(|| values.windows(3).find_map(|three| between(three)))
}

fn beside(pair: &[Json<'_>]) -> Option<Pair> {
    let [one, other] = pair else { return None };
    let is_length = |value: &Json<'_>| matches!(value, Json::Number(_)) || bare_address(value).is_none();
    let of = |address, length| {
        let (address, mask) = (bare_address(address)?, mask(length)?);
        let is_one = is_length(length) || is_mask_of(address, mask);
        is_one.then(|| Pair {
            keys: ["an address".to_owned(), "the value beside it".to_owned()],
            meant: meant(address, "/", mask),
        })
    };
    of(one, other).or_else(|| of(other, one))
}

fn between(three: &[Json<'_>]) -> Option<Pair> {
    let [from, Json::Text(dash), to] = three else { return None };
    let (from, to) = (bare_address(from)?, bare_address(to)?);
    BETWEEN.contains(&dash.trim()).then(|| Pair {
        keys: ["two addresses".to_owned(), "what stands between them".to_owned()],
        meant: meant(from, " - ", to),
    })
}

/// The value itself, or the first one in it: `{"ip": "192.0.2.0"}`, `["192.0.2.0", "198.51.100.0"]` beside their masks.
fn leaf<'j, 't>(value: &'j Json<'t>) -> &'j Json<'t> {
    match value {
        Json::Array(values) => values.first().map_or(value, leaf),
        Json::Object(members) => match members.as_slice() {
            [(_, inner)] => leaf(inner),
            _ => value,
        },
        _ => value,
    }
}

/// An address without a length.
fn bare_address<'j>(value: &'j Json<'_>) -> Option<&'j str> {
    let Json::Text(text) = value else { return None };
    (!text.contains('/') && matches!(Look::of(text), Look::Prefix(_))).then_some(text)
}

/// A number of bits, or a mask, without the slash before it.
fn mask<'j>(value: &'j Json<'_>) -> Option<&'j str> {
    match value {
        Json::Number(number) => Some(number),
        Json::Text(text) => {
            let text = text.trim().trim_start_matches('/').trim_start();
            let is_bits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            (is_bits || text.parse::<Ipv4Addr>().is_ok()).then_some(text)
        }
        _ => None,
    }
}

/// Whether a value can hardly be anything but the mask of an address, whatever its name is: no address of a sender is a
/// netmask, and `192.0.2.0` beside 24 is the range that ends where its bits do.
fn is_mask_of(address: &str, mask: &str) -> bool {
    if let Ok(mask) = mask.parse::<Ipv4Addr>() {
        let is_netmask =
            |mask| ipnet::ipv4_mask_to_prefix(mask).is_ok_and(|length| (1..32).contains(&length));
        return is_netmask(mask) || is_netmask(!mask);
    }
    let net = parse_prefix(&format!("{address}/{mask}")).ok();
    net.is_some_and(|net| net.prefix_len() < net.max_prefix_len())
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
        let one = word.strip_suffix('s').unwrap_or(word);
        [word, bare, one].iter().any(|word| words.contains(word))
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
            (r#"["192.0.2.0", 24]"#, "an address+the value beside it: write 192.0.2.0/24"),
            (r#"["eu", "192.0.2.0", "24"]"#, "an address+the value beside it: write 192.0.2.0/24"),
            (r#"[24, "192.0.2.0"]"#, "an address+the value beside it: write 192.0.2.0/24"),
            (
                r#"["192.0.2.0", "255.255.255.0"]"#,
                "an address+the value beside it: a netmask is not a prefix length; write 192.0.2.0/24",
            ),
            (
                r#"["192.0.2.0", "-", "192.0.2.7"]"#,
                "two addresses+what stands between them: a range from one address to another must be written as CIDRs; write 192.0.2.0/29",
            ),
            (r#"{"ip": "192.0.2.0", "n": 24}"#, "ip+n: write 192.0.2.0/24"),
            (r#"{"ip": "192.0.2.8", "length": "/29"}"#, "ip+length: write 192.0.2.8/29"),
            (r#"{"a": {"ip": "192.0.2.0"}, "mask": {"bits": 24}}"#, "a+mask: write 192.0.2.0/24"),
            (r#"{"ips": ["192.0.2.0", "198.51.100.0"], "masks": [24, 24]}"#, "ips+masks: write 192.0.2.0/24"),
            (
                r#"{"network": "192.0.2.0", "broadcast": "192.0.2.255"}"#,
                "network+broadcast: a range from one address to another must be written as CIDRs; write 192.0.2.0/24",
            ),
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
            r#"["192.0.2.0/24", 24]"#,
            r#"{"ip": "192.0.2.1", "weight": 10, "id": "17"}"#,
            r#"{"size": 24, "ips": ["192.0.2.0", "192.0.2.1"], "length": 2, "count": 24}"#,
        ] {
            assert_eq!(pair(text), None, "{text}");
        }
    }
}
