//! Sets of nftables, as `nft -j list set` and `nft -j list table` print them.

use serde_json::Value;

use super::{Pair, Unread, net, pair};

/// The elements of the named sets. One of them may be missing: where it is, its addresses are.
pub(super) fn sets(text: &str, names: &[String]) -> Result<Vec<Pair>, Unread> {
    let form = |error: String| Unread::Form("what `nft -j list` prints", error);
    let value: Value = serde_json::from_str(text).map_err(|error| form(error.to_string()))?;
    let rows = value["nftables"].as_array().ok_or_else(|| form("there is no list `nftables`".to_owned()))?;
    let sets: Vec<&Value> = rows.iter().filter_map(|row| row.get("set")).collect();
    let name_of = |set: &Value| set["name"].as_str().unwrap_or_default().to_owned();
    let ours: Vec<&&Value> = sets.iter().filter(|set| names.contains(&name_of(set))).collect();
    if ours.is_empty() {
        let all: Vec<String> = sets.iter().map(|set| name_of(set)).collect();
        return Err(Unread::NoSet(format!("set {}", names.join(" or ")), all.join(", ")));
    }
    let elements = ours.iter().filter_map(|set| set["elem"].as_array()).flatten();
    elements.map(element).collect()
}

/// An element: an address, a prefix, a range, or one of them with a counter or a time.
fn element(value: &Value) -> Result<Pair, Unread> {
    let found = if let Some(text) = value.as_str() {
        net(text).map(pair)
    } else if let Some(prefix) = value.get("prefix") {
        let (address, length) = (prefix["addr"].as_str().unwrap_or_default(), &prefix["len"]);
        net(&format!("{address}/{length}")).map(pair)
    } else if let Some([first, last]) = value["range"].as_array().map(Vec::as_slice) {
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        address(first).zip(address(last))
    } else if let Some(inner) = value["elem"].get("val") {
        return element(inner);
    } else {
        None
    };
    found.ok_or_else(|| Unread::NoAddress(value.to_string()))
}
