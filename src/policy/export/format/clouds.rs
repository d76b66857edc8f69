//! Firewall rules of Google Cloud and Azure as shell scripts, and a list of Cloudflare as the body of its API.
//!
//! Invariant: each is one call, which replaces all source ranges at once.

use crate::policy::export::json;
use crate::policy::export::order::Order;
use crate::policy::export::ranges::{Family, Widest};

/// What a list of Cloudflare takes.
const CLOUDFLARE: Widest = Widest { v4: 8, v6: 12 };

pub(super) fn gcp(order: &Order) -> String {
    let (head, rule, ranges) = (order.header.comment(), order.resource(), joined(order, ","));
    format!(
        "#!/bin/sh\n{head}set -eu\ngcloud compute firewall-rules update \"${{RULE:-{rule}}}\" --source-ranges={ranges}\n"
    )
}

pub(super) fn azure(order: &Order) -> String {
    let (head, rule, ranges) = (order.header.comment(), order.resource(), joined(order, " \\\n  "));
    let group = "\"${RESOURCE_GROUP:?the resource group}\" --nsg-name \"${NSG:?the network security group}\"";
    format!(
        "#!/bin/sh\n{head}set -eu\naz network nsg rule update --resource-group {group} --name \"${{RULE:-{rule}}}\" \
         --output none --source-address-prefixes \\\n  {ranges}\n"
    )
}

fn joined(order: &Order, between: &str) -> String {
    order.all().iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// The body has no place for a comment, so each item says where it comes from.
pub(super) fn cloudflare(order: &Order) -> String {
    let comment = json::string(&order.header.short());
    let of = |family: &Family| order.prefixes_within(*family, CLOUDFLARE);
    let prefixes = order.families.iter().flat_map(of);
    let items = prefixes.map(|prefix| format!(r#"{{"ip": "{prefix}", "comment": {comment}}}"#));
    json::rows(items, 0) + "\n"
}
