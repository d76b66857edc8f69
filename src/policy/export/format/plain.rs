//! For programs of one's own: JSON, and text.

use crate::policy::export::json;
use crate::policy::export::order::Order;
use crate::policy::export::ranges::Family;

pub(super) fn json(order: &Order) -> String {
    let of = |family| json::rows(order.prefixes(family).iter().map(|prefix| format!("\"{prefix}\"")), 2);
    let (about, v4, v6) = (order.header.object(), of(Family::V4), of(Family::V6));
    format!("{{\n  \"about\": {about},\n  \"ipv4\": {v4},\n  \"ipv6\": {v6}\n}}\n")
}

pub(super) fn text(order: &Order) -> String {
    order.header.comment() + &order.all().iter().map(|prefix| format!("{prefix}\n")).collect::<String>()
}
