//! Terraform: managed prefix lists of AWS, and variables for everything else.
//!
//! Invariant: both families have a resource and a variable each, so that what refers to them stays valid when one is empty.

use crate::policy::export::json;
use crate::policy::export::order::Order;
use crate::policy::export::ranges::Family;

/// The JSON syntax: `//` is its comment. A prefix list needs room for one entry at least.
pub(super) fn resources(order: &Order) -> String {
    let description = json::string(&format!("nexmo-gate ranges of {}", order.name.underscored()));
    let lists = order.families.iter().map(|&family| {
        let prefixes = order.prefixes(family);
        let most = prefixes.len().max(1);
        let entry = |prefix| format!(r#"{{"cidr": "{prefix}", "description": {description}}}"#);
        let entries = json::rows(prefixes.into_iter().map(entry), 8);
        let (key, word) = (format!("nexmo_gate_{}", order.set(family)), family.word());
        let name = json::string(&key.replace('_', "-"));
        format!(
            "      \"{key}\": {{\n        \"name\": {name},\n        \"address_family\": \"{word}\",\n        \
             \"max_entries\": {most},\n        \"entry\": {entries}\n      }}"
        )
    });
    let lists = lists.collect::<Vec<_>>().join(",\n");
    let about = json::string(&order.header.field());
    format!(
        "{{\n  \"//\": {about},\n  \"resource\": {{\n    \"aws_ec2_managed_prefix_list\": {{\n{lists}\n    }}\n  }}\n}}\n"
    )
}

/// A file of variables: a list of strings for each family.
pub(super) fn variables(order: &Order) -> String {
    let variable = |&family: &Family| {
        let rows = json::rows(order.prefixes(family).iter().map(|prefix| format!("\"{prefix}\"")), 0);
        format!("nexmo_gate_{} = {rows}\n", order.set(family))
    };
    order.header.comment() + &order.families.iter().map(variable).collect::<String>()
}
