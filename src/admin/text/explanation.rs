//! An explanation in words: the same for one made here and one fetched from a live gate.

use std::fmt::Write as _;

use crate::admin::api::explanation::{Explanation, RouteVerdict, Verdict};
use crate::admin::text::{NOTHING, signature};
use crate::policy::delivery::is_of_signature;
use crate::policy::demand::OnBad;
use crate::policy::lead::lead;
use crate::policy::outcome::Reason;

/// The whole chain, from the peer to what the sender hears.
#[must_use]
pub(crate) fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    chain(&mut out, explanation);
    match (&explanation.path, explanation.routes.as_slice()) {
        (path, [route]) if path.is_some() || route.verdict == Verdict::Closed => {
            one_route(&mut out, explanation, path.as_deref().unwrap_or("every path"), route);
        }
        (_, routes) => every_route(&mut out, explanation, routes),
    }
    out
}

/// Peer, hops, client. Writing to a String cannot fail, here and below.
fn chain(out: &mut String, explanation: &Explanation) {
    let hops = &explanation.hops;
    if let Some(listener) = &explanation.listener {
        let _ = writeln!(out, "listener {listener}");
    }
    let is_bad_chain = explanation.no_client.as_deref() == Some(Reason::BadChain.word());
    for (place, hop) in hops.iter().enumerate() {
        let name = if place == 0 { "peer" } else { "hop" };
        let why = match &hop.trusted_by {
            Some(by) => format!("a trusted proxy ({by})"),
            None if is_bad_chain => "is not an address".to_owned(),
            None => "not a trusted proxy, so it is the client".to_owned(),
        };
        let _ = writeln!(out, "{name:<8} {:<18} {why}", shown(&hop.hop));
    }
    let nobody = match hops.len() {
        _ if is_bad_chain => "nobody: a hop that cannot be read is never skipped",
        2.. => "nobody: every hop is a trusted proxy, and a trusted proxy is never a client",
        _ => "nobody: the peer is a trusted proxy and names no one (give --via)",
    };
    let _ = writeln!(out, "client   {}", explanation.client.as_deref().unwrap_or(nobody));
    if explanation.via.is_some() && hops.len() == 1 {
        let _ = writeln!(
            out,
            "         the forwarding header is ignored: only a trusted proxy may name the client"
        );
    }
}

fn one_route(out: &mut String, explanation: &Explanation, path: &str, route: &RouteVerdict) {
    match &route.route {
        Some(label) => {
            let _ = writeln!(out, "route    {label} ({}) for {path}", or_nothing(route.webhook.as_deref()));
        }
        None if matches!(route.verdict, Verdict::Denied | Verdict::WouldDeny) => {
            let _ = writeln!(out, "route    none matches {path}");
        }
        None => {}
    }
    for list in route.lists.iter().filter(|_| explanation.client.is_some()) {
        let found = match (&list.prefix, list.line) {
            (Some(prefix), Some(line)) => format!("holds it: {prefix} at {}:{line}", list.file),
            _ => format!("does not hold it ({} prefixes in {})", list.prefixes, list.file),
        };
        let last_good = if list.last_good { " [last good version]" } else { "" };
        let _ = writeln!(out, "list     {:<18} {found}{last_good}", list.name);
    }
    if let Some(signature) = &route.signature {
        signature::of_request(out, signature);
    }
    let (list, prefix) = (or_nothing(route.list.as_deref()), or_nothing(route.prefix.as_deref()));
    let verdict = match route.verdict {
        Verdict::Admitted => format!("ADMITTED by list {list}, prefix {prefix}"),
        Verdict::Closed => format!("CLOSED before a request is read, {}", reason(route)),
        Verdict::Denied => format!("DENIED, {}", reason(route)),
        Verdict::Rejected => format!("REJECTED, {}", reason(route)),
        Verdict::Served => "SERVED by the gate itself, not forwarded".to_owned(),
        Verdict::WouldDeny => {
            format!("WOULD BE DENIED, {}; mode: observe forwards it all the same", reason(route))
        }
    };
    let _ = writeln!(out, "verdict  {verdict}");
    let answer = match route.verdict {
        Verdict::Denied => denied(explanation, route),
        Verdict::Rejected | Verdict::Closed => status(route),
        Verdict::Served => "the gate's own".to_owned(),
        Verdict::Admitted | Verdict::WouldDeny => {
            "what the application answers, judged by the delivery rules".to_owned()
        }
    };
    let _ = writeln!(out, "answer   {answer}");
    if let Some(note) = &route.note {
        let _ = writeln!(out, "note     {note}");
    }
    if let Some(with_signature) = &route.with_signature {
        let _ = writeln!(out, "unsigned {with_signature}");
    }
}

fn status(route: &RouteVerdict) -> String {
    route.status.map_or_else(|| "none, the connection is closed".to_owned(), |status| status.to_string())
}

fn denied(explanation: &Explanation, route: &RouteVerdict) -> String {
    if reason_of(route).is_some_and(is_of_signature) {
        // Only one of the two statuses is to be tried again.
        let (later, failure) =
            if route.status == Some(503) { (" with Retry-After", OnBad::Retry) } else { ("", OnBad::Forbid) };
        return format!("{}{later} (signatures.failure: {})", status(route), failure.word());
    }
    let later = if route.status == Some(503) { " with Retry-After" } else { "" };
    let why = match route.reason.as_deref() {
        Some(reason) if reason == Reason::JustRemoved.word() => "removed_grace".to_owned(),
        Some(reason) if reason == Reason::SignedStranger.word() => "signatures.unlisted: retry".to_owned(),
        _ => format!("deny: {}", explanation.deny),
    };
    format!("{}{later} ({why})", status(route))
}

/// The reason with its meaning, where it is one of those that the admission has.
fn reason(route: &RouteVerdict) -> String {
    let word = or_nothing(route.reason.as_deref());
    let meaning = match reason_of(route) {
        Some(Reason::NotListed) => "the client is in none of the route's lists",
        Some(Reason::JustRemoved) => {
            "none of the route's lists holds the client, but one did until a reload within removed_grace"
        }
        Some(Reason::StaleList) => {
            "none of the route's lists holds the client, but one was not reviewed for longer than ranges_review"
        }
        Some(Reason::NoRoute) => "no route matches the path",
        Some(Reason::NoClient) => "nobody can be named as the client",
        Some(Reason::BadChain) => "the forwarding header cannot be read",
        Some(Reason::NoProxyHeader) => {
            "only a trusted proxy may connect here, and begins with a PROXY header (--proxy)"
        }
        Some(reason) if is_of_signature(reason) || reason == Reason::SignedStranger => {
            lead(reason).unwrap_or_default()
        }
        _ => return word.to_owned(),
    };
    format!("{word}: {meaning}")
}

fn reason_of(route: &RouteVerdict) -> Option<Reason> {
    let word = route.reason.as_deref()?;
    Reason::ALL.iter().copied().find(|reason| reason.word() == word)
}

fn every_route(out: &mut String, explanation: &Explanation, routes: &[RouteVerdict]) {
    let width = routes.iter().map(|route| or_nothing(route.route.as_deref()).len()).max().unwrap_or(0).max(5);
    let _ = writeln!(out, "\n{:<width$}  {:<20}  verdict", "route", "webhook");
    for route in routes {
        let reason = or_nothing(route.reason.as_deref());
        let verdict = match route.verdict {
            Verdict::Admitted => admitted(route),
            Verdict::WouldDeny => format!("observed  {reason}, forwarded all the same"),
            _ => format!("denied    {reason}, answer {}", denied(explanation, route)),
        };
        let (label, webhook) = (or_nothing(route.route.as_deref()), or_nothing(route.webhook.as_deref()));
        let _ = writeln!(out, "{label:<width$}  {webhook:<20}  {verdict}");
    }
}

fn admitted(route: &RouteVerdict) -> String {
    let by = route.lists.iter().find(|list| Some(&list.name) == route.list.as_ref());
    let at = by.and_then(|list| Some(format!(" at {}:{}", list.file, list.line?)));
    let (list, prefix) = (or_nothing(route.list.as_deref()), or_nothing(route.prefix.as_deref()));
    format!("admitted  {list} {prefix}{}", at.unwrap_or_default())
}

/// What is no address is shown quoted: it may hold anything.
fn shown(hop: &str) -> String {
    if hop.parse::<std::net::IpAddr>().is_ok() { hop.to_owned() } else { format!("{hop:?}") }
}

fn or_nothing(text: Option<&str>) -> &str {
    text.unwrap_or(NOTHING)
}
