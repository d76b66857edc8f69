//! JSON and YAML in which ranges stand somewhere.
//!
//! Invariant: under a key that holds ranges, every string must be one; elsewhere a string that is none is something else.

use ipnet::IpNet;
use serde_json::Value;

use super::lines;
use super::{Pair, Unread, net, pair};

/// Envoy has the length of a prefix beside its address.
const LENGTHS: [&str; 2] = ["prefix_len", "prefixLen"];

/// The ranges under these keys. A text that is no JSON and no YAML with one of them is read as text.
pub(super) fn under(text: &str, keys: &[&str]) -> Result<Vec<Pair>, Unread> {
    match value_of(text) {
        Some(value) if has_key(&value, keys) => Ok(ranges(&value, keys)?.into_iter().map(pair).collect()),
        Some(value) if is_json(text) => {
            let what = format!("key {}", keys.join(" or "));
            let there: Vec<&str> =
                value.as_object().iter().flat_map(|map| map.keys()).map(String::as_str).collect();
            Err(Unread::NoSet(what, there.join(", ")))
        }
        _ => lines::anywhere(text),
    }
}

/// Every address of a JSON, or of a text.
pub(super) fn anywhere(text: &str) -> Result<Vec<Pair>, Unread> {
    let Some(value) = value_of(text).filter(|_| is_json(text)) else { return lines::anywhere(text) };
    let mut found = Vec::new();
    visit(&value, &mut |value| found.extend(value.as_str().and_then(net).map(pair)));
    if found.is_empty() { Err(Unread::Nothing) } else { Ok(found) }
}

/// The ranges under these keys, one by one.
pub(super) fn prefixes(text: &str, keys: &[&str]) -> Result<Vec<IpNet>, Unread> {
    let value: Value = serde_json::from_str(text).map_err(|error| Unread::Form("JSON", error.to_string()))?;
    ranges(&value, keys)
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// JSON is YAML too, but large JSON is read much faster as what it is.
fn value_of(text: &str) -> Option<Value> {
    if is_json(text) { serde_json::from_str(text).ok() } else { serde_yaml::from_str(text).ok() }
}

fn has_key(value: &Value, keys: &[&str]) -> bool {
    let mut has = false;
    visit(value, &mut |value| {
        has |= value.as_object().is_some_and(|map| keys.iter().any(|key| map.contains_key(*key)));
    });
    has
}

fn ranges(value: &Value, keys: &[&str]) -> Result<Vec<IpNet>, Unread> {
    let mut found = Vec::new();
    visit(value, &mut |value| {
        let Some(map) = value.as_object() else { return };
        let length = LENGTHS.iter().find_map(|key| map.get(*key)?.as_u64());
        for value in keys.iter().filter_map(|key| map.get(*key)) {
            let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            found.extend(several.iter().filter_map(Value::as_str).filter(|text| !text.is_empty()).map(
                |text| {
                    let whole = length.map_or_else(|| text.to_owned(), |length| format!("{text}/{length}"));
                    net(&whole).ok_or(Unread::NoAddress(whole))
                },
            ));
        }
    });
    found.into_iter().collect()
}

/// Every value, from the outside to the inside.
fn visit(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Object(map) => map.values().for_each(|item| visit(item, see)),
        _ => {}
    }
}
