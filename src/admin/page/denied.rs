//! The last denials, to find a sender that is missing from a list.
//!
//! First the denials on routes of the config, because a new range of a provider requests those. Clients of
//! one network are shown together. Then all others.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::admin::page::View;
use crate::admin::page::markup::Markup;
use crate::admin::question::Question;
use crate::admin::text::quantity::{ago, counted, grouped};
use crate::policy::address::addr::Address;
use crate::state::stats::denials::Row;

/// Clients are grouped by networks of this size: providers announce no smaller ones.
const V4_BITS: u8 = 24;
const V6_BITS: u8 = 48;

/// The last denials.
#[must_use]
pub(crate) fn section(view: &View<'_>) -> Markup {
    let noted = view.denials;
    let mut markup = Markup::default();
    markup.put("<section id=\"denied\"><h2>Denied</h2>", &[]);
    if noted.routed.is_empty() && noted.other.is_empty() {
        markup.put("<p class=\"quiet\">Nobody was denied since the start.</p></section>", &[]);
        return markup;
    }
    if noted.routed.is_empty() {
        markup.put("<p class=\"quiet\">Nobody was denied on a configured route.</p>", &[]);
    } else {
        markup.put("<p class=\"hint\">These asked for a configured route, and none of its lists holds them. This may be a provider with new addresses, or a stranger who knows your paths. ", &[]);
        hint(&mut markup, &noted.routed[0]);
        markup.put("</p>", &[]);
        table(&mut markup, view, "On configured routes", &noted.routed);
    }
    if !noted.other.is_empty() {
        let requests: u64 = noted.other.iter().map(|row| row.count).sum();
        let senders = counted(noted.other.len(), "row", "rows");
        // Closed while it is noise; open when no denial is on a route, because then it is all there is.
        let is_all = noted.routed.is_empty();
        markup.put(if is_all { "<details class=\"card\" open>" } else { "<details class=\"card\">" }, &[]);
        markup.put(
            "<summary>Elsewhere: {}, {} requests to paths that no route matches, or that could not be read</summary>",
            &[&senders, &grouped(requests)],
        );
        table(&mut markup, view, "Elsewhere", &noted.other);
        markup.put("</details>", &[]);
    }
    if noted.missed > 0 {
        markup.put("<p class=\"note\">{} more are not shown, because they came while this table was in use; the counters and the access log have them.</p>", &[&grouped(noted.missed)]);
    }
    markup.put("</section>", &[]);
    markup
}

fn hint(markup: &mut Markup, row: &Row) {
    markup.put("<code>nexmo-gate explain {}", &[&row.client]);
    if let Some(path) = path_of(row).filter(|path| path.bytes().all(is_plain)) {
        markup.put(" --path {}", &[&path]);
    }
    markup.put(" --running</code> shows the reason. If the vendor publishes the range, add it to a list; the file is loaded when it is saved.", &[]);
}

/// The network that a client is grouped under.
fn neighbourhood(client: Address) -> IpNet {
    match client.ip() {
        IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new_assert(ip, V4_BITS).trunc()),
        IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new_assert(ip, V6_BITS).trunc()),
    }
}

/// Groups rows by network; the network with the newest denial is first.
fn grouped_by_network(rows: &[Row]) -> Vec<(IpNet, Vec<&Row>)> {
    let mut order: BTreeMap<IpNet, usize> = BTreeMap::new();
    let mut groups: Vec<(IpNet, Vec<&Row>)> = Vec::new();
    for row in rows {
        let network = neighbourhood(row.client);
        let place = *order.entry(network).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, members)) => members.push(row),
            None => groups.push((network, vec![row])),
        }
    }
    groups
}

fn table(markup: &mut Markup, view: &View<'_>, caption: &'static str, rows: &[Row]) {
    markup.put("<table class=\"card denials\"><caption>{}</caption>", &[&caption]);
    markup.put("<thead><tr><th scope=\"col\">client</th><th scope=\"col\">asked for</th><th scope=\"col\" class=\"number\">times</th><th scope=\"col\">last, first</th></tr></thead>", &[]);
    for (network, members) in grouped_by_network(rows) {
        markup.put("<tbody>", &[]);
        let mut clients: Vec<_> = members.iter().map(|row| row.client).collect();
        clients.sort_unstable();
        clients.dedup();
        if clients.len() > 1 {
            let requests: u64 = members.iter().map(|row| row.count).sum();
            markup.put(
                "<tr class=\"network\"><th scope=\"rowgroup\" colspan=\"4\"><code>{}</code> ",
                &[&network],
            );
            markup.put(
                "{} clients, {} requests</th></tr>",
                &[&grouped(clients.len() as u64), &grouped(requests)],
            );
        }
        for row in members {
            one(markup, view, row);
        }
        markup.put("</tbody>", &[]);
    }
    markup.put("</table>", &[]);
}

fn one(markup: &mut Markup, view: &View<'_>, row: &Row) {
    let asked = Question { peer: row.client, via: None, path: path_of(row), host: String::new() };
    markup.put(
        "<tr><th scope=\"row\"><a href=\"/explain?{}\"><code>{}</code></a>",
        &[&asked.to_query(), &row.client],
    );
    let would = if row.observed { "would deny: " } else { "" };
    markup.put("<small>{}{}</small></th><td>", &[&would, &row.reason.word()]);
    if row.path.bytes().is_empty() {
        markup.put("<span class=\"none\">nothing that can be read</span>", &[]);
    } else {
        markup.put("<code>", &[]);
        markup.put_path(&row.path);
        markup.put("</code>", &[]);
    }
    if let Some(route) = row.route.filter(|route| route.bytes() != row.path.bytes()) {
        markup.put("<small>route {}</small>", &[&route]);
    }
    markup.put("</td><td class=\"number\">{}</td>", &[&grouped(row.count)]);
    let past = |at| ago(view.instant.saturating_duration_since(at));
    markup.put("<td>{}", &[&past(row.last)]);
    if row.count > 1 {
        markup.put("<small>{}</small>", &[&past(row.first)]);
    }
    markup.put("</td></tr>", &[]);
}

/// The path for `explain`, if it is complete and UTF-8 text.
fn path_of(row: &Row) -> Option<String> {
    let text = std::str::from_utf8(row.path.bytes()).ok()?;
    (row.path.is_whole() && text.starts_with('/')).then(|| text.to_owned())
}

/// Whether a shell leaves the byte alone: the page shows a command to copy, and strangers choose paths.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcome::Reason;
    use crate::state::stats::denials::{Denial, Denials};
    use tokio::time::Instant;

    #[test]
    fn clients_of_one_network_stand_together() {
        let denials = Denials::default();
        let clients = ["203.0.113.9", "198.51.100.1", "203.0.113.7", "2001:db8:1:1::1", "2001:db8:1:2::1"];
        let start = Instant::now();
        for (second, client) in (0..).zip(clients) {
            denials.note(&Denial {
                client: Address::new(client.parse().unwrap()),
                reason: Reason::NotListed,
                observed: false,
                route: Some("/sms"),
                path: b"/sms",
                at: start + std::time::Duration::from_secs(second),
            });
        }
        let noted = denials.noted();
        let shown: Vec<String> = grouped_by_network(&noted.routed)
            .iter()
            .map(|(network, rows)| {
                let clients: Vec<String> = rows.iter().map(|row| row.client.to_string()).collect();
                format!("{network}: {}", clients.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2001:db8:1::/48: 2001:db8:1:2::1 2001:db8:1:1::1",
                "203.0.113.0/24: 203.0.113.7 203.0.113.9",
                "198.51.100.0/24: 198.51.100.1",
            ]
        );
    }
}
