//! The page of the last exchanges: `/inspect` for browsers, without script and without external resources.
//!
//! It shows what the JSON of the same address has, and no more. It is under the status page's policy and has its style sheet.
//!
//! | file | noun |
//! | --- | --- |
//! | [`whole`] | the page of one exchange |

pub(crate) mod whole;

use crate::admin::api::exchanges::{Exchanges, Row};
use crate::admin::inspect::query::Query;
use crate::admin::page::markup::Markup;
use crate::admin::page::{STYLE, refresh_of};
use crate::admin::text::quantity::{counted, duration};
use crate::policy::mask::mode::Bodies;

/// The page of all of them; `asked` is the query as it was written.
#[must_use]
pub(crate) fn list(list: &Exchanges, query: &Query, asked: &str) -> String {
    let refresh = refresh_of(asked);
    let mut page = begin("exchanges", refresh);
    page.put("<header><h1>nexmo-gate: exchanges</h1><p class=\"pills\">", &[]);
    state(&mut page, list);
    page.put("</p></header><main>", &[]);
    filters(&mut page, query, refresh);
    page.put("<section aria-labelledby=\"last\"><h2 id=\"last\">The last exchanges</h2>", &[]);
    if list.on {
        rows(&mut page, list, query);
    } else {
        page.put("<div class=\"card\"><p>Nothing is kept now. On the gate's machine type <code>nexmo-gate inspect --follow</code>: it turns this on for ten minutes, shows each exchange there and here, and turns it off when it ends.</p></div>", &[]);
    }
    page.put("</section></main>", &[]);
    end(page, query, refresh)
}

/// The page where an exchange is not there.
#[must_use]
pub(crate) fn missing(why: &str) -> String {
    let mut page = begin("not there", None);
    page.put("<header><h1>nexmo-gate: exchange</h1></header><main><section class=\"card\"><h2>Not there</h2><p>{}.</p><p><a href=\"/inspect\">All exchanges</a></p></section></main>", &[&why]);
    foot(page)
}

/// The beginning of a page, up to its body.
fn begin(title: &str, refresh: Option<u32>) -> Markup {
    let mut page = Markup::default();
    page.put("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">", &[]);
    if let Some(seconds) = refresh {
        page.put("<meta http-equiv=\"refresh\" content=\"{}\">", &[&seconds]);
    }
    page.put("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns=&quot;http://www.w3.org/2000/svg&quot; viewBox=&quot;0 0 16 16&quot;%3E%3Crect width=&quot;16&quot; height=&quot;16&quot; rx=&quot;4&quot; fill=&quot;%233f6fc9&quot;/%3E%3C/svg%3E\">", &[]);
    page.put("<title>nexmo-gate: {}</title><style>", &[&title]);
    page.put(STYLE, &[]);
    page.put("</style></head><body>", &[]);
    page
}

fn state(page: &mut Markup, list: &Exchanges) {
    if !list.on {
        page.put("<span class=\"pill plain\">off</span>", &[]);
        return;
    }
    let bodies = list.bodies.as_deref().unwrap_or_default();
    let class = if bodies == Bodies::Full.word() { "bad" } else { "good" };
    page.put("<span class=\"pill {}\">on, bodies {}</span> ", &[&class, &bodies]);
    match list.seconds_left {
        Some(seconds) => page.put("<span class=\"pill plain\">{} left</span> ", &[&duration(seconds)]),
        None => page.put("<span class=\"pill plain\">by the configuration</span> ", &[]),
    }
    page.put("<span class=\"pill plain\">{} of {} kept</span>", &[&list.exchanges.len(), &list.keep]);
}

fn filters(page: &mut Markup, query: &Query, refresh: Option<u32>) {
    page.put("<nav class=\"filters\" aria-label=\"Which exchanges\">", &[]);
    let refresh = refresh.map_or(String::new(), |seconds| format!("&refresh={seconds}"));
    for (words, denied) in [("All", false), ("Denied only", true)] {
        let piece = if query.denied == denied {
            "<a aria-current=\"page\" href=\"/inspect?denied={}{}\">{}</a> "
        } else {
            "<a href=\"/inspect?denied={}{}\">{}</a> "
        };
        page.put(piece, &[&u8::from(denied), &refresh, &words]);
    }
    if let Some(route) = &query.route {
        page.put("<span>route <code>{}</code></span>", &[route]);
    }
    page.put("</nav>", &[]);
}

fn rows(page: &mut Markup, list: &Exchanges, query: &Query) {
    if list.exchanges.is_empty() {
        let words = if query.denied || query.route.is_some() {
            "None of the kept exchanges is one of these."
        } else {
            "No request has ended since this was turned on."
        };
        page.put("<div class=\"card\"><p>{}</p></div>", &[&words]);
        return;
    }
    let gone = list.first.map_or(0, |first| first.saturating_sub(1));
    page.put("<div class=\"card\"><table class=\"exchanges\"><caption class=\"hidden\">The last exchanges, the newest first</caption><thead><tr>", &[]);
    for name in ["Request", "Client", "Told", "Application", "Time"] {
        page.put("<th scope=\"col\">{}</th>", &[&name]);
    }
    page.put("</tr></thead><tbody>", &[]);
    for row in list.exchanges.iter().rev() {
        one(page, row, query);
    }
    page.put("</tbody></table></div>", &[]);
    if gone > 0 {
        let gone =
            counted(usize::try_from(gone).unwrap_or(usize::MAX), "older exchange is", "older exchanges are");
        page.put("<p class=\"note\">{} gone: newer ones needed their room.</p>", &[&gone]);
    }
}

fn one(page: &mut Markup, row: &Row, query: &Query) {
    page.put("<tr class=\"{}\"><th scope=\"row\">", &[&row.outcome]);
    let (number, bodies) = (row.number, query.bodies.word());
    page.put(
        "<a href=\"/inspect?id={}&amp;bodies={}\"><span class=\"method\">{}</span> <code>",
        &[&number, &bodies, &shown(&row.method)],
    );
    page.put_path(&shown(&row.path));
    page.put("</code></a><small>#{} at {}", &[&number, &clock(&row.ended)]);
    if let Some(webhook) = &row.webhook {
        page.put(", {}", &[webhook]);
    }
    page.put("</small></th><td>", &[]);
    client(page, row);
    page.put("</td><td>", &[]);
    told(page, row);
    page.put("</td><td data-label=\"application\">", &[]);
    application(page, row);
    page.put(
        "</td><td data-label=\"time\" class=\"number\">{} ms</td></tr>",
        &[&milliseconds(row.phases.total_us)],
    );
}

/// Who it was, and what admitted it or why nothing did.
fn client(page: &mut Markup, row: &Row) {
    let client = row.client.as_deref().unwrap_or("unknown");
    page.put("<code>{}</code><small>", &[&client]);
    match (&row.list, &row.prefix, &row.would_deny) {
        (Some(list), Some(prefix), _) => page.put("{} {}", &[list, prefix]),
        (_, _, Some(reason)) => page.put("would deny: {}", &[reason]),
        _ => page.put("{}", &[&row.reason.replace('_', " ")]),
    }
    if let Some(signature) = &row.signature {
        page.put(", signature {}", &[&signature.replace('_', " ")]);
    }
    page.put("</small>", &[]);
}

/// The status that the sender was told, and the outcome.
fn told(page: &mut Markup, row: &Row) {
    let class = match row.outcome.as_str() {
        "delivered" | "served" => "good",
        "undelivered" | "abandoned" => "bad",
        "refused" => "warn",
        _ => "plain",
    };
    match row.status {
        Some(status) => page.put("<span class=\"pill {}\">{} {}</span>", &[&class, &status, &row.outcome]),
        None => page.put("<span class=\"pill {}\">{}, no reply</span>", &[&class, &row.outcome]),
    }
}

fn application(page: &mut Markup, row: &Row) {
    match row.upstream_status {
        Some(status) => page.put("{}", &[&status]),
        None if row.attempts > 0 => page.put("no answer", &[]),
        None => page.put("<span class=\"none\">not asked</span>", &[]),
    }
    if row.attempts > 1 {
        page.put("<small>sent {} times</small>", &[&row.attempts]);
    }
}

/// A text that may be empty.
fn shown(text: &str) -> &str {
    if text.is_empty() { "(unreadable)" } else { text }
}

/// `12:01:02.345` of a time in RFC 3339.
fn clock(at: &str) -> &str {
    at.get(11..23).unwrap_or(at)
}

/// Milliseconds with up to three decimals.
fn milliseconds(us: u64) -> String {
    format!("{}.{:03}", us / 1000, us % 1000)
}

fn end(mut page: Markup, query: &Query, refresh: Option<u32>) -> String {
    let denied = u8::from(query.denied);
    page.put("<footer><p>Kept in memory only, and masked: no number, text, token or signature is shown whole.</p><nav aria-label=\"Pages\">", &[]);
    match refresh {
        None => page.put("<a href=\"/inspect?denied={}&amp;refresh=5\">Refresh every 5 s</a> ", &[&denied]),
        Some(seconds) => {
            page.put("Refreshes every {} s. <a href=\"/inspect?denied={}\">Stop</a> ", &[&seconds, &denied]);
        }
    }
    page.put("<a href=\"/inspect?format=json\">JSON</a> <a href=\"/status\">Status</a></nav></footer></body></html>\n", &[]);
    page.into_text()
}

/// The end of a page without filters.
fn foot(mut page: Markup) -> String {
    page.put("<footer><p>Kept in memory only.</p><nav aria-label=\"Pages\"><a href=\"/inspect\">All exchanges</a> <a href=\"/status\">Status</a></nav></footer></body></html>\n", &[]);
    page.into_text()
}
