//! The page of one exchange: what was received, what became of it, and why.

use crate::admin::api::exchanges::{Message, Phases, Row, Whole};
use crate::admin::page::exchanges::{begin, clock, foot, milliseconds, shown, told};
use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::grouped;
use crate::policy::mask::mode::Bodies;

/// The page.
#[must_use]
pub(crate) fn page(whole: &Whole) -> String {
    let row = &whole.row;
    let mut page = begin(&format!("exchange {}", row.number), None);
    page.put("<header><h1>nexmo-gate: exchange {}</h1><p class=\"pills\">", &[&row.number]);
    told(&mut page, row);
    let class = if whole.bodies == Bodies::Full.word() { "bad" } else { "plain" };
    page.put(" <span class=\"pill {}\">bodies {}</span></p></header><main>", &[&class, &whole.bodies]);
    page.put("<section class=\"card next\"><h2>What happens now</h2><p>{}</p>", &[&row.next]);
    if let Some(note) = &row.note {
        page.put("<p class=\"hint\">{}</p>", &[note]);
    }
    page.put("</section>", &[]);
    facts(&mut page, row);
    phases(&mut page, &row.phases);
    let parts = [
        ("request", "The request", &whole.request),
        ("forwarded", "The head that the application was sent", &whole.forwarded),
        ("answer", "What the application answered", &whole.answer),
        ("reply", "What the sender was told", &whole.reply),
    ];
    for (id, title, message) in parts {
        if let Some(message) = message {
            part(&mut page, (id, title), message);
        }
    }
    if let Some(curl) = &whole.curl {
        page.put("<section class=\"card\" aria-labelledby=\"curl\"><h2 id=\"curl\">The same with curl</h2><pre><code>{}</code></pre>", &[curl]);
        page.put("<p class=\"note\">Without what was left out above, so it is not signed. ", &[]);
        if whole.forwarded.is_some() {
            page.put("<code>nexmo-gate inspect --replay {}</code> sends the whole request to the application again.", &[&row.number]);
        }
        page.put("</p></section>", &[]);
    }
    page.put("</main>", &[]);
    foot(page)
}

fn facts(page: &mut Markup, row: &Row) {
    page.put("<section class=\"card\" aria-labelledby=\"facts\"><h2 id=\"facts\">Who, what and why</h2><dl class=\"facts\">", &[]);
    let version = row
        .http
        .as_deref()
        .map(|version| format!("HTTP/{version}{}", if row.tls { " over TLS" } else { "" }));
    let admitted =
        row.list.as_ref().zip(row.prefix.as_ref()).map(|(list, prefix)| format!("{list} {prefix}"));
    let application = row.upstream_status.map(|status| status.to_string());
    let attempts = (row.attempts > 0).then(|| row.attempts.to_string());
    let all = [
        ("time (UTC)", Some(format!("{} {}", row.ended.get(..10).unwrap_or_default(), clock(&row.ended)))),
        ("request", Some(format!("{} {}", shown(&row.method), shown(&row.path)))),
        ("route", row.route.clone()),
        ("webhook", row.webhook.clone()),
        ("client", row.client.clone()),
        ("connection from", Some(row.peer.clone())),
        ("admitted by", admitted),
        ("reason", Some(row.reason.replace('_', " "))),
        ("would deny", row.would_deny.clone()),
        ("signature", row.signature.clone()),
        ("application answered", application),
        (
            "sent to it",
            attempts.map(|times| if times == "1" { "once".to_owned() } else { format!("{times} times") }),
        ),
        ("protocol", version),
        ("request id", Some(row.request_id.clone()).filter(|id| !id.is_empty())),
    ];
    for (name, value) in &all {
        if let Some(value) = value {
            page.put("<div><dt>{}</dt><dd>{}</dd></div>", &[name, value]);
        }
    }
    page.put("</dl></section>", &[]);
}

fn phases(page: &mut Markup, phases: &Phases) {
    page.put("<section class=\"card\" aria-labelledby=\"phases\"><h2 id=\"phases\">Where the time went</h2><table class=\"phases\"><thead><tr><th scope=\"col\">phase</th><th scope=\"col\"><span class=\"hidden\">share</span></th><th scope=\"col\" class=\"number\">ms</th></tr></thead><tbody>", &[]);
    let known = [
        ("head read and judged", phases.head_us),
        ("body read", phases.body_us),
        ("application asked", phases.upstream_us),
        ("reply written", phases.reply_us),
    ];
    for (name, us) in known {
        let Some(us) = us else { continue };
        let share = us.saturating_mul(100).checked_div(phases.total_us).unwrap_or(0).min(100);
        page.put("<tr><th scope=\"row\">{}</th><td><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"share\" width=\"{}\" height=\"6\"/></svg></td><td class=\"number\">{}</td></tr>", &[&name, &share.max(1), &milliseconds(us)]);
    }
    page.put("<tr><th scope=\"row\">all of it</th><td></td><td class=\"number\">{}</td></tr></tbody></table></section>", &[&milliseconds(phases.total_us)]);
}

fn part(page: &mut Markup, (id, title): (&str, &str), message: &Message) {
    page.put("<section class=\"card\" aria-labelledby=\"{}\"><h2 id=\"{}\">{}</h2>", &[&id, &id, &title]);
    page.put("<pre class=\"head\"><code><b>{}</b>", &[&message.line]);
    for (name, value) in &message.fields {
        page.put("\n<span class=\"name\">{}:</span> {}", &[name, value]);
    }
    page.put("</code></pre>", &[]);
    match &message.body {
        Some(body) => page.put("<pre class=\"body\"><code>{}</code></pre>", &[body]),
        None if message.bytes > 0 => {
            let kind = if message.kind.is_empty() { "of no named kind" } else { &message.kind };
            page.put(
                "<p class=\"note\">A body of {} bytes, {}: it is not shown.</p>",
                &[&grouped(message.bytes as u64), &kind],
            );
        }
        None => {}
    }
    if message.cut {
        page.put("<p class=\"note\">There is more of it than is kept.</p>", &[]);
    }
    if !message.left_out.is_empty() {
        page.put("<p class=\"note\">Left out: {}.</p>", &[&message.left_out.join(", ")]);
    }
    page.put("</section>", &[]);
}
