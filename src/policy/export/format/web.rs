//! nginx and Caddy: files to include.

use crate::policy::export::order::Order;

/// For `http { }`: a variable that is 1 for the senders of the lists.
pub(super) fn nginx_geo(order: &Order) -> String {
    let (head, variable) = (order.header.comment(), order.variable());
    let rows: String = order.all().iter().map(|prefix| format!("    {prefix} 1;\n")).collect();
    format!("{head}geo ${variable} {{\n    default 0;\n{rows}}}\n")
}

/// For `server { }` or `location { }`.
pub(super) fn nginx_allow(order: &Order) -> String {
    let rows: String = order.all().iter().map(|prefix| format!("allow {prefix};\n")).collect();
    format!("{}{rows}deny all;\n", order.header.comment())
}

/// For a site: a matcher. Several lines of one kind are alternatives.
pub(super) fn caddy(order: &Order) -> String {
    let (head, name) = (order.header.comment(), order.variable());
    let rows: String = order.all().iter().map(|prefix| format!("\tremote_ip {prefix}\n")).collect();
    format!("{head}@{name} {{\n{rows}}}\n")
}
