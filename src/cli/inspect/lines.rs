//! Exchanges as text: one in a line or two, and all of one.

use std::fmt::Write as _;

use crate::admin::api::exchanges::{Message, Replayed, Row, Whole};

/// One exchange; what it needs besides its line is indented below.
pub(super) fn row(row: &Row) -> String {
    let mut out = format!("{}  #{}  ", row.ended.get(11..23).unwrap_or(&row.ended), row.number);
    let status = row.status.map_or("-".to_owned(), |status| status.to_string());
    // Writing to a String cannot fail, here and below.
    let _ = write!(out, "{status} {:<11}  {} {}", row.outcome, or_dash(&row.method), or_dash(&row.path));
    let client = row.client.as_deref().unwrap_or("-");
    match (&row.list, &row.prefix) {
        (Some(list), Some(prefix)) => {
            let _ = write!(out, "  {client} ({list} {prefix})");
        }
        _ => {
            let _ = write!(out, "  {client} ({})", row.would_deny.as_ref().unwrap_or(&row.reason));
        }
    }
    if let Some(webhook) = &row.webhook {
        let _ = write!(out, "  {webhook}");
    }
    if let Some(route) = row.route.as_ref().filter(|route| **route != row.path) {
        let _ = write!(out, "  route {route}");
    }
    let application = row.upstream_status.map_or("-".to_owned(), |status| status.to_string());
    let _ = write!(out, "  application {application}");
    if row.attempts > 1 {
        let _ = write!(out, " ({} times)", row.attempts);
    }
    if let Some(signature) = &row.signature {
        let _ = write!(out, "  signature {signature}");
    }
    let _ = writeln!(out, "  {}", phases(row));
    if let Some(note) = &row.note {
        let _ = writeln!(out, "    note: {note}");
    }
    if row.outcome != "delivered" {
        let _ = writeln!(out, "    next: {}", row.next);
    }
    out
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// `12.345 ms (head 0.120, application 11.900)`
fn phases(row: &Row) -> String {
    let phases = &row.phases;
    let known = [
        ("head", phases.head_us),
        ("body", phases.body_us),
        ("application", phases.upstream_us),
        ("reply", phases.reply_us),
    ];
    let parts: Vec<String> =
        known.iter().filter_map(|(name, us)| us.map(|us| format!("{name} {}", milliseconds(us)))).collect();
    format!("{} ms ({})", milliseconds(phases.total_us), parts.join(", "))
}

fn milliseconds(us: u64) -> String {
    format!("{}.{:03}", us / 1000, us % 1000)
}

/// All of one.
pub(super) fn whole(whole: &Whole) -> String {
    let mut out = row(&whole.row);
    if whole.row.outcome == "delivered" {
        let _ = writeln!(out, "    next: {}", whole.row.next);
    }
    let parts = [
        ("request", &whole.request),
        ("head for the application", &whole.forwarded),
        ("answer of the application", &whole.answer),
        ("reply to the sender", &whole.reply),
    ];
    for (title, part) in parts {
        if let Some(part) = part {
            message(&mut out, title, part);
        }
    }
    if let Some(curl) = &whole.curl {
        let _ = writeln!(out, "\n--- the same with curl, unsigned\n{curl}");
    }
    out
}

fn message(out: &mut String, title: &str, message: &Message) {
    let _ = writeln!(out, "\n--- {title}\n{}", message.line);
    for (name, value) in &message.fields {
        let _ = writeln!(out, "{name}: {value}");
    }
    match &message.body {
        Some(body) => {
            let _ = writeln!(out, "\n{body}");
        }
        None if message.bytes > 0 => {
            let _ = writeln!(out, "\n(a body of {} bytes, {})", message.bytes, or_dash(&message.kind));
        }
        None => {}
    }
    if message.cut {
        let _ = writeln!(out, "(there is more than is kept)");
    }
    if !message.left_out.is_empty() {
        let _ = writeln!(out, "(left out: {})", message.left_out.join(", "));
    }
}

/// What became of a replay.
pub(super) fn replayed(replayed: &Replayed) -> String {
    let answer = replayed
        .upstream_status
        .map_or("gave no whole answer".to_owned(), |status| format!("answered {status}"));
    format!(
        "exchange {}: the application {answer}; a sender would be told {} ({}, {}), after {} ms\n",
        replayed.number,
        replayed.status,
        replayed.outcome,
        replayed.reason,
        milliseconds(replayed.took_us)
    )
}
